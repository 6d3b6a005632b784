/* SPDX-License-Identifier: Apache-2.0 */
/* Items in, items out: sizes, bounds, batches, peek. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

SUITE(put_get);

enum { MANY = 1000 };

/* At most MANY; until the next call. */
static struct iovec *number_items(int64_t *numbers, size_t n) {
  static struct iovec items[MANY];
  for (size_t i = 0; i < n; i++)
    items[i] = (struct iovec){&numbers[i], sizeof numbers[i]};
  return items;
}

static void fill_at_random(unsigned char *bytes, size_t size, struct chance *chance) {
  for (size_t i = 0; i < size; i++)
    bytes[i] = (unsigned char)chance_next(chance);
}

static void check_round_trip(shmq *queue, size_t size, struct chance *chance) {
  unsigned char *in = malloc(size + 1), *out = malloc(size + 1);
  fill_at_random(in, size, chance);
  check_is(shmq_put(queue, in, size, SHMQ_NOWAIT), 0);
  check_is(shmq_get(queue, out, size, SHMQ_NOWAIT), size);
  cr_assert(memcmp(in, out, size) == 0, "item of %zu bytes came back changed", size);
  check_is(shmq_task_done(queue), 0);
  free(in);
  free(out);
}

Test(put_get, items_of_every_length_come_back_byte_for_byte) {
  struct shmq_options options = default_options();
  struct chance chance = chance_begin();
  options.item_max = 1000;
  options.capacity = 4096;
  shmq *queue = make_queue(&options);
  for (int round = 0; round < 3; round++)
    for (size_t size = 0; size <= options.item_max; size++)
      check_round_trip(queue, size, &chance);
  check_at_rest(queue);
}

Test(put_get, item_of_item_max_fits_and_one_byte_more_does_not) {
  struct shmq_options options = default_options();
  struct chance chance = chance_begin();
  char *large = calloc(1, options.item_max + 1);
  shmq *queue = make_queue(&options);
  check_round_trip(queue, options.item_max, &chance);
  check_is(shmq_put(queue, large, options.item_max + 1, SHMQ_NOWAIT), -EMSGSIZE);
  check_is(shmq_put(queue, large, SIZE_MAX, SHMQ_NOWAIT), -EMSGSIZE);
  check_is(shmq_qsize(queue), 0);
  free(large);
}

Test(put_get, large_items_fit_a_queue_made_for_them) {
  struct shmq_options options = default_options();
  struct chance chance = chance_begin();
  options.capacity = 1;
  options.item_max = 3000000;
  options.max_leases = 1;
  shmq *queue = make_queue(&options);
  for (int i = 0; i < 5; i++)
    check_round_trip(queue, options.item_max, &chance);
}

Test(put_get, buffer_too_small_leaves_the_item) {
  shmq *queue = make_queue(NULL);
  char buffer[8];
  check_is(shmq_put(queue, "12345678", 8, SHMQ_NOWAIT), 0);
  check_is(shmq_get(queue, buffer, 7, SHMQ_NOWAIT), -EMSGSIZE);
  check_is(shmq_get(queue, NULL, 0, SHMQ_NOWAIT), -EMSGSIZE);
  check_is(shmq_qsize(queue), 1);
  check_is(shmq_get(queue, buffer, 8, SHMQ_NOWAIT), 8);
  cr_assert(memcmp(buffer, "12345678", 8) == 0);
}

Test(put_get, empty_item_needs_no_buffer) {
  shmq *queue = make_queue(NULL);
  check_is(shmq_put(queue, NULL, 0, SHMQ_NOWAIT), 0);
  check_is(shmq_qsize(queue), 1);
  check_is(shmq_get(queue, NULL, 0, SHMQ_NOWAIT), 0);
  check_is(shmq_get(queue, NULL, 0, SHMQ_NOWAIT), -EAGAIN);
}

