/* SPDX-License-Identifier: Apache-2.0 */
/* shutdown: drain first, or discard what waits. */
#include <errno.h>

#include "check.h"

SUITE(shutdown);

static int64_t get_until_the_end(void *unused) {
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  return get_number(queue, SHMQ_FOREVER);
}

static int64_t take_until_the_end(void *unused) {
  struct shmq_lease lease;
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  return take_number(queue, &lease, SHMQ_FOREVER);
}

static int64_t put_until_the_end(void *unused) {
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  return shmq_put(queue, "x", 1, SHMQ_FOREVER);
}

/* Processes that sleep in the call, for as long as it takes. */
static void start_sleepers(struct child *sleepers, int n, int64_t (*run)(void *)) {
  for (int i = 0; i < n; i++) {
    sleepers[i] = child_start(run, NULL);
    check_is(child_hear(&sleepers[i]), 0);
    check_becomes(child_sleeps(&sleepers[i]));
  }
}

Test(shutdown, drain_refuses_puts_and_serves_gets) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 2), 0);
  check_is(shmq_shutdown(queue, 0), 0);
  cr_assert(stats_of(queue).shut_down);
  check_is(shmq_put(queue, "x", 1, SHMQ_NOWAIT), -ESHUTDOWN);
  check_is(shmq_put_many(queue, &(struct iovec){"x", 1}, 1, SHMQ_FOREVER), -ESHUTDOWN);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 1);
  check_is(get_number(queue, SHMQ_NOWAIT), -ESHUTDOWN);
  check_is(get_number(queue, SHMQ_FOREVER), -ESHUTDOWN);
  check_is(shmq_take(queue, &lease, SHMQ_FOREVER), -ESHUTDOWN);
  check_is(shmq_peek(queue, NULL, 0), -ESHUTDOWN);
}

Test(shutdown, drain_delivers_what_is_given_back) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 7), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
  check_is(shmq_shutdown(queue, 0), 0);
  check_is(shmq_give_back(queue, &lease), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
  check_is(shmq_done(queue, &lease), 0);
  check_is(shmq_join(queue, SHMQ_NOWAIT), 0);
  check_at_rest(queue);
}

Test(shutdown, now_discards_what_waits) {
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 5), 0);
  check_is(shmq_shutdown(queue, SHMQ_NOW), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), -ESHUTDOWN);
  check_is(shmq_put(queue, "x", 1, SHMQ_NOWAIT), -ESHUTDOWN);
  check_is(shmq_join(queue, SHMQ_NOWAIT), 0);
  check_is(stats_of(queue).discarded, 5);
  check_at_rest(queue);
}

Test(shutdown, now_discards_what_was_and_what_is_given_back) {
  struct shmq_lease leases[3];
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 3), 0);
  check_is(shmq_take_many(queue, leases, 3, SHMQ_NOWAIT), 3);
  check_is(shmq_give_back(queue, &leases[0]), 0);
  check_is(shmq_shutdown(queue, SHMQ_NOW), 0);
  check_is(shmq_join(queue, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_give_back(queue, &leases[1]), 0);
  check_is(shmq_take(queue, &leases[0], SHMQ_NOWAIT), -ESHUTDOWN);
  check_is(shmq_done(queue, &leases[2]), 0);
  check_is(shmq_join(queue, PATIENCE), 0);
  check_is(stats_of(queue).discarded, 2);
  check_is(stats_of(queue).done, 1);
  check_at_rest(queue);
}

Test(shutdown, drain_may_be_followed_by_now) {
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 5), 0);
  check_is(shmq_shutdown(queue, 0), 0);
  check_is(shmq_shutdown(queue, 0), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(shmq_shutdown(queue, SHMQ_NOW), 0);
  check_is(shmq_shutdown(queue, 0), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), -ESHUTDOWN);
  check_is(stats_of(queue).discarded, 4);
}

Test(shutdown, unknown_flags_are_refused) {
  shmq *queue = make_queue(NULL);
  check_is(shmq_shutdown(queue, 2), -EINVAL);
  check_is(shmq_shutdown(queue, ~0u), -EINVAL);
  cr_assert(!stats_of(queue).shut_down);
}

