/* SPDX-License-Identifier: Apache-2.0 */
/* P5: join() returns when every item put is finished; the dead hold nothing. */
#include <errno.h>
#include <pthread.h>

#include "check.h"

SUITE(p5_join);

Test(p5_join, empty_queue_is_joined_at_once) {
  check_is(shmq_join(make_queue(NULL), SHMQ_NOWAIT), 0);
}

Test(p5_join, waits_for_items_that_wait) {
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 0), 0);
  check_is(shmq_join(queue, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_join(queue, 20 * MS), -ETIMEDOUT);
}

Test(p5_join, waits_for_task_done_of_every_get) {
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 2), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 1);
  check_is(shmq_join(queue, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_task_done(queue), 0);
  check_is(shmq_join(queue, 20 * MS), -ETIMEDOUT);
  check_is(shmq_task_done(queue), 0);
  check_is(shmq_join(queue, SHMQ_NOWAIT), 0);
}

Test(p5_join, waits_for_leases) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 0), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 0);
  check_is(shmq_join(queue, 20 * MS), -ETIMEDOUT);
  check_is(shmq_give_back(queue, &lease), 0);
  check_is(shmq_join(queue, 20 * MS), -ETIMEDOUT);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 0);
  check_is(shmq_done(queue, &lease), 0);
  check_is(shmq_join(queue, SHMQ_NOWAIT), 0);
}

static int64_t join_and_say(void *unused) {
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  return shmq_join(queue, SHMQ_FOREVER);
}

static struct child start_joiner(void) {
  struct child joiner = child_start(join_and_say, NULL);
  check_is(child_hear(&joiner), 0);
  check_becomes(child_sleeps(&joiner));
  return joiner;
}

Test(p5_join, sleeping_joiners_are_woken_by_task_done) {
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 0), 0);
  struct child joiners[3];
  for (int i = 0; i < 3; i++)
    joiners[i] = start_joiner();
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(shmq_task_done(queue), 0);
  for (int i = 0; i < 3; i++)
    check_is(child_result(&joiners[i]), 0);
}

Test(p5_join, sleeping_joiners_are_woken_by_done) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 0), 0);
  struct child joiner = start_joiner();
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 0);
  check_is(shmq_done(queue, &lease), 0);
  check_is(child_result(&joiner), 0);
}

/* Each item is put on as two smaller ones before it is finished. */
static int64_t split(void *unused) {
  shmq *queue = open_queue();
  int64_t split = 0, number;
  (void)unused;
  while ((number = get_number(queue, PATIENCE)) >= 0) {
    for (int i = 0; i < 2 && number > 0; i++)
      if (put_number(queue, number - 1)) return -1;
    split++;
    if (shmq_task_done(queue)) return -2;
  }
  return number == -ESHUTDOWN ? split : number;
}

Test(p5_join, subtasks_put_before_task_done_are_waited_for) {
  enum { DEPTH = 12 };
  struct child workers[3];
  int64_t sum = 0;
  shmq *queue = make_queue(NULL);
  for (int i = 0; i < 3; i++)
    workers[i] = child_start(split, NULL);
  check_is(put_number(queue, DEPTH), 0);
  check_is(shmq_join(queue, PATIENCE), 0);
  const uint64_t put = stats_of(queue).put;
  check_is(put, (2 << DEPTH) - 1);
  check_is(shmq_shutdown(queue, 0), 0);
  for (int i = 0; i < 3; i++)
    sum += child_result(&workers[i]);
  check_is(sum, put);
  check_at_rest(queue);
}

static int64_t get_two_and_stay(void *unused) {
  shmq *queue = open_queue();
  (void)unused;
  say(get_number(queue, PATIENCE));
  say(get_number(queue, PATIENCE));
  stay();
}

Test(p5_join, what_the_dead_had_got_is_abandoned_and_reported) {
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 2), 0);
  struct child getter = child_start(get_two_and_stay, NULL);
  check_is(child_hear(&getter), 0);
  check_is(child_hear(&getter), 1);
  struct child joiner = start_joiner();
  check_is(stats_of(queue).unfinished, 2);
  child_kill(&getter);
  check_is(child_result(&joiner), 0);
  check_is(stats_of(queue).abandoned, 2);
  check_at_rest(queue);
}

static int64_t take_two_and_stay(void *unused) {
  struct shmq_lease leases[2];
  (void)unused;
  say(shmq_take_many(open_queue(), leases, 2, PATIENCE));
  stay();
}

Test(p5_join, leases_of_the_dead_must_still_be_finished) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 2), 0);
  struct child taker = child_start(take_two_and_stay, NULL);
  check_is(child_hear(&taker), 2);
  struct child joiner = start_joiner();
  child_kill(&taker);
  check_becomes(shmq_qsize(queue) == 2);
  check_is(shmq_join(queue, SHMQ_NOWAIT), -EAGAIN);
  for (int64_t i = 0; i < 2; i++) {
    check_is(take_number(queue, &lease, PATIENCE), i);
    check_is(shmq_done(queue, &lease), 0);
  }
  check_is(child_result(&joiner), 0);
  check_at_rest(queue);
}

static int64_t join_and_stay(void *unused) {
  (void)unused;
  say(0);
  shmq_join(open_queue(), SHMQ_FOREVER);
  stay();
}

Test(p5_join, killed_joiner_keeps_nobody) {
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 0), 0);
  struct child killed = child_start(join_and_stay, NULL), joiner = start_joiner();
  check_is(child_hear(&killed), 0);
  check_becomes(child_sleeps(&killed));
  child_kill(&killed);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(shmq_task_done(queue), 0);
  check_is(child_result(&joiner), 0);
}

static void *finish_two(void *queue) {
  const int first = shmq_task_done(queue), second = shmq_task_done(queue);
  return (void *)(intptr_t)(first ? first : second);
}

Test(p5_join, another_thread_may_finish_what_this_one_got) {
  pthread_t thread;
  void *result;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 2), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 1);
  pthread_create(&thread, NULL, finish_two, queue);
  pthread_join(thread, &result);
  check_is((intptr_t)result, 0);
  check_is(shmq_join(queue, SHMQ_NOWAIT), 0);
  check_is(shmq_task_done(queue), -EINVAL);
  check_at_rest(queue);
}

static void *get_one(void *queue) {
  return (void *)(intptr_t)get_number(queue, SHMQ_NOWAIT);
}

Test(p5_join, items_got_by_a_thread_that_ended_are_still_the_process_s) {
  pthread_t thread;
  void *result;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 5), 0);
  pthread_create(&thread, NULL, get_one, queue);
  pthread_join(thread, &result);
  check_is((intptr_t)result, 5);
  check_is(shmq_join(queue, SHMQ_NOWAIT), -EAGAIN);
  check_is(stats_of(queue).unfinished, 1);
  check_is(shmq_task_done(queue), 0);
  check_is(shmq_join(queue, SHMQ_NOWAIT), 0);
  check_at_rest(queue);
}

static int64_t task_done_for_another(void *unused) {
  (void)unused;
  return shmq_task_done(open_queue());
}

Test(p5_join, another_process_may_not_finish_what_this_one_got) {
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 0), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  struct child other = child_start(task_done_for_another, NULL);
  check_is(child_result(&other), -EINVAL);
  check_is(shmq_join(queue, SHMQ_NOWAIT), -EAGAIN);
}
