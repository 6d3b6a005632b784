/* SPDX-License-Identifier: Apache-2.0 */
/* P6: a timeout covers the whole call, every lock in it included; and it is not early. */
#include <errno.h>

#include "check.h"

SUITE(p6_timeouts);

/* "Nobody hangs": a call returns within this of its timeout, whatever the others do. The machine
   itself may stand still for seconds. */
#define OVERSHOOT (20 * SECOND)

#define check_times_out(call, timeout)                    \
  do {                                                    \
    const shmq_ns start_ = now();                         \
    check_is(call, -ETIMEDOUT);                           \
    check_at_least(now() - start_, timeout);              \
    check_at_most(now() - start_, (timeout) + OVERSHOOT); \
  } while (0)

static shmq *make_full_queue(void) {
  struct shmq_options options = default_options();
  options.maxsize = 1;
  shmq *queue = make_queue(&options);
  check_is(put_number(queue, 0), 0);
  return queue;
}

static const shmq_ns durations[] = {1, 1000, MS, 30 * MS, 150 * MS, 350 * MS};

#define for_each_duration(timeout)                                                             \
  for (const shmq_ns *each_ = durations, *end_ = each_ + sizeof durations / sizeof *durations; \
       each_ < end_; each_++)                                                                  \
    for (shmq_ns timeout = *each_, once_ = 1; once_; once_ = 0)

Test(p6_timeouts, get_waits_its_time) {
  char item[8];
  shmq *queue = make_queue(NULL);
  for_each_duration(timeout) check_times_out(shmq_get(queue, item, 8, timeout), timeout);
}

Test(p6_timeouts, get_many_waits_its_time) {
  char item[8];
  struct iovec items[1] = {{item, sizeof item}};
  shmq *queue = make_queue(NULL);
  for_each_duration(timeout) check_times_out(shmq_get_many(queue, items, 1, timeout), timeout);
}

Test(p6_timeouts, take_waits_its_time) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  for_each_duration(timeout) check_times_out(shmq_take(queue, &lease, timeout), timeout);
  for_each_duration(timeout) check_times_out(shmq_take_many(queue, &lease, 1, timeout), timeout);
}

Test(p6_timeouts, put_waits_its_time) {
  shmq *queue = make_full_queue();
  for_each_duration(timeout) check_times_out(shmq_put(queue, "x", 1, timeout), timeout);
}

Test(p6_timeouts, put_many_waits_its_time) {
  struct iovec items[2] = {{"x", 1}, {"y", 1}};
  shmq *queue = make_full_queue();
  for_each_duration(timeout) check_times_out(shmq_put_many(queue, items, 2, timeout), timeout);
}

Test(p6_timeouts, join_waits_its_time) {
  shmq *queue = make_full_queue();
  for_each_duration(timeout) check_times_out(shmq_join(queue, timeout), timeout);
}

Test(p6_timeouts, nowait_does_not_wait) {
  struct shmq_lease lease;
  shmq *queue = make_full_queue();
  check_is(shmq_put(queue, "x", 1, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_join(queue, SHMQ_NOWAIT), -EAGAIN);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_take(queue, &lease, SHMQ_NOWAIT), -EAGAIN);
}

Test(p6_timeouts, longest_and_any_negative_timeout_wait) {
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 4), 0);
  check_is(get_number(queue, INT64_MAX), 0);
  check_is(get_number(queue, INT64_MIN), 1);
  check_is(get_number(queue, -2), 2);
  check_is(get_number(queue, INT64_MAX - 1), 3);
}

static int64_t get_with(void *timeout) {
  shmq *queue = open_queue();
  say(0);
  return get_number(queue, *(shmq_ns *)timeout);
}

Test(p6_timeouts, sleeper_with_the_longest_timeout_is_woken) {
  static shmq_ns timeouts[] = {INT64_MAX, INT64_MIN, SHMQ_FOREVER};
  shmq *queue = make_queue(NULL);
  for (size_t i = 0; i < 3; i++) {
    struct child getter = child_start(get_with, &timeouts[i]);
    check_is(child_hear(&getter), 0);
    check_becomes(child_sleeps(&getter));
    check_is(put_number(queue, 7), 0);
    check_is(child_result(&getter), 7);
  }
}

