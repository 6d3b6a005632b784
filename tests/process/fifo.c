/* SPDX-License-Identifier: Apache-2.0 */
/* P4: items leave in the order in which their puts took effect; redelivered ones go first. */
#include <errno.h>
#include <string.h>

#include "check.h"

SUITE(p4_fifo);

enum { ITEMS = 50000, PRODUCERS = 3 };

/* A producer's number and the item's number in one. */
static int64_t stamp(int64_t producer, int64_t item) {
  return producer << 32 | item;
}

static int64_t put_items(void *producer) {
  shmq *queue = open_queue();
  int error = 0;
  for (int64_t i = 0; i < ITEMS && !error; i++)
    error = put_number(queue, stamp((intptr_t)producer, i));
  return error;
}

static int64_t put_batches(void *producer) {
  enum { BATCH = 16 };
  int64_t numbers[BATCH];
  struct iovec items[BATCH];
  shmq *queue = open_queue();
  ssize_t put = BATCH;
  for (int64_t i = 0; i < ITEMS && put == BATCH; i += BATCH) {
    for (int64_t k = 0; k < BATCH; k++) {
      numbers[k] = stamp((intptr_t)producer, i + k);
      items[k] = (struct iovec){&numbers[k], sizeof numbers[k]};
    }
    put = shmq_put_many(queue, items, BATCH, PATIENCE);
  }
  return put;
}

Test(p4_fifo, one_producer_one_consumer) {
  shmq *queue = make_queue(NULL);
  struct child producer = child_start(put_items, NULL);
  for (int64_t i = 0; i < ITEMS; i++)
    check_is(get_number(queue, PATIENCE), i);
  check_is(child_result(&producer), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), -EAGAIN);
}

Test(p4_fifo, items_of_each_producer_keep_their_order) {
  struct shmq_options options = default_options();
  struct child producers[PRODUCERS];
  int64_t next[PRODUCERS] = {0};
  options.capacity = 4096;
  shmq *queue = make_queue(&options);
  for (intptr_t i = 0; i < PRODUCERS; i++)
    producers[i] = child_start(i == 0 ? put_batches : put_items, (void *)i);
  for (int64_t i = 0; i < (int64_t)PRODUCERS * ITEMS; i++) {
    const int64_t got = get_number(queue, PATIENCE);
    check_at_least(got, 0);
    const int64_t producer = got >> 32;
    check_is(got, stamp(producer, next[producer]));
    next[producer]++;
  }
  check_is(child_result(&producers[0]), 16);
  for (int i = 1; i < PRODUCERS; i++)
    check_is(child_result(&producers[i]), 0);
}

static int64_t take_all_in_order(void *unused) {
  struct shmq_lease lease;
  uint64_t last = 0;
  shmq *queue = open_queue();
  int64_t taken = 0;
  (void)unused;
  while (shmq_take(queue, &lease, PATIENCE) == 0) {
    if (taken++ && lease.id <= last) return -EBADMSG;
    last = lease.id;
    if (shmq_done(queue, &lease)) return -ESTALE;
  }
  return taken;
}

Test(p4_fifo, each_consumer_sees_growing_ids) {
  struct child consumers[PRODUCERS];
  int64_t taken = 0;
  shmq *queue = make_queue(NULL);
  for (int i = 0; i < PRODUCERS; i++)
    consumers[i] = child_start(take_all_in_order, NULL);
  check_is(put_numbers(queue, 0, ITEMS), 0);
  check_is(shmq_shutdown(queue, 0), 0);
  for (int i = 0; i < PRODUCERS; i++) {
    const int64_t result = child_result(&consumers[i]);
    check_at_least(result, 0);
    taken += result;
  }
  check_is(taken, ITEMS);
  check_at_rest(queue);
}

Test(p4_fifo, lease_ids_number_the_puts_from_zero) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  for (int64_t i = 0; i < 300; i++) {
    check_is(put_number(queue, i), 0);
    check_is(i % 3 ? take_number(queue, &lease, SHMQ_NOWAIT) : get_number(queue, SHMQ_NOWAIT), i);
    if (i % 3) check_is(lease.id, i);
    if (i % 3) check_is(shmq_done(queue, &lease), 0);
  }
}

Test(p4_fifo, items_given_back_go_first_in_their_old_order) {
  struct shmq_lease leases[5], again;
  static const int order[] = {3, 0, 4, 1, 2};
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 7), 0);
  check_is(shmq_take_many(queue, leases, 5, SHMQ_NOWAIT), 5);
  for (int i = 0; i < 5; i++)
    check_is(shmq_give_back(queue, &leases[order[i]]), 0);
  for (int64_t i = 0; i < 7; i++) {
    check_is(take_number(queue, &again, SHMQ_NOWAIT), i);
    check_is(again.attempt, i < 5 ? 2 : 1);
    check_is(again.id, i);
  }
}

Test(p4_fifo, get_delivers_what_came_back_before_the_rest) {
  struct shmq_lease leases[3];
  int64_t numbers[6];
  struct iovec items[6];
  shmq *queue = make_queue(NULL);
  for (int i = 0; i < 6; i++)
    items[i] = (struct iovec){&numbers[i], sizeof numbers[i]};
  check_is(put_numbers(queue, 0, 6), 0);
  check_is(shmq_take_many(queue, leases, 3, SHMQ_NOWAIT), 3);
  for (int i = 2; i >= 0; i--)
    check_is(shmq_give_back(queue, &leases[i]), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  ssize_t got = 1;
  while (got < 6) {
    const ssize_t more = shmq_get_many(queue, items + got, (size_t)(6 - got), SHMQ_NOWAIT);
    check_at_least(more, 1);
    got += more;
  }
  for (int64_t i = 1; i < 6; i++)
    check_is(numbers[i], i);
}

/* Takes one item each time it is told to. */
_Noreturn static int64_t take_when_told(void *unused) {
  struct shmq_lease lease;
  shmq *queue = open_queue();
  (void)unused;
  for (;;) {
    listen_to_parent();
    say(take_number(queue, &lease, SHMQ_NOWAIT));
  }
}

Test(p4_fifo, items_of_two_dead_processes_come_back_in_their_old_order) {
  struct child takers[2];
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 8), 0);
  for (int i = 0; i < 2; i++)
    takers[i] = child_start(take_when_told, NULL);
  for (int64_t i = 0; i < 6; i++) {
    child_tell(&takers[i % 2], 0);
    check_is(child_hear(&takers[i % 2]), i);
  }
  child_kill(&takers[1]);
  child_kill(&takers[0]);
  check_is(shmq_recover(queue), 2);
  for (int64_t i = 0; i < 8; i++) {
    check_is(take_number(queue, &lease, SHMQ_NOWAIT), i);
    check_is(lease.attempt, i < 6 ? 2 : 1);
    check_is(shmq_done(queue, &lease), 0);
  }
  check_at_rest(queue);
}
