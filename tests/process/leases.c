/* SPDX-License-Identifier: Apache-2.0 */
/* Items in hand: take, done, give_back, touch, time-outs of leases, and leases that are not yours.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "check.h"

SUITE(leases);

Test(leases, take_shows_the_item_in_place) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(shmq_put(queue, "abc", 3, SHMQ_NOWAIT), 0);
  check_is(shmq_take(queue, &lease, SHMQ_NOWAIT), 0);
  check_is(lease.size, 3);
  check_is(lease.id, 0);
  check_is(lease.attempt, 1);
  cr_assert(memcmp(lease.data, "abc", 3) == 0);
  check_is(stats_of(queue).leased, 1);
  check_is(shmq_done(queue, &lease), 0);
  check_at_rest(queue);
}

Test(leases, empty_and_largest_items_can_be_taken) {
  char large[4096];
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  memset(large, 'x', sizeof large);
  check_is(shmq_put(queue, NULL, 0, SHMQ_NOWAIT), 0);
  check_is(shmq_put(queue, large, sizeof large, SHMQ_NOWAIT), 0);
  check_is(shmq_take(queue, &lease, SHMQ_NOWAIT), 0);
  check_is(lease.size, 0);
  check_is(shmq_take(queue, &lease, SHMQ_NOWAIT), 0);
  check_is(lease.size, sizeof large);
  cr_assert(memcmp(lease.data, large, sizeof large) == 0);
}

Test(leases, data_stays_while_the_queue_goes_on) {
  struct shmq_options options = default_options();
  struct shmq_lease held, lease;
  options.capacity = 4096;
  options.max_leases = 4;
  shmq *queue = make_queue(&options);
  check_is(put_number(queue, -77), 0);
  check_is(shmq_take(queue, &held, SHMQ_NOWAIT), 0);
  for (int64_t i = 0; i < 5000; i++) {
    check_is(put_number(queue, i), 0);
    check_is(take_number(queue, &lease, SHMQ_NOWAIT), i);
    check_is(shmq_done(queue, &lease), 0);
  }
  check_is(lease_number(&held), -77);
  check_is(shmq_done(queue, &held), 0);
}

Test(leases, take_many_takes_what_is_there) {
  struct shmq_lease leases[10];
  shmq *queue = make_queue(NULL);
  check_is(shmq_take_many(queue, leases, 10, SHMQ_NOWAIT), -EAGAIN);
  check_is(put_numbers(queue, 0, 4), 0);
  check_is(shmq_take_many(queue, leases, 3, SHMQ_NOWAIT), 3);
  check_is(shmq_take_many(queue, leases + 3, 7, SHMQ_NOWAIT), 1);
  for (int64_t i = 0; i < 4; i++) {
    check_is(lease_number(&leases[i]), i);
    check_is(leases[i].id, i);
    check_is(shmq_done(queue, &leases[i]), 0);
  }
  check_at_rest(queue);
}

Test(leases, max_leases_bounds_the_items_in_hand) {
  struct shmq_options options = default_options();
  struct shmq_lease leases[5];
  options.max_leases = 3;
  shmq *queue = make_queue(&options);
  check_is(put_numbers(queue, 0, 6), 0);
  check_is(shmq_take_many(queue, leases, 5, SHMQ_NOWAIT), 3);
  check_is(shmq_take(queue, &leases[3], SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_take(queue, &leases[3], 10 * MS), -ETIMEDOUT);
  check_is(get_number(queue, SHMQ_NOWAIT), 3);
  check_is(shmq_done(queue, &leases[0]), 0);
  check_is(take_number(queue, &leases[3], SHMQ_NOWAIT), 4);
}

static int64_t take_one(void *unused) {
  struct shmq_lease lease;
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  say(take_number(queue, &lease, PATIENCE));
  stay();
}

Test(leases, taker_that_waits_for_a_lease_is_woken_by_done) {
  struct shmq_options options = default_options();
  struct shmq_lease lease;
  options.max_leases = 1;
  shmq *queue = make_queue(&options);
  check_is(put_numbers(queue, 0, 2), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 0);
  struct child taker = child_start(take_one, NULL);
  check_is(child_hear(&taker), 0);
  check_becomes(child_sleeps(&taker));
  check_is(shmq_done(queue, &lease), 0);
  check_is(child_hear(&taker), 1);
}

Test(leases, give_back_wakes_a_taker) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 7), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
  struct child taker = child_start(take_one, NULL);
  check_is(child_hear(&taker), 0);
  check_becomes(child_sleeps(&taker));
  check_is(shmq_give_back(queue, &lease), 0);
  check_is(child_hear(&taker), 7);
}

Test(leases, attempts_are_counted) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 7), 0);
  for (uint32_t attempt = 1; attempt <= 5; attempt++) {
    check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
    check_is(lease.attempt, attempt);
    check_is(lease.id, 0);
    check_is(shmq_give_back(queue, &lease), 0);
  }
  check_is(stats_of(queue).redelivered, 4);
  check_is(stats_of(queue).returned, 1);
}

Test(leases, attempts_stop_counting_at_4095) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 7), 0);
  for (int i = 0; i < 5000; i++) {
    check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
    check_is(shmq_give_back(queue, &lease), 0);
  }
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
  check_is(lease.attempt, 4095);
}

static void check_stale(shmq *queue, const struct shmq_lease *lease) {
  check_is(shmq_done(queue, lease), -ESTALE);
  check_is(shmq_give_back(queue, lease), -ESTALE);
  check_is(shmq_bury(queue, lease), -ESTALE);
  check_is(shmq_touch(queue, lease), -ESTALE);
}

Test(leases, ended_lease_is_stale) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 2), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 0);
  check_is(shmq_done(queue, &lease), 0);
  check_stale(queue, &lease);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 1);
  check_is(shmq_give_back(queue, &lease), 0);
  check_stale(queue, &lease);
}

Test(leases, old_lease_of_a_redelivered_item_is_stale) {
  struct shmq_lease old, lease;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 0), 0);
  check_is(take_number(queue, &old, SHMQ_NOWAIT), 0);
  check_is(shmq_give_back(queue, &old), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 0);
  check_stale(queue, &old);
  check_is(shmq_done(queue, &lease), 0);
}

Test(leases, forged_lease_is_stale) {
  struct shmq_lease lease, forged;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 0), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 0);
  static const uint32_t cells[] = {255, 256, 257, 65536, 0x7fffffff, 0x80000000, UINT32_MAX};
  for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
    forged = lease;
    forged.cell = cells[i];
    check_stale(queue, &forged);
  }
  forged = lease;
  forged.id++;
  check_stale(queue, &forged);
  forged = lease;
  forged.attempt++;
  check_stale(queue, &forged);
  check_is(shmq_done(queue, &lease), 0);
}

static int64_t end_lease_of_other_process(void *lease) {
  shmq *queue = open_queue();
  if (shmq_done(queue, lease) != -ESTALE) return 1;
  if (shmq_give_back(queue, lease) != -ESTALE) return 2;
  return shmq_touch(queue, lease) != -ESTALE ? 3 : 0;
}

Test(leases, lease_of_another_process_is_stale) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 0), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 0);
  struct child other = child_start(end_lease_of_other_process, &lease);
  check_is(child_result(&other), 0);
  check_is(shmq_done(queue, &lease), 0);
}

struct errand {
  shmq *queue;
  struct shmq_lease lease;
};

static void *end_lease(void *errand) {
  struct errand *given = errand;
  return (void *)(intptr_t)shmq_done(given->queue, &given->lease);
}

Test(leases, another_thread_may_end_a_lease) {
  struct errand errand = {make_queue(NULL), {0}};
  pthread_t thread;
  void *result;
  check_is(put_number(errand.queue, 0), 0);
  check_is(take_number(errand.queue, &errand.lease, SHMQ_NOWAIT), 0);
  pthread_create(&thread, NULL, end_lease, &errand);
  pthread_join(thread, &result);
  check_is((intptr_t)result, 0);
  check_at_rest(errand.queue);
}

Test(leases, close_gives_leases_back) {
  struct shmq_lease lease;
  shmq *keeper = make_queue(NULL), *leaver = open_queue();
  check_is(put_numbers(keeper, 0, 2), 0);
  check_is(take_number(leaver, &lease, SHMQ_NOWAIT), 0);
  check_is(get_number(leaver, SHMQ_NOWAIT), 1);
  check_is(shmq_close(leaver), 0);
  check_is(take_number(keeper, &lease, SHMQ_NOWAIT), 0);
  check_is(lease.attempt, 2);
  check_is(shmq_done(keeper, &lease), 0);
  check_is(stats_of(keeper).abandoned, 1);
  check_is(stats_of(keeper).processes, 1);
  check_at_rest(keeper);
}

/* ---- lease_timeout ------------------------------------------------------------------------------
 */

