/* SPDX-License-Identifier: Apache-2.0 */
/* shmq_check() finds each invariant that is broken, and says which. */
#include "check.h"

#include "leases.h"

SUITE(check);

static shmq *queue_in_use(struct shmq_lease *lease) {
  shmq *q = make_queue(NULL);
  check_is(put_numbers(q, 0, 4), 0);
  check_is(take_number(q, lease, SHMQ_NOWAIT), 0);
  check_is(get_number(q, SHMQ_NOWAIT), 1);
  check_sound(q);
  return q;
}

/* The statement may use q, its segment s, and the cell of an item in hand. */
#define check_finds(statement)                                    \
  do {                                                            \
    struct shmq_lease lease_;                                     \
    const char *broken_ = NULL;                                   \
    shmq *q = queue_in_use(&lease_);                              \
    struct segment *s = q->segment;                               \
    struct cell *cell = &q->cells[lease_.cell];                   \
    (void)s, (void)cell;                                          \
    statement;                                                    \
    check_is(shmq_check(q, &broken_), -EBADMSG);                  \
    cr_assert(broken_ &&*broken_, "%s: no sentence", #statement); \
  } while (0)

Test(check, broken_cursors_are_found) {
  check_finds(s->producer.tail.place += (uint64_t)1 << 32);
  check_finds(s->consumer.head.place -= (uint64_t)1 << 32);
  check_finds(s->producer.tail.place += 2);
  check_finds(s->producer.tail.base += (uint64_t)1 << 40);
  check_finds(s->consumer.head.base -= (uint64_t)7 << 32);
}

Test(check, broken_records_are_found) {
  check_finds(record_at(q, ring_head(q))->header += 5000);
  check_finds(record_at(q, ring_head(q))->header += (uint64_t)1 << 32);
}

Test(check, broken_cells_are_found) {
  check_finds(cell->word |= 0xf);
  check_finds(cell->word = cell_word_as(cell->word, CELL_LEASED, 0));
  check_finds(cell->word = cell_word_as(cell->word, CELL_LEASED, 60000));
  check_finds(cell->word = cell_word_as(cell->word, CELL_READY, 0));
  check_finds(cell->id++);
  check_finds(cell->size = 5000);
  check_finds(s->consumer.returned = 1);
}

Test(check, broken_slots_are_found) {
  check_finds(q->threads[0].finished += 5);
  check_finds(q->threads[9].owner = 60000);
}

Test(check, sentence_may_be_left_out) {
  struct shmq_lease lease;
  shmq *q = queue_in_use(&lease);
  check_is(shmq_check(q, NULL), 0);
  q->segment->consumer.returned = 1;
  check_is(shmq_check(q, NULL), -EBADMSG);
}
