/* SPDX-License-Identifier: Apache-2.0 */
/* P7: what a watcher sees of ages, of who waits and of what threads do. */
#include <errno.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

SUITE(p7_ages);

/* What shmq.h says of ages: at most so much too large, if somebody called since. */
#define RESOLUTION (60 * MS)

static shmq *watch_queue(void) {
  shmq *watcher = NULL;
  check_is(shmq_open_readonly(&watcher, queue_name), 0);
  return watcher;
}

/* Something happened between two times; a watcher says how long ago. */
#define check_age(age, began, ended)                               \
  do {                                                             \
    const shmq_ns looked_ = now();                                 \
    const shmq_ns age_ = age;                                      \
    check_at_least(age_, looked_ - (ended));                       \
    check_at_most(age_, (now() - (began)) * 16 / 15 + RESOLUTION); \
  } while (0)

_Noreturn static int64_t put_as_told(void *unused) {
  shmq *queue = open_queue();
  (void)unused;
  for (;;)
    say(put_number(queue, listen_to_parent()));
}

/* The child puts it; the times are before and after. */
static void have_put(const struct child *child, int64_t number, shmq_ns *began, shmq_ns *ended) {
  *began = now();
  child_tell(child, number);
  check_is(child_hear(child), 0);
  *ended = now();
}

Test(p7_ages, nothing_waits_and_nothing_is_held) {
  shmq *watcher = (make_queue(NULL), watch_queue());
  check_is(stats_of(watcher).oldest_waiting, 0);
  check_is(stats_of(watcher).oldest_lease, 0);
}

Test(p7_ages, oldest_item_of_a_producer_that_is_stopped) {
  shmq_ns began, ended;
  shmq *watcher = (make_queue(NULL), watch_queue());
  struct child producer = child_start(put_as_told, NULL);
  have_put(&producer, 1, &began, &ended);
  child_stop(&producer);
  check_age(stats_of(watcher).oldest_waiting, began, ended);
  nap(300 * MS);
  check_age(stats_of(watcher).oldest_waiting, began, ended);
  child_kill(&producer);
  check_age(stats_of(watcher).oldest_waiting, began, ended);
}

/* Each get uncovers the next item, which is as old as it is: not as the one before. */
Test(p7_ages, oldest_item_of_a_slow_producer) {
  enum { ITEMS = 5 };
  shmq_ns began[ITEMS], ended[ITEMS];
  shmq *queue = make_queue(NULL), *watcher = watch_queue();
  struct child producer = child_start(put_as_told, NULL);
  for (int i = 0; i < ITEMS; i++) {
    have_put(&producer, i, &began[i], &ended[i]);
    nap(200 * MS);
  }
  for (int i = 0; i < ITEMS; i++) {
    check_age(stats_of(watcher).oldest_waiting, began[i], ended[i]);
    check_is(get_number(queue, SHMQ_NOWAIT), i);
  }
  check_is(stats_of(watcher).oldest_waiting, 0);
}

static int64_t put_with(void *queue) {
  return put_number(queue, 1);
}

/* Its first call is its last, and goes the long way: with the handle that it inherited, it is not
 * attached before. */
Test(p7_ages, oldest_item_of_a_child_that_puts_once) {
  shmq *queue = make_queue(NULL), *watcher = watch_queue();
  nap(200 * MS);
  const shmq_ns began = now();
  struct child producer = child_start(put_with, queue);
  check_is(child_result(&producer), 0);
  check_age(stats_of(watcher).oldest_waiting, began, now());
}

Test(p7_ages, item_that_came_back_is_as_old_as_its_put) {
  shmq_ns began, ended;
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL), *watcher = watch_queue();
  struct child producer = child_start(put_as_told, NULL);
  have_put(&producer, 1, &began, &ended);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 1);
  check_is(stats_of(watcher).oldest_waiting, 0);
  nap(200 * MS);
  check_is(shmq_give_back(queue, &lease), 0);
  check_age(stats_of(watcher).oldest_waiting, began, ended);
}

/* Leases of the first and of a later delivery, by one who has slept before. */
_Noreturn static int64_t take_slowly(void *unused) {
  struct shmq_lease lease;
  shmq *queue = open_queue();
  (void)unused;
  for (;;) {
    say(take_number(queue, &lease, PATIENCE));
    listen_to_parent();
    say(shmq_give_back(queue, &lease));
    listen_to_parent();
  }
}

static struct shmq_process process_of(shmq *queue, pid_t pid) {
  struct shmq_process processes[8];
  const ssize_t n = shmq_processes(queue, processes, 8);
  for (ssize_t i = 0; i < n && i < 8; i++)
    if (processes[i].pid == pid) return processes[i];
  return (struct shmq_process){0};
}

Test(p7_ages, oldest_lease_of_a_taker_that_is_stopped) {
  shmq *queue = make_queue(NULL), *watcher = watch_queue();
  struct child taker = child_start(take_slowly, NULL);
  nap(200 * MS);
  shmq_ns began = now();
  for (int delivery = 0; delivery < 3; delivery++) {
    if (delivery == 0) check_is(put_number(queue, 7), 0);
    check_is(child_hear(&taker), 7);
    const shmq_ns ended = now();
    child_stop(&taker);
    nap(200 * MS);
    check_age(stats_of(watcher).oldest_lease, began, ended);
    check_age(process_of(watcher, taker.pid).oldest_lease, began, ended);
    check_is(process_of(watcher, getpid()).oldest_lease, 0);
    child_continue(&taker);
    child_tell(&taker, 0);
    check_is(child_hear(&taker), 0);
    check_is(stats_of(watcher).oldest_lease, 0);
    nap(200 * MS);
    began = now();
    child_tell(&taker, 0);
  }
}

