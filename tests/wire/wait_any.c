/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for several queues in one call. */
#include <errno.h>

#include "wire.h"

SUITE(wait_any);

enum { QUEUES = 3 };

static shmq *queues[SHMQ_WAIT_MAX + 1];
static enum shmq_event events[SHMQ_WAIT_MAX + 1]; /* SHMQ_NOT_EMPTY is 0 */

static void make_queues(size_t n) {
  struct shmq_options options = default_options();
  options.capacity = 4096;
  options.item_max = 64;
  options.maxsize = 2;
  options.max_leases = options.max_threads = 4;
  for (size_t i = 0; i < n; i++) {
    queues[i] = make_queue(&options);
    check_is(shmq_unlink(queue_name), 0);
  }
}

Test(wait_any, says_which) {
  make_queues(QUEUES);
  check_is(shmq_wait_any(queues, events, QUEUES, SHMQ_NOWAIT), -EAGAIN);
  for (int i = 0; i < QUEUES; i++) {
    check_is(put_number(queues[i], i), 0);
    check_is(shmq_wait_any(queues, events, QUEUES, SHMQ_NOWAIT), i);
    check_is(shmq_wait_any(queues, events, QUEUES, SHMQ_FOREVER), i);
    check_is(get_number(queues[i], SHMQ_NOWAIT), i);
  }
}