_Noreturn static int64_t put_and_get_for_ever(void *unused) {
  shmq *queue = open_queue();
  char item[64] = {0};
  (void)unused;
  say(0);
  for (;;) {
    shmq_put(queue, item, sizeof item, SHMQ_NOWAIT);
    shmq_get(queue, item, sizeof item, SHMQ_NOWAIT);
    shmq_task_done(queue);
  }
}

/* Sooner or later the process is stopped with a lock in its hand. */
Test(p6_timeouts, lock_held_by_a_stopped_process_is_in_the_timeout) {
  enum { ROUNDS = 60 };
  struct chance chance = chance_begin();
  char item[64];
  shmq *queue = make_queue(NULL);
  struct child child = child_start(put_and_get_for_ever, NULL);
  check_is(child_hear(&child), 0);
  for (int round = 0; round < ROUNDS; round++) {
    nap((shmq_ns)chance_below(&chance, 6000) * US);
    child_stop(&child);
    const shmq_ns start = now();
    const ssize_t got = shmq_get(queue, item, sizeof item, 20 * MS);
    const int put = shmq_put(queue, item, sizeof item, 20 * MS);
    check_at_most(now() - start, 40 * MS + OVERSHOOT);
    cr_assert(got == sizeof item || got == -ETIMEDOUT);
    cr_assert(put == 0 || put == -ETIMEDOUT);
    child_continue(&child);
  }
}

Test(p6_timeouts, nowait_returns_though_a_stopped_process_holds_the_lock) {
  enum { ROUNDS = 60 };
  struct chance chance = chance_begin();
  char item[64];
  shmq *queue = make_queue(NULL);
  struct child child = child_start(put_and_get_for_ever, NULL);
  check_is(child_hear(&child), 0);
  for (int round = 0; round < ROUNDS; round++) {
    nap((shmq_ns)chance_below(&chance, 6000) * US);
    child_stop(&child);
    const shmq_ns start = now();
    const ssize_t got = shmq_get(queue, item, sizeof item, SHMQ_NOWAIT);
    const int put = shmq_put(queue, item, sizeof item, SHMQ_NOWAIT);
    check_at_most(now() - start, OVERSHOOT);
    cr_assert(got == sizeof item || got == -EAGAIN);
    cr_assert(put == 0 || put == -EAGAIN);
    child_continue(&child);
  }
}

static int64_t attach_and_stay(void *unused) {
  (void)unused;
  say(put_number(open_queue(), 1));
  stay();
}

/* Recovery, which a timed call may run, needs the locks too. */
Test(p6_timeouts, recovery_is_in_the_timeout) {
  enum { ROUNDS = 40 };
  struct chance chance = chance_begin();
  char item[64];
  shmq *queue = make_queue(NULL);
  struct child busy = child_start(put_and_get_for_ever, NULL);
  check_is(child_hear(&busy), 0);
  for (int round = 0; round < ROUNDS; round++) {
    struct child dead = child_start(attach_and_stay, NULL);
    check_is(child_hear(&dead), 0);
    nap((shmq_ns)chance_below(&chance, 6000) * US);
    child_stop(&busy);
    child_kill(&dead);
    const shmq_ns start = now();
    for (int i = 0; i < 5; i++)
      shmq_join(queue, 20 * MS);
    while (shmq_get(queue, item, sizeof item, 20 * MS) > 0)
      shmq_task_done(queue);
    check_at_most(now() - start, 120 * MS + OVERSHOOT);
    child_continue(&busy);
  }
}

_Noreturn static int64_t steal_every_item(void *unused) {
  struct shmq_lease lease;
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  for (;;) {
    if (shmq_put(queue, "12345678", 8, SHMQ_NOWAIT) == 0 &&
        shmq_take(queue, &lease, SHMQ_NOWAIT) == 0)
      shmq_done(queue, &lease);
  }
}

/* Woken again and again for items that are gone: the time must not begin anew. */
Test(p6_timeouts, timeout_does_not_begin_anew_at_each_wake_up) {
  shmq *queue = make_queue(NULL);
  struct child thief = child_start(steal_every_item, NULL);
  check_is(child_hear(&thief), 0);
  for (int round = 0; round < 10; round++) {
    const shmq_ns start = now();
    const int64_t got = get_number(queue, 100 * MS);
    check_at_most(now() - start, 100 * MS + OVERSHOOT);
    cr_assert(got >= 0 || got == -ETIMEDOUT);
  }
}
