/* SPDX-License-Identifier: Apache-2.0 */
#include "wait.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "check.h"
#include "os/membarrier.h"
#include "seccomp.h"

SUITE(wait);

static struct thread *my_place(shmq *q) {
  struct thread *me = NULL;
  struct timeout t = {.ns = SECOND};
  check_is(enter(q, &t, &me), 0);
  return me;
}

Test(wait, lock_that_names_nobody_is_damage) {
  shmq *q = make_queue(NULL);
  const uint32_t nobody[] = {my_place(q)->id + 1, 1024, 1025, 0x7ffffffe};
  for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
    struct timeout t = {.ns = SHMQ_FOREVER};
    q->segment->producer.lock.word = nobody[i];
    check_is(side_lock(q, &q->segment->producer.lock, my_place(q)->id, &t), -EBADMSG);
  }
}

Test(wait, lock_of_the_living_is_waited_for) {
  shmq *q = make_queue(NULL), *other = open_queue();
  struct timeout t = {.ns = 50 * MS};
  const shmq_ns start = now();
  check_is(side_lock(other, &other->segment->producer.lock, my_place(other)->id, &t), 0);
  check_is(side_lock(q, &q->segment->producer.lock, my_place(q)->id, &t), -ETIMEDOUT);
  check_at_least(now() - start, 50 * MS);
  side_unlock(other, &other->segment->producer.lock, my_place(other)->id);
  t = (struct timeout){.ns = SECOND};
  check_is(side_lock(q, &q->segment->producer.lock, my_place(q)->id, &t), 0);
}

static int64_t attach_and_stay(void *unused) {
  (void)unused;
  say(stats_of(open_queue()).processes);
  stay();
}

Test(wait, one_of_all_who_wait_looks_for_the_dead) {
  struct timeout t = {.ns = SECOND};
  shmq *q = make_queue(NULL);
  struct child child = child_start(attach_and_stay, NULL);
  check_is(child_hear(&child), 2);
  child_kill(&child);
  q->segment->reaper.last_look = 0;
  cr_assert(reap(q, &t));
  check_is(stats_of(q).processes, 1);
  cr_assert(q->segment->reaper.last_look > 0);
  cr_assert(!reap(q, &t), "there was nobody else to reap");
}

static int64_t put_one(void *unused) {
  (void)unused;
  return shmq_put(open_queue(), "x", 1, SHMQ_FOREVER);
}

static struct shmq_thread thread_of(shmq *q, pid_t pid) {
  struct shmq_thread threads[8];
  const ssize_t n = shmq_threads(q, threads, 8);
  for (ssize_t i = 0; i < n && i < 8; i++)
    if (threads[i].pid == pid) return threads[i];
  return (struct shmq_thread){0};
}

Test(wait, who_has_a_lock_is_seen_and_who_waits_for_it) {
  struct timeout t = {.ns = SECOND};
  shmq *q = make_queue(NULL);
  const uint32_t me = my_place(q)->id;
  check_is(side_lock(q, &q->segment->producer.lock, me, &t), 0);
  check_is(thread_of(q, getpid()).inside, SHMQ_INSIDE_PUT);
  struct child child = child_start(put_one, NULL);
  check_becomes(thread_of(q, child.pid).activity == SHMQ_WAITS_FOR_LOCK);
  check_is(thread_of(q, child.pid).inside, SHMQ_OUTSIDE);
  side_unlock(q, &q->segment->producer.lock, me);
  check_is(child_result(&child), 0);
  check_is(side_lock(q, &q->segment->consumer.lock, me, &t), 0);
  check_is(thread_of(q, getpid()).inside, SHMQ_INSIDE_GET);
  side_unlock(q, &q->segment->consumer.lock, me);
  check_is(thread_of(q, getpid()).inside, SHMQ_OUTSIDE);
}

static int64_t lock_and_stay(void *unused) {
  struct timeout t = {.ns = SECOND};
  shmq *q = open_queue();
  const uint32_t me = my_place(q)->id;
  (void)unused;
  say(side_lock(q, &q->segment->producer.lock, me, &t) == 0 ? me : 0);
  stay();
}