Test(put_get, maxsize_bounds_the_items_that_wait) {
  struct shmq_options options = default_options();
  options.maxsize = 3;
  shmq *queue = make_queue(&options);
  check_is(put_numbers(queue, 0, 3), 0);
  cr_assert(shmq_full(queue));
  check_is(shmq_put(queue, "x", 1, SHMQ_NOWAIT), -EAGAIN);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  cr_assert(!shmq_full(queue));
  check_is(put_number(queue, 3), 0);
  check_is(shmq_put(queue, "x", 1, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_qsize(queue), 3);
}

Test(put_get, capacity_is_used_to_its_last_byte) {
  struct shmq_options options = default_options();
  options.capacity = 4096;
  options.item_max = 100;
  shmq *queue = make_queue(&options);
  const int64_t fits = (int64_t)(stats_of(queue).capacity / 16);
  check_at_least(stats_of(queue).capacity, 4096);
  check_is(put_numbers(queue, 0, fits), 0);
  check_is(shmq_put(queue, NULL, 0, SHMQ_NOWAIT), -EAGAIN);
  check_is(stats_of(queue).used, stats_of(queue).capacity);
  for (int64_t i = 0; i < fits; i++)
    check_is(get_number(queue, SHMQ_NOWAIT), i);
  check_is(stats_of(queue).used, 0);
}

Test(put_get, full_means_no_room_for_the_largest_item) {
  struct shmq_options options = default_options();
  options.capacity = 8192;
  options.item_max = 5000;
  shmq *queue = make_queue(&options);
  char item[5000] = {0};
  cr_assert(!shmq_full(queue));
  check_is(shmq_put(queue, item, sizeof item, SHMQ_NOWAIT), 0);
  cr_assert(shmq_full(queue));
  check_is(shmq_put(queue, item, sizeof item, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_put(queue, item, 1, SHMQ_NOWAIT), 0);
}

Test(put_get, empty_and_qsize_follow_the_items) {
  shmq *queue = make_queue(NULL);
  cr_assert(shmq_empty(queue));
  check_is(put_numbers(queue, 0, 2), 0);
  cr_assert(!shmq_empty(queue));
  check_is(shmq_qsize(queue), 2);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(shmq_qsize(queue), 1);
  check_is(get_number(queue, SHMQ_NOWAIT), 1);
  cr_assert(shmq_empty(queue));
}

Test(put_get, counts_agree_at_rest) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 10), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 1);
  check_is(shmq_task_done(queue), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 2);
  check_is(shmq_done(queue, &lease), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 3);
  check_is(shmq_give_back(queue, &lease), 0);
  const struct shmq_stats stats = stats_of(queue);
  check_is(stats.put, 10);
  check_is(stats.got, 4);
  check_is(stats.done, 2);
  check_is(stats.qsize, 7);
  check_is(stats.returned, 1);
  check_is(stats.leased, 0);
  check_is(stats.unfinished, 8);
  check_is(stats.redelivered, 0);
}

Test(put_get, batch_goes_in_and_out_in_order) {
  int64_t in[100], out[100];
  for (int64_t i = 0; i < 100; i++)
    in[i] = i;
  shmq *queue = make_queue(NULL);
  check_is(shmq_put_many(queue, number_items(in, 100), 100, SHMQ_NOWAIT), 100);
  struct iovec *items = number_items(out, 100);
  check_is(shmq_get_many(queue, items, 60, SHMQ_NOWAIT), 60);
  check_is(shmq_get_many(queue, items + 60, 40, SHMQ_NOWAIT), 40);
  for (int64_t i = 0; i < 100; i++) {
    check_is(out[i], i);
    check_is(items[i].iov_len, sizeof(int64_t));
  }
}

