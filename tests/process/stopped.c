/* SPDX-License-Identifier: Apache-2.0 */
/* P3: stopped is not dead. Nothing is taken from a process that is stopped, however long. */
#include <errno.h>

#include "check.h"

SUITE(p3_stopped_is_not_dead);

static int64_t hold_items(void *unused) {
  struct shmq_lease lease;
  shmq *queue = open_queue();
  (void)unused;
  say(take_number(queue, &lease, PATIENCE));
  say(get_number(queue, PATIENCE));
  listen_to_parent();
  say(shmq_done(queue, &lease));
  return shmq_task_done(queue);
}

Test(p3_stopped_is_not_dead, lease_and_get_of_a_stopped_process_stay_its_own) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 2), 0);
  struct child holder = child_start(hold_items, NULL);
  check_is(child_hear(&holder), 0);
  check_is(child_hear(&holder), 1);
  child_stop(&holder);
  for (const shmq_ns end = now() + 3 * SECOND; now() < end;) {
    check_is(shmq_recover(queue), 0);
    check_is(shmq_take(queue, &lease, 200 * MS), -ETIMEDOUT);
    check_is(shmq_join(queue, 100 * MS), -ETIMEDOUT);
  }
  check_is(stats_of(queue).leased, 1);
  check_is(stats_of(queue).abandoned, 0);
  child_continue(&holder);
  child_tell(&holder, 0);
  check_is(child_hear(&holder), 0);
  check_is(child_result(&holder), 0);
  check_is(stats_of(queue).redelivered, 0);
  check_is(shmq_recover(queue), 1);
  check_at_rest(queue);
}

static int64_t get_later(void *unused) {
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  return get_number(queue, SHMQ_FOREVER);
}

Test(p3_stopped_is_not_dead, wake_up_spent_on_a_stopped_getter_is_not_lost) {
  shmq *queue = make_queue(NULL);
  struct child stopped = child_start(get_later, NULL), other = child_start(get_later, NULL);
  check_is(child_hear(&stopped), 0);
  check_is(child_hear(&other), 0);
  check_becomes(child_sleeps(&stopped) && child_sleeps(&other));
  child_stop(&stopped);
  check_is(put_number(queue, 1), 0);
  check_is(child_result(&other), 1);
  check_is(put_number(queue, 2), 0);
  child_continue(&stopped);
  check_is(child_result(&stopped), 2);
}