static shmq *make_queue_with_timeout(shmq_ns timeout) {
  struct shmq_options options = default_options();
  options.lease_timeout = timeout;
  return make_queue(&options);
}

Test(leases, lease_that_runs_out_is_delivered_again) {
  struct shmq_lease slow, lease;
  shmq *queue = make_queue_with_timeout(SECOND);
  check_is(put_number(queue, 7), 0);
  const shmq_ns start = now();
  check_is(take_number(queue, &slow, SHMQ_NOWAIT), 7);
  check_is(take_number(queue, &lease, PATIENCE), 7);
  check_at_least(now() - start, SECOND);
  check_is(lease.attempt, 2);
  check_stale(queue, &slow);
  check_is(shmq_done(queue, &lease), 0);
  check_at_rest(queue);
}

Test(leases, lease_that_runs_out_reaches_a_sleeping_getter) {
  struct shmq_lease slow;
  shmq *queue = make_queue_with_timeout(50 * MS);
  check_is(put_number(queue, 7), 0);
  check_is(take_number(queue, &slow, SHMQ_NOWAIT), 7);
  struct child taker = child_start(take_one, NULL);
  check_is(child_hear(&taker), 0);
  check_is(child_hear(&taker), 7);
  check_stale(queue, &slow);
}

Test(leases, touch_renews_a_lease) {
  struct shmq_lease lease, none;
  shmq *queue = make_queue_with_timeout(5 * SECOND);
  check_is(put_number(queue, 7), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
  const shmq_ns start = now();
  while (now() - start < 6 * SECOND) {
    check_is(shmq_touch(queue, &lease), 0);
    check_is(shmq_take(queue, &none, 200 * MS), -ETIMEDOUT);
  }
  check_is(shmq_done(queue, &lease), 0);
}

Test(leases, lease_without_timeout_lasts) {
  struct shmq_lease lease, none;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 7), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
  check_is(shmq_touch(queue, &lease), 0);
  check_is(shmq_take(queue, &none, 500 * MS), -ETIMEDOUT);
  check_is(shmq_done(queue, &lease), 0);
}
