/* SPDX-License-Identifier: Apache-2.0 */
#include "leases.h"

#include "check.h"

SUITE(leases_unit);

enum { CELLS = 64 };

static shmq *queue_with_cells(void) {
  struct shmq_options options = default_options();
  options.max_leases = CELLS;
  return make_queue(&options);
}

Test(leases_unit, word_keeps_its_four_parts) {
  const uint64_t word = cell_word(CELL_LEASED, 4096, ATTEMPT_MAX, 0x1234567890abcdef);
  check_is(cell_state(word), CELL_LEASED);
  check_is(cell_owner(word), 4096);
  check_is(cell_attempt(word), ATTEMPT_MAX);
  check_is(word >> 32, 0x90abcdef);
  const uint64_t ready = cell_word_as(word, CELL_READY, 0);
  check_is(cell_state(ready), CELL_READY);
  check_is(cell_owner(ready), 0);
  check_is(cell_attempt(ready), ATTEMPT_MAX);
  check_is(ready >> 32, 0x90abcdef);
}

/* Takes CELLS items and gives them back in an order that chance chooses. */
static void return_all_in_disorder(shmq *q, struct chance *chance) {
  struct shmq_lease leases[CELLS];
  check_is(put_numbers(q, 0, CELLS), 0);
  check_is(shmq_take_many(q, leases, CELLS, SHMQ_NOWAIT), CELLS);
  for (size_t left = CELLS; left > 0; left--) {
    const size_t pick = chance_below(chance, left);
    check_is(shmq_give_back(q, &leases[pick]), 0);
    leases[pick] = leases[left - 1];
  }
}

Test(leases_unit, heap_gives_the_oldest_first) {
  struct chance chance = chance_begin();
  for (int round = 0; round < 20; round++) {
    shmq *q = queue_with_cells();
    return_all_in_disorder(q, &chance);
    for (int64_t i = 0; i < CELLS; i++)
      check_is(get_number(q, SHMQ_NOWAIT), i);
    check_is(shmq_close(q), 0);
  }
}

Test(leases_unit, heap_is_rebuilt_from_the_cells) {
  struct chance chance = chance_begin();
  shmq *q = queue_with_cells();
  return_all_in_disorder(q, &chance);
  for (uint32_t i = 0; i < CELLS; i++)
    q->returned[i] = (uint32_t)chance_next(&chance);
  q->segment->consumer.returned = (uint32_t)chance_below(&chance, CELLS);
  returned_rebuild(q);
  check_sound(q);
  for (int64_t i = 0; i < CELLS; i++)
    check_is(get_number(q, SHMQ_NOWAIT), i);
}

Test(leases_unit, damaged_heap_is_noticed) {
  struct chance chance = chance_begin();
  shmq *q = queue_with_cells();
  check_is(put_number(q, 0), 0);
  q->segment->consumer.returned = 1; /* but no cell is ready */
  check_is(get_number(q, SHMQ_NOWAIT), -EBADMSG);
  q->segment->consumer.returned = UINT32_MAX;
  q->returned[0] = (uint32_t)chance_next(&chance) | 1u << 31;
  check_is(get_number(q, SHMQ_NOWAIT), -EBADMSG);
  check_is(shmq_check(q, NULL), -EBADMSG);
}

Test(leases_unit, word_that_changed_is_not_moved) {
  struct shmq_lease lease;
  shmq *q = queue_with_cells();
  check_is(put_number(q, 0), 0);
  check_is(take_number(q, &lease, SHMQ_NOWAIT), 0);
  const uint64_t word = lease_word(q, &lease);
  cr_assert(word != 0);
  cr_assert(!cell_move(q, lease.cell, word + 1, 0));
  cr_assert(cell_move(q, lease.cell, word, 0));
  cr_assert(!cell_move(q, lease.cell, word, 0));
  check_is(lease_word(q, &lease), 0);
}
