/* SPDX-License-Identifier: Apache-2.0 */
/* Commit and sleep: nobody is left asleep though something was committed. */
#include <stdio.h>

#include "event_count.h"
#include "litmus.h"

TestSuite(litmus_event, .timeout = 600);

static struct shared {
  struct event_count event;
  struct state state;
  alignas(LINE) _Atomic int64_t begun;     /* rounds that the sleeper has begun */
  alignas(LINE) _Atomic int64_t committed; /* by the waker, and */
  alignas(LINE) _Atomic int64_t notified;  /* what it has looked for sleepers after */
  _Atomic bool stop;
} * shared;

/* Goes on when the sleeper does, and commits while that one falls asleep. */
static int64_t commit(void *unused) {
  (void)unused;
  struct chance chance = {1};
  for (int64_t round = 1;; round++) {
    while (load_acquire(&shared->begun) < round) {
      if (load_relaxed(&shared->stop)) return round;
      cpu_relax();
    }
    dither(&chance, 200);
    store_release(&shared->committed, round);
    event_notify(&shared->event, &shared->state, 1);
    store_release(&shared->notified, round);
  }
}

/* The waker is through, and has neither been seen by us nor seen us. No clock decides that. */
static bool is_forgotten(int64_t round, uint32_t seen) {
  return load_acquire(&shared->notified) == round && load_relaxed(&shared->event.word) == seen;
}

struct rounds {
  int64_t all, asleep, forgotten;
};

static void fall_asleep(struct rounds *r, bool barrier) {
  const uint32_t seen = event_prepare(&shared->event, &shared->state, barrier);
  if (load_acquire(&shared->committed) == r->all) return;
  r->asleep++;
  event_sleep(&shared->event, seen, EVENT_FIRST_SLICE);
  r->forgotten += is_forgotten(r->all, seen);
}

static struct rounds sleep_again_and_again(shmq_ns duration, bool barrier) {
  struct rounds r = {0};
  struct chance chance = {2};
  for (const shmq_ns end = now() + duration; now() < end;) {
    store_release(&shared->begun, ++r.all);
    dither(&chance, 200);
    while (load_acquire(&shared->committed) != r.all)
      fall_asleep(&r, barrier);
    while (load_acquire(&shared->notified) != r.all)
      cpu_relax();
  }
  return r;
}

static struct rounds race(bool barrier) {
  if (!membarrier_register()) cr_skip("no membarrier here");
  shared = shared_memory(sizeof *shared);
  struct child waker = child_start(commit, NULL);
  const struct rounds r = sleep_again_and_again(litmus_duration(), barrier);
  shared->stop = true;
  child_result(&waker);
  printf("%s barrier: %" PRId64 " rounds, %" PRId64 " asleep, %" PRId64 " forgotten\n",
         barrier ? "with" : "without", r.all, r.asleep, r.forgotten);
  return r;
}

Test(litmus_event, nobody_is_forgotten) {
  const struct rounds r = race(true);
  check_is(r.forgotten, 0);
  check_at_least(r.asleep, 1);
}

/* As at the first sleep of a call, which is short for this reason. Shows that the race is run. */
Test(litmus_event, without_the_barrier_all_go_on) {
  check_at_least(race(false).asleep, 1);
}
