/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include "check.h"

SUITE(ring);

static shmq *small_queue(void) {
  struct shmq_options options = default_options();
  options.capacity = 4096;
  options.item_max = 1000;
  return make_queue(&options);
}

static ssize_t append(shmq *q, size_t size) {
  char bytes[1000];
  memset(bytes, 'x', sizeof bytes);
  return ring_append(q, &(struct iovec){bytes, size}, 1);
}

static int look(shmq *q, struct ring_item *item) {
  struct ring_reader reader = ring_reader(q);
  return ring_look(q, &reader, item);
}

static int take_away(shmq *q) {
  struct ring_reader reader = ring_reader(q);
  struct ring_item item = {0};
  const int error = ring_look(q, &reader, &item);
  if (error) return error;
  ring_step(&reader, &item);
  ring_commit(q, &reader);
  return 0;
}

Test(ring, item_is_there_when_the_tail_has_moved) {
  shmq *q = small_queue();
  struct ring_item item = {0};
  check_is(look(q, &item), -EAGAIN);
  check_is(ring_append(q, &(struct iovec){"abc", 3}, 1), 1);
  check_is(look(q, &item), 0);
  check_is(item.size, 3);
  check_is(item.id, 0);
  cr_assert(memcmp(item.data, "abc", 3) == 0);
  check_is(take_away(q), 0);
  check_is(look(q, &item), -EAGAIN);
}

Test(ring, items_over_the_seam_are_in_one_piece) {
  shmq *q = small_queue();
  char in[999];
  struct ring_item item = {0};
  for (int round = 0; round < 50; round++) {
    memset(in, round, sizeof in);
    check_is(ring_append(q, &(struct iovec){in, sizeof in}, 1), 1);
    check_is(look(q, &item), 0);
    cr_assert(memcmp(item.data, in, sizeof in) == 0);
    check_is(take_away(q), 0);
  }
}

Test(ring, full_ring_takes_nothing_until_the_head_moves) {
  shmq *q = small_queue();
  for (int i = 0; i < 4; i++)
    check_is(append(q, 1000), 1);
  check_is(append(q, 1000), -EAGAIN);
  check_is(append(q, 56), 1); /* 4 * 1008 + 64 */
  check_is(append(q, 0), -EAGAIN);
  cr_assert(!ring_has_room(q));
  check_is(take_away(q), 0);
  check_is(append(q, 1000), 1);
}

Test(ring, batch_appends_what_fits) {
  shmq *q = small_queue();
  static char bytes[1000];
  struct iovec items[6];
  for (int i = 0; i < 6; i++)
    items[i] = (struct iovec){bytes, sizeof bytes};
  check_is(ring_append(q, items, 6), 4);
  check_is(ring_append(q, items, 6), -EAGAIN);
}

/* ---- A holder that died between two stores ------------------------------------------------------
 */

Test(ring, position_that_moved_brings_its_count) {
  struct cursor cursor = {.position = 100, .count = 4};
  const struct journal journal = {.next_position = 100, .next_count = 5};
  cursor_repair(&cursor, &journal);
  check_is(cursor.count, 5);
}

Test(ring, journal_alone_changes_nothing) {
  struct cursor cursor = {.position = 84, .count = 4};
  const struct journal journal = {.next_position = 100, .next_count = 5};
  cursor_repair(&cursor, &journal);
  check_is(cursor.position, 84);
  check_is(cursor.count, 4);
}

Test(ring, repair_may_be_repeated) {
  shmq *q = small_queue();
  check_is(append(q, 10), 1);
  struct producer_side *p = &q->segment->producer;
  for (int i = 0; i < 3; i++)
    cursor_repair(&p->tail, &p->journal);
  check_is(p->tail.count, 1);
  check_is(take_away(q), 0);
}

/* ---- Damage -------------------------------------------------------------------------------------
 */

static struct record *first_record(shmq *q) {
  return record_at(q, q->segment->consumer.head.position);
}

#define check_damage(statement)              \
  do {                                       \
    shmq *q = small_queue();                 \
    struct ring_item item_ = {0};            \
    check_is(append(q, 10), 1);              \
    check_is(append(q, 10), 1);              \
    statement;                               \
    check_is(look(q, &item_), -EBADMSG);     \
    check_is(shmq_check(q, NULL), -EBADMSG); \
  } while (0)

Test(ring, damaged_records_are_noticed) {
  check_damage(first_record(q)->size = 1001);
  check_damage(first_record(q)->size = UINT32_MAX);
  check_damage(first_record(q)->size = 100); /* beyond the tail */
  check_damage(first_record(q)->sequence ^= 1);
}

Test(ring, damaged_cursors_are_noticed) {
  check_damage(q->segment->consumer.head.position += 8);
  check_damage(q->segment->consumer.head.position += 1 << 20);
  check_damage(q->segment->consumer.head.count++);
  check_damage(q->segment->consumer.tail_cached = q->segment->producer.tail.position += 8192);
}

Test(ring, damaged_tail_takes_nothing) {
  shmq *q = small_queue();
  q->segment->producer.tail.position += 1 << 20;
  check_is(append(q, 10), -EBADMSG);
}
