/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include "check.h"
#include "ring.h"

SUITE(history);

#define TICK   ((shmq_ns)1 << 24)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

/* Some time after the machine was started. */
static const shmq_ns start = 1000 * HOUR + 123456789;

/* So many items were put, whatever is in the ring. */
static void set_tail(shmq *q, uint64_t items) {
  q->segment->producer.tail.base = items;
  q->segment->producer.tail.place = items << 32;
}

/* An item was put at that time; what is known of it at another? Never that it is younger than it
   is; and at most a fifteenth and two ticks too much. */
static void check_known(const shmq *q, uint64_t item, shmq_ns put, shmq_ns now) {
  const shmq_ns before = history_before(q, item, now);
  check_at_most(before, put);
  check_at_most(put - before, (now - put) / 15 + 2 * TICK);
}

/* The item of each step is put at once, and marked. */
static void put_items(shmq *q, uint64_t first, uint64_t items, shmq_ns apart) {
  for (uint64_t i = 0; i < items; i++) {
    set_tail(q, first + i + 1);
    history_mark(q, 1, start + (shmq_ns)i * apart);
  }
}

static void check_items(const shmq *q, uint64_t first, uint64_t items, shmq_ns apart, shmq_ns now) {
  for (uint64_t back = 1; back <= items; back = back < 64 ? back + 1 : back + back / 7)
    check_known(q, first + items - back, start + (shmq_ns)(items - back) * apart, now);
}

Test(history, nothing_is_known_before_the_first_mark) {
  shmq *q = make_queue(NULL);
  set_tail(q, 10);
  check_is(history_before(q, 3, start), 0);
}

Test(history, steady_producer) {
  shmq *q = make_queue(NULL);
  const uint64_t items = 2000000;
  put_items(q, 0, items, 5 * MS);
  check_items(q, 0, items, 5 * MS, start + (shmq_ns)items * 5 * MS);
}

Test(history, one_item_a_minute) {
  shmq *q = make_queue(NULL);
  const uint64_t items = 10000;
  put_items(q, 0, items, MINUTE);
  check_items(q, 0, items, MINUTE, start + (shmq_ns)items * MINUTE);
}

Test(history, producer_that_stopped) {
  shmq *q = make_queue(NULL);
  put_items(q, 0, 1000, 50 * MS);
  for (shmq_ns later = 0; later < 1000 * HOUR; later = 2 * later + SECOND)
    check_items(q, 0, 1000, 50 * MS, start + 1000 * 50 * MS + later);
}

/* Others go on looking, say because they sleep and wake. */
Test(history, producer_that_stopped_while_others_look) {
  shmq *q = make_queue(NULL);
  put_items(q, 0, 1, 0);
  for (shmq_ns later = 0; later < 3 * HOUR; later += 100 * MS) {
    history_mark(q, 0, start + later);
    if (later % MINUTE == 0) check_known(q, 0, start, start + later);
  }
}

Test(history, item_that_nobody_has_put_yet_when_marked) {
  shmq *q = make_queue(NULL);
  set_tail(q, 5);
  history_mark(q, 0, start);
  set_tail(q, 6);
  check_known(q, 5, start, start + SECOND);
  check_is(history_before(q, 4, start + SECOND), 0);
}

Test(history, numbers_beyond_32_bits) {
  shmq *q = make_queue(NULL);
  const uint64_t first = ((uint64_t)1 << 32) - 500;
  put_items(q, first, 1000, 20 * MS);
  check_items(q, first, 1000, 20 * MS, start + 20 * SECOND);
  set_tail(q, first + ((uint64_t)1 << 31) + 1);
  check_is(history_before(q, first, start + 20 * SECOND), 0);
}

Test(history, marks_of_the_future_are_not_believed) {
  shmq *q = make_queue(NULL);
  put_items(q, 0, 1, 0);
  q->segment->history.marks[0][7] = (uint64_t)(start + HOUR) >> 24;
  check_known(q, 0, start, start + SECOND);
}

/* Whatever stands there: an answer, and one that is a time. */
Test(history, damage_harms_nobody) {
  struct chance chance = chance_begin();
  shmq *q = make_queue(NULL);
  for (int round = 0; round < 200; round++) {
    for (int level = 0; level < HISTORY_LEVELS; level++)
      for (int i = 0; i < HISTORY_MARKS; i++)
        q->segment->history.marks[level][i] = chance_next(&chance);
    const shmq_ns before = history_before(q, chance_next(&chance), start);
    check_at_least(before, 0);
    check_at_most(before, start);
    history_mark(q, 1, start);
  }
}