Test(put_get, put_many_puts_what_there_is_room_for) {
  struct shmq_options options = default_options();
  int64_t in[5] = {0, 1, 2, 3, 4};
  options.maxsize = 3;
  shmq *queue = make_queue(&options);
  struct iovec *items = number_items(in, 5);
  check_is(shmq_put_many(queue, items, 5, SHMQ_NOWAIT), 3);
  check_is(shmq_put_many(queue, items + 3, 2, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_put_many(queue, items + 3, 2, 10 * MS), -ETIMEDOUT);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(shmq_put_many(queue, items + 3, 2, 10 * MS), 1);
  for (int64_t i = 1; i < 4; i++)
    check_is(get_number(queue, SHMQ_NOWAIT), i);
  check_is(get_number(queue, SHMQ_NOWAIT), -EAGAIN);
}

Test(put_get, put_many_with_one_item_too_large_puts_none) {
  struct shmq_options options = default_options();
  char *large = calloc(1, options.item_max + 1);
  struct iovec items[3] = {{large, 1}, {large, options.item_max + 1}, {large, 1}};
  shmq *queue = make_queue(&options);
  check_is(shmq_put_many(queue, items, 3, SHMQ_NOWAIT), -EMSGSIZE);
  check_is(shmq_qsize(queue), 0);
  free(large);
}

static int64_t put_a_thousand_at_once(void *unused) {
  int64_t numbers[MANY];
  (void)unused;
  for (int64_t i = 0; i < MANY; i++)
    numbers[i] = i;
  return shmq_put_many(open_queue(), number_items(numbers, MANY), MANY, PATIENCE);
}

Test(put_get, batch_larger_than_the_queue_goes_in_as_room_appears) {
  struct shmq_options options = default_options();
  options.maxsize = 7;
  shmq *queue = make_queue(&options);
  struct child producer = child_start(put_a_thousand_at_once, NULL);
  for (int64_t i = 0; i < MANY; i++)
    check_is(get_number(queue, PATIENCE), i);
  check_is(child_result(&producer), MANY);
}

Test(put_get, get_many_stops_before_an_item_that_does_not_fit) {
  shmq *queue = make_queue(NULL);
  char small[3][4], large[8];
  struct iovec items[3] = {{small[0], 4}, {small[1], 4}, {small[2], 4}};
  check_is(shmq_put(queue, "abcd", 4, SHMQ_NOWAIT), 0);
  check_is(shmq_put(queue, "efghijkl", 8, SHMQ_NOWAIT), 0);
  check_is(shmq_get_many(queue, items, 3, SHMQ_NOWAIT), 1);
  check_is(items[0].iov_len, 4);
  check_is(shmq_get_many(queue, items, 3, SHMQ_NOWAIT), -EMSGSIZE);
  check_is(shmq_get(queue, large, sizeof large, SHMQ_NOWAIT), 8);
}

/* Whether it is empty, full or shut down. */
Test(put_get, no_items_are_put_got_or_taken_at_once) {
  struct shmq_options options = default_options();
  options.maxsize = 1;
  shmq *queue = make_queue(&options);
  check_is(shmq_get_many(queue, NULL, 0, SHMQ_FOREVER), 0);
  check_is(shmq_take_many(queue, NULL, 0, SHMQ_FOREVER), 0);
  check_is(put_number(queue, 1), 0);
  check_is(shmq_put_many(queue, NULL, 0, SHMQ_FOREVER), 0);
  check_is(shmq_get_many(queue, NULL, 0, SHMQ_FOREVER), 0);
  check_is(shmq_shutdown(queue, SHMQ_NOW), 0);
  check_is(shmq_put_many(queue, NULL, 0, SHMQ_FOREVER), 0);
  check_is(shmq_get_many(queue, NULL, 0, SHMQ_FOREVER), 0);
  check_is(shmq_take_many(queue, NULL, 0, SHMQ_FOREVER), 0);
}

static int64_t put_three_later(void *unused) {
  (void)unused;
  listen_to_parent();
  return put_numbers(open_queue(), 0, 3);
}

Test(put_get, get_many_waits_for_one_and_no_more) {
  int64_t out[10];
  shmq *queue = make_queue(NULL);
  struct child producer = child_start(put_three_later, NULL);
  check_is(shmq_get_many(queue, number_items(out, 10), 10, SHMQ_NOWAIT), -EAGAIN);
  child_tell(&producer, 0);
  const ssize_t got = shmq_get_many(queue, number_items(out, 10), 10, PATIENCE);
  cr_assert(got >= 1 && got <= 3);
  for (int64_t i = 0; i < got; i++)
    check_is(out[i], i);
  check_is(child_result(&producer), 0);
}

Test(put_get, peek_shows_the_next_item_and_leaves_it) {
  shmq *queue = make_queue(NULL);
  char buffer[8] = "........";
  check_is(shmq_peek(queue, buffer, sizeof buffer), -EAGAIN);
  check_is(shmq_put(queue, "abcdef", 6, SHMQ_NOWAIT), 0);
  check_is(shmq_peek(queue, buffer, 3), 6);
  cr_assert(memcmp(buffer, "abc.....", 8) == 0);
  check_is(shmq_peek(queue, NULL, 0), 6);
  check_is(shmq_qsize(queue), 1);
  check_is(shmq_get(queue, buffer, sizeof buffer, SHMQ_NOWAIT), 6);
  cr_assert(memcmp(buffer, "abcdef..", 8) == 0);
}

Test(put_get, peek_shows_a_returned_item_first) {
  struct shmq_lease lease;
  int64_t number = -1;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 2), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 0);
  check_is(shmq_peek(queue, &number, sizeof number), sizeof number);
  check_is(number, 1);
  check_is(shmq_give_back(queue, &lease), 0);
  check_is(shmq_peek(queue, &number, sizeof number), sizeof number);
  check_is(number, 0);
}

Test(put_get, task_done_more_often_than_got_is_refused) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 3), 0);
  check_is(shmq_task_done(queue), -EINVAL);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(shmq_task_done(queue), 0);
  check_is(shmq_task_done(queue), -EINVAL);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 1);
  check_is(shmq_task_done(queue), -EINVAL);
}

/* ---- Random items between two processes ---------------------------------------------------------
 */

enum { RANDOM_ITEMS = 20000, RANDOM_MAX = 700 };

static size_t random_item(unsigned char *item, struct chance *chance) {
  const size_t size = chance_below(chance, RANDOM_MAX + 1);
  fill_at_random(item, size, chance);
  return size;
}

static int64_t put_random_items(void *chance) {
  unsigned char item[RANDOM_MAX];
  shmq *queue = open_queue();
  int error = 0;
  for (int i = 0; i < RANDOM_ITEMS && !error; i++)
    error = shmq_put(queue, item, random_item(item, chance), PATIENCE);
  return error;
}

Test(put_get, random_items_cross_from_process_to_process_unchanged) {
  struct shmq_options options = default_options();
  struct chance chance = chance_begin();
  unsigned char expected[RANDOM_MAX], item[RANDOM_MAX];
  options.capacity = 4096;
  options.item_max = RANDOM_MAX;
  shmq *queue = make_queue(&options);
  struct child producer = child_start(put_random_items, &chance);
  for (int i = 0; i < RANDOM_ITEMS; i++) {
    const size_t size = random_item(expected, &chance);
    check_is(shmq_get(queue, item, sizeof item, PATIENCE), size);
    cr_assert(memcmp(item, expected, size) == 0, "item %d came changed", i);
    check_is(shmq_task_done(queue), 0);
  }
  check_is(child_result(&producer), 0);
  check_at_rest(queue);
}