Test(shutdown, sleeping_getters_and_takers_are_woken) {
  struct child getters[3], takers[3];
  shmq *queue = make_queue(NULL);
  start_sleepers(getters, 3, get_until_the_end);
  start_sleepers(takers, 3, take_until_the_end);
  check_is(shmq_shutdown(queue, 0), 0);
  for (int i = 0; i < 3; i++) {
    check_is(child_result(&getters[i]), -ESHUTDOWN);
    check_is(child_result(&takers[i]), -ESHUTDOWN);
  }
}

Test(shutdown, sleeping_putters_are_woken) {
  struct shmq_options options = default_options();
  struct child putters[3];
  options.maxsize = 1;
  shmq *queue = make_queue(&options);
  check_is(put_number(queue, 0), 0);
  start_sleepers(putters, 3, put_until_the_end);
  check_is(shmq_shutdown(queue, 0), 0);
  for (int i = 0; i < 3; i++)
    check_is(child_result(&putters[i]), -ESHUTDOWN);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
}

Test(shutdown, sleeping_putters_are_woken_by_now) {
  struct shmq_options options = default_options();
  struct child putters[3];
  options.maxsize = 1;
  shmq *queue = make_queue(&options);
  check_is(put_number(queue, 0), 0);
  start_sleepers(putters, 3, put_until_the_end);
  check_is(shmq_shutdown(queue, SHMQ_NOW), 0);
  for (int i = 0; i < 3; i++)
    check_is(child_result(&putters[i]), -ESHUTDOWN);
  check_at_rest(queue);
}

static int64_t join_until_the_end(void *unused) {
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  return shmq_join(queue, SHMQ_FOREVER);
}

Test(shutdown, sleeping_joiners_are_woken_by_now) {
  struct child joiners[2];
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 3), 0);
  start_sleepers(joiners, 2, join_until_the_end);
  check_is(shmq_shutdown(queue, SHMQ_NOW), 0);
  for (int i = 0; i < 2; i++)
    check_is(child_result(&joiners[i]), 0);
}

static int64_t take_two_and_stay(void *unused) {
  struct shmq_lease leases[2];
  (void)unused;
  say(shmq_take_many(open_queue(), leases, 2, PATIENCE));
  stay();
}

Test(shutdown, join_after_now_returns_though_a_worker_dies) {
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 3), 0);
  struct child worker = child_start(take_two_and_stay, NULL);
  check_is(child_hear(&worker), 2);
  check_is(shmq_shutdown(queue, SHMQ_NOW), 0);
  check_is(shmq_join(queue, 20 * MS), -ETIMEDOUT);
  child_kill(&worker);
  check_is(shmq_join(queue, PATIENCE), 0);
  check_is(stats_of(queue).discarded, 3);
  check_at_rest(queue);
}

/* The worker is stuck; nobody gets or takes any more. */
Test(shutdown, join_after_now_returns_though_a_lease_runs_out) {
  struct shmq_options options = default_options();
  struct shmq_lease lease;
  options.lease_timeout = 50 * MS;
  shmq *queue = make_queue(&options);
  check_is(put_number(queue, 7), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
  check_is(shmq_shutdown(queue, SHMQ_NOW), 0);
  check_is(shmq_join(queue, PATIENCE), 0);
  check_is(shmq_done(queue, &lease), -ESTALE);
  check_is(stats_of(queue).discarded, 1);
  check_at_rest(queue);
}

Test(shutdown, drain_delivers_what_the_dead_held) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 2), 0);
  struct child worker = child_start(take_two_and_stay, NULL);
  check_is(child_hear(&worker), 2);
  check_is(shmq_shutdown(queue, 0), 0);
  child_kill(&worker);
  check_is(shmq_recover(queue), 1);
  for (int64_t i = 0; i < 2; i++) {
    check_is(take_number(queue, &lease, SHMQ_NOWAIT), i);
    check_is(shmq_done(queue, &lease), 0);
  }
  check_is(shmq_take(queue, &lease, SHMQ_FOREVER), -ESHUTDOWN);
  check_at_rest(queue);
}
