/* SPDX-License-Identifier: Apache-2.0 */
/* Grant and revocation of the bias: one process at a time is inside. */
#include <stdio.h>

#define MUTEX_STREAK 3u /* here the bias is given, and taken away, all the time */
#include "litmus.h"
#include "robust_mutex.h"

TestSuite(litmus_bias, .timeout = 600);

enum { PROCESSES = 3 };

/* Not atomic: the mutex is all that orders them. */
struct guarded {
  volatile int64_t entries;
  volatile uint32_t inside;
};

static struct shared {
  struct guarded guarded;
  _Atomic bool stop;
  _Atomic int64_t by_bias, evictions;
} * shared;

static shmq *q;
static struct robust_mutex *mutex;

static void lock(uint32_t me) {
  while (!mutex_try(q, mutex, me) && !mutex_wait(q, mutex, me, MS))
    continue;
}

/* Returns 1 if somebody else was there. */
static int64_t meet(struct guarded *g, uint32_t me) {
  bool met = g->inside != 0;
  g->inside = me;
  g->entries++;
  met |= g->inside != me;
  g->inside = 0;
  return met;
}

/* Runs of some entries, as long as it takes to earn the bias, and pauses in which others do. */
static int64_t enter_again_and_again(void *id) {
  const uint32_t me = (uint32_t)(uintptr_t)id;
  struct chance chance = {me};
  int64_t met = 0, entries = 0, by_bias = 0, evictions = 0;
  for (; !load_relaxed(&shared->stop); dither(&chance, 4000)) {
    for (uint64_t n = chance_below(&chance, 40); n > 0; n--, entries++) {
      const uint32_t bias = load_relaxed(&mutex->bias);
      lock(me);
      met += meet(&shared->guarded, me);
      by_bias += mutex_word_holder(mutex) != me;
      evictions += bias != 0 && bias != me;
      mutex_unlock(q, mutex, me, true);
    }
  }
  add_relaxed(&shared->by_bias, by_bias);
  add_relaxed(&shared->evictions, evictions);
  say(met);
  return entries;
}

Test(litmus_bias, one_at_a_time) {
  struct child children[PROCESSES];
  int64_t met = 0, entries = 0;
  if (!membarrier_register()) cr_skip("no membarrier here");
  shared = shared_memory(sizeof *shared);
  q = make_queue(NULL);
  mutex = &q->segment->producer.lock;
  for (uintptr_t i = 0; i < PROCESSES; i++)
    children[i] = child_start(enter_again_and_again, (void *)(i + 1));
  nap(litmus_duration());
  shared->stop = true;
  for (int i = 0; i < PROCESSES; i++) {
    met += child_hear(&children[i]);
    entries += child_result(&children[i]);
  }
  printf("%" PRId64 " entries, %" PRId64 " of them by bias; %" PRId64 " evictions\n", entries,
         shared->by_bias, shared->evictions);
  check_is(met, 0);
  check_is(shared->guarded.entries, entries);
  check_at_least(shared->by_bias, 1);
  check_at_least(shared->evictions, 1);
}
