/* SPDX-License-Identifier: Apache-2.0 */
#include "event_count.h"

#include <pthread.h>

#include "check.h"

SUITE(event_count);

static struct event_count event;
static struct state state;
static _Atomic int committed, awake;

Test(event_count, notifying_nobody_changes_nothing) {
  event_notify(&event, &state, 1);
  check_is(event.word, 0);
}

Test(event_count, notice_after_prepare_ends_the_sleep_at_once) {
  const uint32_t seen = event_prepare(&event, &state, true);
  const shmq_ns start = now();
  event_notify(&event, &state, 1);
  event_sleep(&event, seen, 10 * SECOND);
  check_at_most(now() - start, 9 * SECOND);
}

Test(event_count, sleep_ends_with_its_time) {
  const uint32_t seen = event_prepare(&event, &state, true);
  const shmq_ns start = now();
  event_sleep(&event, seen, 20 * MS);
  check_at_least(now() - start, 20 * MS);
}

Test(event_count, bit_goes_when_nobody_is_left) {
  event_prepare(&event, &state, true);
  check_is(event.word & EVENT_ASLEEP, EVENT_ASLEEP);
  const uint32_t before = event.word;
  event_notify(&event, &state, 1);
  check_is(event.word & EVENT_ASLEEP, 0);
  cr_assert(event.word > before, "the sequence did not move");
}

static void *wait_for_commit(void *unused) {
  (void)unused;
  while (!committed) {
    const uint32_t seen = event_prepare(&event, &state, true);
    if (!committed) event_sleep(&event, seen, 20 * SECOND);
  }
  awake++;
  return NULL;
}

Test(event_count, all_sleepers_are_woken) {
  enum { SLEEPERS = 8 };
  pthread_t threads[SLEEPERS];
  for (int i = 0; i < SLEEPERS; i++)
    pthread_create(&threads[i], NULL, wait_for_commit, NULL);
  nap(20 * MS);
  committed = 1;
  event_notify(&event, &state, EVENT_ALL);
  check_becomes(awake == SLEEPERS);
  for (int i = 0; i < SLEEPERS; i++)
    pthread_join(threads[i], NULL);
}

/* One commits and the other sleeps, in turns: a single lost wake-up would cost the whole sleep. */
static void *answer(void *unused) {
  (void)unused;
  for (int turn = 1; turn < 4000; turn += 2) {
    while (committed != turn) {
      const uint32_t seen = event_prepare(&event, &state, true);
      if (committed != turn) event_sleep(&event, seen, 10 * SECOND);
    }
    committed = turn + 1;
    event_notify(&event, &state, 1);
  }
  return NULL;
}

Test(event_count, no_wake_up_is_lost) {
  pthread_t thread;
  pthread_create(&thread, NULL, answer, NULL);
  const shmq_ns start = now();
  for (int turn = 0; turn < 4000; turn += 2) {
    while (committed != turn) {
      const uint32_t seen = event_prepare(&event, &state, true);
      if (committed != turn) event_sleep(&event, seen, 10 * SECOND);
    }
    committed = turn + 1;
    event_notify(&event, &state, 1);
  }
  pthread_join(thread, NULL);
  check_at_most(now() - start, 9 * SECOND);
}
