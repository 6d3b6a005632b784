/* SPDX-License-Identifier: Apache-2.0 */
#include "bury.h"

#include <stdio.h>

#include "check.h"
#include "wait.h"

SUITE(bury);

/* An item that was given back once too often, left where it was: not buried yet. */
static shmq *queue_with_doomed_item(struct shmq_lease *lease) {
  struct shmq_options options = default_options();
  options.max_attempts = 1;
  shmq *q = make_queue(&options);
  check_is(put_number(q, 7), 0);
  check_is(take_number(q, lease, SHMQ_NOWAIT), 7);
  cr_assert(cell_give_back(q, lease->cell, q->cells[lease->cell].word));
  check_is(cell_state(q->cells[lease->cell].word), CELL_DOOMED);
  return q;
}

static bool bury(shmq *q) {
  struct timeout t = {.ns = SECOND};
  return bury_doomed(q, &t);
}

Test(bury, doomed_item_is_moved_once) {
  struct shmq_lease lease;
  shmq *q = queue_with_doomed_item(&lease);
  cr_assert(bury(q));
  cr_assert(!bury(q));
  check_is(cell_state(q->cells[lease.cell].word), CELL_FREE);
  shmq *dead = open_dead_queue();
  check_is(get_number(dead, SHMQ_NOWAIT), 7);
  cr_assert(shmq_empty(dead));
  check_is(stats_of(q).dead_lettered, 1);
  check_at_rest(q);
}

static shmq *full_dead_queue(void) {
  struct shmq_options options = default_options();
  char name[SHMQ_NAME_MAX + sizeof ".dead"];
  shmq *dead;
  options.maxsize = 1;
  snprintf(name, sizeof name, "%s.dead", queue_name);
  check_is(shmq_create(&dead, name, &options), 0);
  check_is(put_number(dead, 0), 0);
  return dead;
}

Test(bury, item_that_a_full_dead_queue_refuses_is_buried_later) {
  struct shmq_lease lease;
  shmq *q = queue_with_doomed_item(&lease), *dead = full_dead_queue();
  cr_assert(!bury(q), "there is no room");
  check_is(cell_state(q->cells[lease.cell].word), CELL_DOOMED);
  check_is(get_number(dead, SHMQ_NOWAIT), 0);
  cr_assert(bury(q));
  check_is(get_number(dead, SHMQ_NOWAIT), 7);
  check_is(stats_of(q).dead_lettered, 1);
  check_at_rest(q);
}

/* Dies between the copy in NAME.dead and the freeing of the cell. */
_Noreturn static int64_t die_while_burying(void *cell) {
  shmq *q = open_queue();
  _Atomic uint64_t *word = &q->cells[(uintptr_t)cell].word;
  *word = cell_word_as(*word, CELL_BURYING, q->process + 1);
  say(0);
  stay();
}

Test(bury, item_whose_undertaker_died_is_buried_by_the_living) {
  struct shmq_lease lease;
  shmq *q = queue_with_doomed_item(&lease);
  struct child child = child_start(die_while_burying, (void *)(uintptr_t)lease.cell);
  check_is(child_hear(&child), 0);
  cr_assert(!bury(q), "it was taken from the living");
  child_kill(&child);
  check_is(shmq_recover(q), 1);
  check_is(get_number(open_dead_queue(), PATIENCE), 7);
  check_at_rest(q);
}

/* ---- In the child of a fork, which has no slot before its first call ----------------------------
 */

static struct shmq_lease doomed;

_Noreturn static int64_t look_again_and_again(void *q) {
  for (;; nap(MS))
    shmq_look(q, SHMQ_NOT_EMPTY);
}

/* While somebody keeps the lock of NAME.dead, a burying takes 10 ms. */
static bool stopped_while_burying(const struct child *child, const shmq *q) {
  child_stop(child);
  if (cell_state(q->cells[doomed.cell].word) == CELL_BURYING) return true;
  child_continue(child);
  return false;
}

Test(bury, item_whose_undertaker_had_inherited_the_handle_is_its_own) {
  struct timeout t = {.ns = SECOND};
  struct thread *me;
  shmq *q = queue_with_doomed_item(&doomed);
  shmq *dead;
  struct shmq_options options = default_options();
  char name[sizeof queue_name + 5];
  snprintf(name, sizeof name, "%s.dead", queue_name);
  check_is(shmq_create(&dead, name, &options), 0);
  check_is(enter(dead, &t, &me), 0);
  check_is(side_lock(dead, &dead->segment->producer.lock, me->id, &t), 0);
  struct child child = child_start(look_again_and_again, q);
  check_becomes(stopped_while_burying(&child, q));
  child_kill(&child);
  side_unlock(dead, &dead->segment->producer.lock, me->id);
  check_is(shmq_recover(q), 1);
  check_is(get_number(dead, PATIENCE), 7);
  check_at_rest(q);
}
