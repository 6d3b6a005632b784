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
  return ring_look(q, ring_head(q), item);
}

static int take_away(shmq *q) {
  struct ring_item item = {0};
  const int error = look(q, &item);
  if (error) return error;
  ring_commit_head(q, place_beyond(ring_head(q), item.size));
  return 0;
}

Test(ring, item_is_there_when_the_tail_has_moved) {
  shmq *q = small_queue();
  struct ring_item item = {0};
  check_is(look(q, &item), -EAGAIN);
  check_is(ring_append(q, &(struct iovec){"abc", 3}, 1), 1);
  check_is(look(q, &item), 0);
  check_is(item.size, 3);
  check_is(item.sequence, 0);
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

/* ---- Places -------------------------------------------------------------------------------------
 */

Test(ring, halves_of_a_place_do_not_carry_into_each_other) {
  uint64_t last = UINT64_MAX; /* both halves are about to begin anew */
  cr_assert_eq(place_beyond(last, 8), (uint64_t)0 << 32 | 1);
  cr_assert_eq(place_beyond(UINT32_MAX, 0), (uint64_t)1 << 32 | 0);
}

/* Both sides of a queue that so many items went through. */
static shmq *queue_after(uint64_t items, uint32_t units) {
  shmq *q = small_queue();
  struct cursor then = {.place = items << 32 | units, .base = items > 9 ? items - 9 : 0};
  q->segment->producer.head_cached = q->segment->consumer.tail_cached = then.place;
  q->segment->producer.tail = q->segment->consumer.head = then;
  return q;
}

Test(ring, counts_go_on_where_their_halves_begin_anew) {
  const uint64_t starts[] = {UINT32_MAX - 5, ((uint64_t)7 << 32) - 5, ((uint64_t)1 << 62) - 5};
  for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
    shmq *q = queue_after(starts[i], UINT32_MAX - 20);
    for (int64_t n = 0; n < 1000; n++) {
      check_is(put_number(q, n), 0);
      cr_assert_eq(stats_of(q).put, starts[i] + (uint64_t)n + 1);
      check_is(get_number(q, SHMQ_NOWAIT), n);
      cr_assert_eq(stats_of(q).got, starts[i] + (uint64_t)n + 1);
    }
    check_sound(q);
  }
}

Test(ring, ids_go_on_where_their_halves_begin_anew) {
  const uint64_t start = ((uint64_t)3 << 32) - 2;
  shmq *q = queue_after(start, 0);
  struct shmq_lease lease;
  for (uint64_t n = 0; n < 5; n++) {
    check_is(put_number(q, (int64_t)n), 0);
    check_is(take_number(q, &lease, SHMQ_NOWAIT), (int64_t)n);
    cr_assert_eq(lease.id, start + n);
    check_is(shmq_done(q, &lease), 0);
  }
}

/* A base that was never carried on would fall more than 2^32 items behind. */
Test(ring, base_follows) {
  shmq *q = queue_after(((uint64_t)1 << 31) + 9, 0);
  q->segment->producer.tail.base = q->segment->consumer.head.base = 9;
  for (int64_t n = 0; n < 1000; n++) {
    check_is(put_number(q, n), 0);
    check_is(get_number(q, SHMQ_NOWAIT), n);
  }
  cr_assert_gt(q->segment->producer.tail.base, (uint64_t)1 << 31);
  cr_assert_gt(q->segment->consumer.head.base, (uint64_t)1 << 31);
}

/* ---- Damage -------------------------------------------------------------------------------------
 */

static struct record *first_record(shmq *q) {
  return record_at(q, ring_head(q));
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
  check_damage(first_record(q)->header = 1001);
  check_damage(first_record(q)->header = UINT32_MAX);
  check_damage(first_record(q)->header = 100);                /* beyond the tail */
  check_damage(first_record(q)->header ^= (uint64_t)1 << 32); /* another item's */
}

Test(ring, damaged_cursors_are_noticed) {
  check_damage(q->segment->consumer.head.place += 1);
  check_damage(q->segment->consumer.head.place += 1 << 17);
  check_damage(q->segment->consumer.head.place += (uint64_t)1 << 32);
  check_damage(q->segment->consumer.tail_cached = q->segment->producer.tail.place += 1024);
}

/* However often it is tried. */
Test(ring, damaged_tail_takes_nothing) {
  shmq *q = small_queue();
  q->segment->producer.tail.place += 1 << 17;
  for (int i = 0; i < 3; i++)
    check_is(append(q, 10), -EBADMSG);
}

Test(ring, damaged_head_gives_no_room) {
  shmq *q = small_queue();
  while (append(q, 1000) > 0) {
  }
  q->segment->consumer.head.place = ring_tail(q) + 2;
  for (int i = 0; i < 3; i++)
    check_is(append(q, 1000), -EBADMSG);
}

Test(ring, damaged_tail_gives_nothing) {
  shmq *q = small_queue();
  struct ring_item item;
  check_is(append(q, 10), 1);
  q->segment->producer.tail.place += (uint64_t)100 << 32;
  for (int i = 0; i < 3; i++)
    check_is(look(q, &item), -EBADMSG);
}