static int64_t put_when_told(void *unused) {
  shmq *q = open_queue();
  (void)unused;
  say(0);
  listen_to_parent();
  return shmq_put(q, "x", 1, SHMQ_FOREVER);
}

/* A recoverer that is stopped after it gave the side's lock back keeps the registry lock. */
Test(wait, lock_that_is_free_again_is_had_though_the_recoverer_is_stopped) {
  struct timeout t = {.ns = SECOND};
  shmq *q = make_queue(NULL);
  struct robust_mutex *lock = &q->segment->producer.lock;
  struct child dead = child_start(lock_and_stay, NULL), putter = child_start(put_when_told, NULL);
  const uint32_t holder = (uint32_t)child_hear(&dead);
  check_is(child_hear(&putter), 0);
  check_is(registry_lock(q, &t), 0);
  child_kill(&dead);
  child_tell(&putter, 0);
  check_becomes(thread_of(q, putter.pid).activity == SHMQ_WAITS_FOR_LOCK);
  nap(20 * MS); /* it waits for the registry lock */
  cr_assert(mutex_inherit(lock, holder, MUTEX_RECOVERER));
  mutex_drop(lock);
  check_is(child_result(&putter), 0);
  registry_unlock(q);
}

/* ---- Many queues whose consumer locks are kept --------------------------------------------------
 */

enum { KEPT = SHMQ_WAIT_MAX };

static shmq *kept[KEPT];

static void *keep_consumer_locks(void *unused) {
  (void)unused;
  for (size_t i = 0; i < KEPT; i++) {
    struct timeout t = {.ns = SECOND};
    struct thread *me;
    if (enter(kept[i], &t, &me) != 0) return "no place";
    if (side_lock(kept[i], &kept[i]->segment->consumer.lock, me->id, &t) != 0) return "no lock";
  }
  return NULL;
}

static bool are_looked_after_in_time(const enum shmq_event *events) {
  const shmq_ns start = now();
  check_is(shmq_wait_any(kept, events, KEPT, SHMQ_NOWAIT), -EAGAIN);
  return now() - start < SECOND;
}

Test(wait, many_queues_to_look_after_are_in_the_timeout_of_one_call) {
  struct shmq_options options = default_options();
  enum shmq_event events[KEPT];
  pthread_t keeper;
  void *failure;
  options.capacity = 4096;
  options.item_max = 64;
  options.max_leases = options.max_processes = options.max_threads = 4;
  options.lease_timeout = SECOND;
  for (size_t i = 0; i < KEPT; i++) {
    kept[i] = make_queue(&options);
    events[i] = SHMQ_NOT_EMPTY;
  }
  pthread_create(&keeper, NULL, keep_consumer_locks, NULL);
  pthread_join(keeper, &failure);
  cr_assert(failure == NULL);
  check_becomes(are_looked_after_in_time(events)); /* 10 ms for each would be too much each time */
}

/* ---- A child of fork that could not open the file anew ------------------------------------------
 */

static int64_t wait_without_descriptor(void *handle) {
  shmq *q = handle;
  struct shmq_futex futex;
  enum shmq_event event = SHMQ_NOT_EMPTY;
  close(q->fd);
  q->fd = -EACCES;
  q->segment->reaper.last_look = 0;
  if (shmq_wait_any(&q, &event, 1, SHMQ_NOWAIT) != -EACCES) return 1;
  if (shmq_look(q, event) != -EACCES) return 2;
  if (shmq_event_arm(q, event, &futex) != -EACCES) return 3;
  return 0;
}

static int64_t open_and_close(void *unused) {
  shmq *q;
  (void)unused;
  const int error = shmq_open(&q, queue_name);
  return error ? error : shmq_close(q);
}