Test(wait_any, each_event) {
  make_queues(QUEUES);
  events[1] = SHMQ_NOT_FULL;
  events[2] = SHMQ_FINISHED;
  check_is(put_numbers(queues[1], 0, 2), 0);
  check_is(put_number(queues[2], 0), 0);
  check_is(shmq_wait_any(queues, events, QUEUES, SHMQ_NOWAIT), -EAGAIN);
  check_is(get_number(queues[1], SHMQ_NOWAIT), 0);
  check_is(shmq_wait_any(queues, events, QUEUES, SHMQ_NOWAIT), 1);
  check_is(put_number(queues[1], 0), 0);
  check_is(get_number(queues[2], SHMQ_NOWAIT), 0);
  check_is(shmq_wait_any(queues, events, QUEUES, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_task_done(queues[2]), 0);
  check_is(shmq_wait_any(queues, events, QUEUES, SHMQ_NOWAIT), 2);
  check_is(shmq_shutdown(queues[0], 0), 0);
  check_is(put_number(queues[2], 0), 0);
  check_is(shmq_wait_any(queues, events, QUEUES, SHMQ_FOREVER), 0);
}

/* A busy queue does not starve the others. */
Test(wait_any, each_in_its_turn) {
  int seen[QUEUES] = {0};
  make_queues(QUEUES);
  for (int i = 0; i < QUEUES; i++)
    check_is(put_number(queues[i], i), 0);
  for (int i = 0; i < 4 * QUEUES; i++) {
    const int at = shmq_wait_any(queues, events, QUEUES, SHMQ_FOREVER);
    check_at_least(at, 0);
    seen[at]++;
  }
  for (int i = 0; i < QUEUES; i++)
    check_is(seen[i], 4);
}

Test(wait_any, timeout) {
  make_queues(QUEUES);
  const shmq_ns begin = now();
  check_is(shmq_wait_any(queues, events, QUEUES, 250 * MS), -ETIMEDOUT);
  check_at_least(now() - begin, 250 * MS);
}

Test(wait_any, bad_arguments) {
  make_queues(SHMQ_WAIT_MAX + 1);
  check_is(shmq_wait_any(queues, events, 0, SHMQ_NOWAIT), -EINVAL);
  check_is(shmq_wait_any(queues, events, SHMQ_WAIT_MAX + 1, SHMQ_NOWAIT), -EINVAL);
  events[1] = (enum shmq_event)3;
  check_is(shmq_wait_any(queues, events, 2, SHMQ_FOREVER), -EINVAL);
  check_is(shmq_wait_any(queues, events, 1, SHMQ_NOWAIT), -EAGAIN);
  struct shmq_futex futex;
  check_is(shmq_event_arm(queues[0], (enum shmq_event)3, &futex), -EINVAL);
  check_is(shmq_look(queues[0], (enum shmq_event)3), -EINVAL);
}

Test(wait_any, kernel_without_futex_waitv) {
  make_queues(QUEUES);
  cr_assert(forbid(SYS_futex_waitv, ENOSYS));
  check_is(shmq_wait_any(queues, events, QUEUES, SHMQ_FOREVER), -ENOSYS);
  check_is(put_number(queues[1], 1), 0);
  check_is(shmq_wait_any(queues, events, QUEUES, SHMQ_FOREVER), 1);
}

static int64_t echo_all(void *unused) {
  (void)unused;
  for (int64_t i = 0; i < SHMQ_WAIT_MAX; i++) {
    const int at = shmq_wait_any(queues, events, SHMQ_WAIT_MAX, SHMQ_FOREVER);
    if (at < 0) return at;
    say(get_number(queues[at], SHMQ_NOWAIT));
  }
  return 0;
}

/* A sleeper in another process, at as many queues as there may be. */
Test(wait_any, any_of_all_wakes_the_sleeper) {
  make_queues(SHMQ_WAIT_MAX);
  const struct child child = child_start(echo_all, NULL);
  for (int i = 0; i < SHMQ_WAIT_MAX; i++) {
    const int at = i * 37 % SHMQ_WAIT_MAX;
    check_becomes(child_sleeps(&child));
    check_is(put_number(queues[at], at), 0);
    check_is(child_hear(&child), at);
  }
  check_is(child_result(&child), 0);
}

static int64_t echo_without_membarrier(void *unused) {
  return forbid(SYS_membarrier, EPERM) ? echo_all(unused) : -1;
}

Test(wait_any, who_has_no_membarrier_sleeps_and_is_woken) {
  make_queues(SHMQ_WAIT_MAX);
  const struct child child = child_start(echo_without_membarrier, NULL);
  for (int i = 0; i < SHMQ_WAIT_MAX; i++) {
    check_becomes(child_sleeps(&child));
    check_is(put_number(queues[i], i), 0);
    check_is(child_hear(&child), i);
  }
  check_is(child_result(&child), 0);
}

/* It cannot wake anybody: as if killed after its commit, but that nobody is found dead. */
static int64_t put_without_waking(void *unused) {
  (void)unused;
  if (!forbid_shared_futexes()) return -1;
  const int r = put_number(queues[1], 5);
  shmq_close(queues[1]);
  return r;
}

Test(wait_any, wake_up_owed_by_the_dead_is_paid) {
  make_queues(SHMQ_WAIT_MAX);
  const struct child sleeper = child_start(echo_all, NULL);
  check_becomes(child_sleeps(&sleeper));
  const struct child putter = child_start(put_without_waking, NULL);
  check_is(child_result(&putter), 0);
  check_is(child_hear(&sleeper), 5);
  child_kill(&sleeper);
}

/* It was woken in place of others, and does not come. */
static int64_t wait_for_three(void *unused) {
  (void)unused;
  say(shmq_wait_any(queues, events, QUEUES, SHMQ_FOREVER));
  stay();
}

Test(wait_any, stopped_or_slow_waiter_holds_up_nobody) {
  make_queues(QUEUES);
  const struct child waiter = child_start(wait_for_three, NULL);
  check_becomes(child_sleeps(&waiter));
  child_stop(&waiter);
  for (int i = 0; i < QUEUES; i++) {
    check_is(put_number(queues[i], i), 0);
    check_is(get_number(queues[i], PATIENCE), i);
  }
  check_is(put_number(queues[2], 2), 0);
  child_continue(&waiter);
  check_is(child_hear(&waiter), 2);
  child_kill(&waiter);
}