/* ---- Who waits ----------------------------------------------------------------------------------
 */

static int64_t get_for_ever(void *unused) {
  (void)unused;
  return get_number(open_queue(), SHMQ_FOREVER);
}

static int64_t put_once(void *unused) {
  (void)unused;
  return put_number(open_queue(), 2);
}

static int64_t put_patiently(void *unused) {
  int64_t number = 2;
  (void)unused;
  return shmq_put(open_queue(), &number, sizeof number, SHMQ_FOREVER);
}

static int64_t take_for_ever(void *unused) {
  struct shmq_lease lease;
  (void)unused;
  return take_number(open_queue(), &lease, SHMQ_FOREVER);
}

static int64_t join_for_ever(void *unused) {
  (void)unused;
  return shmq_join(open_queue(), SHMQ_FOREVER);
}

static struct shmq_thread thread_of(shmq *queue, pid_t pid) {
  struct shmq_thread threads[8];
  const ssize_t n = shmq_threads(queue, threads, 8);
  for (ssize_t i = 0; i < n && i < 8; i++)
    if (threads[i].pid == pid) return threads[i];
  return (struct shmq_thread){0};
}

static uint32_t waiting(shmq *queue) {
  const struct shmq_stats stats = stats_of(queue);
  return stats.putters_waiting + stats.getters_waiting + stats.joiners_waiting;
}

/* It is seen asleep, for as long as it can have been; stopped, too; and not when it is dead. */
static void check_waits(shmq *watcher, int64_t (*run)(void *), enum shmq_activity activity) {
  const shmq_ns began = now();
  struct child child = child_start(run, NULL);
  check_becomes(thread_of(watcher, child.pid).activity == activity);
  check_becomes(waiting(watcher) == 1);
  check_at_most(thread_of(watcher, child.pid).since, now() - began + RESOLUTION);
  check_is(thread_of(watcher, child.pid).tid, child.pid);
  check_becomes(child_sleeps(&child) && waiting(watcher) == 1);
  child_stop(&child);
  cr_assert(thread_of(watcher, child.pid).alive);
  child_kill(&child);
  check_is(waiting(watcher), 0);
  cr_assert(!thread_of(watcher, child.pid).alive);
}

Test(p7_ages, getter_that_waits) {
  shmq *queue = make_queue(NULL), *watcher = watch_queue();
  check_waits(watcher, get_for_ever, SHMQ_WAITS_FOR_ITEM);
  check_is(shmq_recover(queue), 1);
}

Test(p7_ages, putter_that_waits) {
  struct shmq_options options = default_options();
  options.maxsize = 1;
  shmq *queue = make_queue(&options), *watcher = watch_queue();
  check_is(put_number(queue, 1), 0);
  check_waits(watcher, put_patiently, SHMQ_WAITS_FOR_ROOM);
  check_is(stats_of(watcher).full, true);
}

Test(p7_ages, taker_that_waits_for_a_cell) {
  struct shmq_options options = default_options();
  struct shmq_lease lease;
  options.max_leases = 1;
  shmq *queue = make_queue(&options), *watcher = watch_queue();
  check_is(put_numbers(queue, 1, 3), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 1);
  check_waits(watcher, take_for_ever, SHMQ_WAITS_FOR_LEASE);
}

Test(p7_ages, joiner_that_waits) {
  shmq *queue = make_queue(NULL), *watcher = watch_queue();
  check_is(put_number(queue, 1), 0);
  check_waits(watcher, join_for_ever, SHMQ_WAITS_FOR_JOIN);
}

Test(p7_ages, last_call_of_those_who_do_not_wait) {
  shmq *queue = make_queue(NULL), *watcher = watch_queue();
  struct child putter = child_start(put_once, NULL);
  check_is(child_result(&putter), 0);
  check_is(get_number(queue, PATIENCE), 2);
  check_is(thread_of(watcher, getpid()).activity, SHMQ_GETS);
  check_is(thread_of(watcher, getpid()).got, 1);
  check_is(thread_of(watcher, getpid()).unfinished, 1);
  nap(30 * MS); /* to another tick of the clock */
  check_is(put_number(queue, 1), 0);
  check_is(thread_of(watcher, getpid()).activity, SHMQ_PUTS);
  check_is(thread_of(watcher, getpid()).inside, SHMQ_OUTSIDE);
}

/* ---- Who may only read --------------------------------------------------------------------------
 */

static int64_t watch_as_member_of_the_group(void *given) {
  shmq *watcher = NULL, *refused = NULL;
  struct shmq_stats stats;
  struct shmq_process process;
  (void)given;
  if (setgroups(0, NULL) || setgid(12345) || setuid(12346)) return 1;
  if (shmq_open(&refused, queue_name) != -EACCES) return 2;
  if (shmq_unlink(queue_name) != -EACCES) return 3;
  if (shmq_open_readonly(&watcher, queue_name) != 0) return 4;
  if (shmq_stat(watcher, &stats) != 0 || stats.qsize != 1 || stats.oldest_waiting <= 0) return 5;
  if (shmq_processes(watcher, &process, 1) != 1 || !process.alive) return 6;
  if (shmq_threads(watcher, NULL, 0) != 1) return 7;
  return shmq_put(watcher, "x", 1, SHMQ_NOWAIT) == -EPERM ? 0 : 8;
}

Test(p7_ages, member_of_the_group_may_watch_and_nothing_else) {
  struct shmq_options options = default_options();
  if (getuid() != 0) cr_skip("needs root");
  options.mode = 0640;
  shmq *queue = make_queue(&options);
  check_is(chown(segment_path(), 0, 12345), 0);
  check_is(put_number(queue, 1), 0);
  struct child member = child_start(watch_as_member_of_the_group, NULL);
  check_is(child_result(&member), 0);
}