/* A recovery gives up after 50 ms if a living process keeps a lock. */
Test(wait, newcomer_waits_until_the_slots_of_the_dead_can_be_had) {
  struct shmq_options options = default_options();
  struct timeout t = {.ns = SECOND};
  options.max_processes = 2;
  shmq *q = make_queue(&options);
  struct child dead = child_start(attach_and_stay, NULL);
  check_is(child_hear(&dead), 2);
  child_kill(&dead);
  check_is(side_lock(q, &q->segment->consumer.lock, my_place(q)->id, &t), 0);
  struct child newcomer = child_start(open_and_close, NULL);
  nap(200 * MS); /* it cannot have a slot now; let it try more than once */
  side_unlock(q, &q->segment->consumer.lock, my_place(q)->id);
  check_is(child_result(&newcomer), 0);
}

/* The locks name a thread slot that is free. */
Test(wait, newcomer_is_told_of_damage_though_the_dead_have_the_slots) {
  struct shmq_options options = default_options();
  options.max_processes = 2;
  shmq *q = make_queue(&options);
  struct child dead = child_start(attach_and_stay, NULL);
  check_is(child_hear(&dead), 2);
  child_kill(&dead);
  q->segment->producer.lock.word = q->segment->consumer.lock.word = 3;
  struct child newcomer = child_start(open_and_close, NULL);
  check_is(child_result(&newcomer), -EBADMSG);
}

Test(wait, who_cannot_see_the_dead_does_not_look_in_place_of_others) {
  shmq *q = make_queue(NULL);
  struct child child = child_start(wait_without_descriptor, q);
  check_is(child_result(&child), 0);
  check_is(q->segment->reaper.last_look, 0);
}

/* ---- Where seccomp forbids membarrier -----------------------------------------------------------
 */

enum { ENOUGH_FOR_THE_BIAS = 2 * MUTEX_STREAK };

static int64_t put_without_membarrier(void *first) {
  if (!forbid(SYS_membarrier, EPERM)) return -1;
  const int64_t begin = (intptr_t)first;
  return put_numbers(open_queue(), begin, begin + ENOUGH_FOR_THE_BIAS);
}

Test(wait, who_has_no_membarrier_takes_the_bias_away_and_none_is_given_any_more) {
  shmq *q = make_queue(NULL);
  if (!membarrier_all()) cr_skip("no membarrier here");
  check_is(put_numbers(q, 0, ENOUGH_FOR_THE_BIAS), 0);
  check_is(q->segment->producer.lock.bias, my_place(q)->id);
  struct child child = child_start(put_without_membarrier, (void *)(intptr_t)ENOUGH_FOR_THE_BIAS);
  check_is(child_result(&child), 0);
  check_is(q->segment->state.fence_needed, 1);
  check_is(put_numbers(q, 2 * ENOUGH_FOR_THE_BIAS, 3 * ENOUGH_FOR_THE_BIAS), 0);
  check_is(q->segment->producer.lock.bias, 0);
  for (int64_t i = 0; i < 3 * ENOUGH_FOR_THE_BIAS; i++)
    check_is(get_number(q, SHMQ_NOWAIT), i);
  check_is(q->segment->consumer.lock.bias, 0);
}

static int64_t sleep_without_membarrier(void *unused) {
  (void)unused;
  if (!forbid(SYS_membarrier, EPERM)) return -1;
  shmq *q = open_queue();
  say(get_number(q, SHMQ_FOREVER));
  return get_number(q, SHMQ_FOREVER);
}

Test(wait, who_has_no_membarrier_sleeps_and_is_woken) {
  shmq *q = make_queue(NULL);
  struct child child = child_start(sleep_without_membarrier, NULL);
  check_becomes(q->segment->not_empty.word & EVENT_ASLEEP);
  check_is(q->segment->state.fence_needed, 1);
  q->segment->state.fence_needed = 0;
  check_becomes(q->segment->state.fence_needed); /* who goes on sleeping says so again */
  check_is(put_number(q, 7), 0);
  check_is(child_hear(&child), 7);
  check_becomes(thread_of(q, child.pid).activity == SHMQ_WAITS_FOR_ITEM);
  check_is(put_number(q, 8), 0);
  check_is(child_result(&child), 8);
}
