/* SPDX-License-Identifier: Apache-2.0 */
/* Threads of one process on one handle: what a thread sanitizer can follow from end to end. */
#include <errno.h>
#include <pthread.h>

#include "check.h"

SUITE(threads);

enum { PUTTERS = 2, GETTERS = 3, ITEMS = 30000 };

static shmq *queue;

static void *put_all(void *unused) {
  (void)unused;
  cr_assert(put_numbers(queue, 0, ITEMS) == 0);
  return NULL;
}

static int64_t get_and_finish(void) {
  const int64_t number = get_number(queue, SHMQ_FOREVER);
  if (number >= 0) cr_assert(shmq_task_done(queue) == 0);
  return number;
}

/* Every other item is given back the first time. */
static int64_t take_and_finish(void) {
  struct shmq_lease lease;
  int64_t number = take_number(queue, &lease, SHMQ_FOREVER);
  while (number >= 0 && lease.attempt == 1 && number % 2 == 0) {
    cr_assert(shmq_give_back(queue, &lease) == 0);
    number = take_number(queue, &lease, SHMQ_FOREVER);
  }
  if (number >= 0) cr_assert(shmq_done(queue, &lease) == 0);
  return number;
}

static void *finish_all(void *sum) {
  int64_t number = 0;
  for (uint64_t i = 0; number >= 0; i++) {
    number = i % 2 ? get_and_finish() : take_and_finish();
    if (number >= 0) *(int64_t *)sum += number;
  }
  cr_assert(number == -ESHUTDOWN);
  return NULL;
}

Test(threads, hand_on_every_item_once) {
  struct shmq_options options = default_options();
  pthread_t putters[PUTTERS], getters[GETTERS];
  int64_t sums[GETTERS] = {0}, sum = 0;
  options.capacity = 4096;
  queue = make_queue(&options);
  for (int i = 0; i < PUTTERS; i++)
    pthread_create(&putters[i], NULL, put_all, NULL);
  for (int i = 0; i < GETTERS; i++)
    pthread_create(&getters[i], NULL, finish_all, &sums[i]);
  for (int i = 0; i < PUTTERS; i++)
    pthread_join(putters[i], NULL);
  check_is(shmq_join(queue, PATIENCE), 0);
  check_is(shmq_shutdown(queue, 0), 0);
  for (int i = 0; i < GETTERS; i++) {
    pthread_join(getters[i], NULL);
    sum += sums[i];
  }
  check_is(sum, PUTTERS * ((int64_t)ITEMS * (ITEMS - 1) / 2));
  check_at_rest(queue);
}
