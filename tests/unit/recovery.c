/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that die at a chosen point: each child stops half-way through a call, with the lock in
 * its hand, and is killed there. What the others find must be the state before the call or after.
 */
#include "recovery.h"

#include <errno.h>
#include <sys/prctl.h>

#include "check.h"
#include "wait.h"

SUITE(recovery);

static struct thread *my_place(shmq *q) {
  struct thread *me = NULL;
  struct timeout t = {.ns = SECOND};
  return enter(q, &t, &me) == 0 ? me : NULL;
}

static int lock_side(shmq *q, struct robust_mutex *lock) {
  struct timeout t = {.ns = SECOND};
  return side_lock(q, lock, my_place(q)->id, &t);
}

/* Has a child run up to its stay(), and kills it there. */
static void die_at(int64_t (*point)(void *)) {
  struct child child = child_start(point, NULL);
  check_is(child_hear(&child), 0);
  child_kill(&child);
}

static int64_t number_in_ring = 77;

/* The tail's next place. */
static uint64_t write_record(shmq *q) {
  uint64_t place = ring_tail(q);
  ring_write(q, place, &number_in_ring, sizeof number_in_ring, copy_any);
  return place_beyond(place, sizeof number_in_ring);
}

/* ---- Puts that were cut short -------------------------------------------------------------------
 */

_Noreturn static int64_t die_with_producer_lock(void *unused) {
  shmq *q = open_queue();
  (void)unused;
  say(lock_side(q, &q->segment->producer.lock));
  stay();
}

_Noreturn static int64_t die_with_record_written(void *unused) {
  shmq *q = open_queue();
  (void)unused;
  lock_side(q, &q->segment->producer.lock);
  write_record(q);
  say(0);
  stay();
}

_Noreturn static int64_t die_with_tail_moved(void *unused) {
  shmq *q = open_queue();
  struct producer_side *p = &q->segment->producer;
  (void)unused;
  lock_side(q, &p->lock);
  p->tail.place = write_record(q);
  say(0);
  stay();
}

static void check_put_cut_short(int64_t (*point)(void *), uint64_t put) {
  shmq *q = make_queue(NULL);
  die_at(point);
  check_is(put_number(q, 1), 0);
  check_sound(q);
  check_is(stats_of(q).put, put + 1);
  if (put) check_is(get_number(q, SHMQ_NOWAIT), number_in_ring);
  check_is(get_number(q, SHMQ_NOWAIT), 1);
  check_is(shmq_recover(q), 0);
}

Test(recovery, put_that_died_before_its_commit_did_not_happen) {
  check_put_cut_short(die_with_producer_lock, 0);
  check_put_cut_short(die_with_record_written, 0);
}

Test(recovery, put_that_died_after_its_commit_happened) {
  check_put_cut_short(die_with_tail_moved, 1);
}

/* ---- Takes and gets that were cut short ---------------------------------------------------------
 */

/* The head's next place. */
static uint64_t look_at_first(shmq *q, struct ring_item *item) {
  uint64_t place = ring_head(q);
  if (ring_look(q, place, item) != 0) say(-1);
  return place_beyond(place, item->size);
}

_Noreturn static int64_t die_with_cell_filled(void *unused) {
  shmq *q = open_queue();
  struct shmq_lease lease;
  struct ring_item item;
  (void)unused;
  lock_side(q, &q->segment->consumer.lock);
  look_at_first(q, &item);
  say(lease_from_ring(q, my_place(q), &item, &lease));
  stay();
}

_Noreturn static int64_t die_with_head_moved(void *unused) {
  shmq *q = open_queue();
  struct consumer_side *c = &q->segment->consumer;
  struct shmq_lease lease;
  struct ring_item item;
  (void)unused;
  lock_side(q, &c->lock);
  const uint64_t next = look_at_first(q, &item);
  const int error = lease_from_ring(q, my_place(q), &item, &lease);
  c->head.place = next;
  say(error);
  stay();
}

static void check_take_cut_short(int64_t (*point)(void *), uint32_t attempt) {
  struct shmq_lease lease;
  shmq *q = make_queue(NULL);
  check_is(put_numbers(q, 5, 7), 0);
  die_at(point);
  check_is(take_number(q, &lease, PATIENCE), 5);
  check_is(lease.attempt, attempt);
  check_is(lease.id, 0);
  check_is(shmq_done(q, &lease), 0);
  check_is(take_number(q, &lease, PATIENCE), 6);
  check_is(shmq_done(q, &lease), 0);
  check_at_rest(q);
}

Test(recovery, take_that_died_before_its_commit_is_void) {
  check_take_cut_short(die_with_cell_filled, 1);
}

Test(recovery, take_that_died_after_its_commit_is_an_attempt) {
  check_take_cut_short(die_with_head_moved, 2);
}

/* A get counts the item as its thread's before it moves the head. */
static void count_as_got(struct thread_slot *slot, uint64_t next) {
  slot->undo_got = slot->got;
  slot->undo_head = place_items(next);
  slot->got++;
}

static int64_t get_half(bool moves_head) {
  shmq *q = open_queue();
  struct consumer_side *c = &q->segment->consumer;
  struct ring_item item;
  lock_side(q, &c->lock);
  const uint64_t next = look_at_first(q, &item);
  count_as_got(my_place(q)->slot, next);
  if (moves_head) ring_commit_head(q, next);
  say(0);
  stay();
}

static int64_t die_with_got_counted(void *unused) {
  (void)unused;
  return get_half(false);
}

static int64_t die_with_got_committed(void *unused) {
  (void)unused;
  return get_half(true);
}

static void check_get_cut_short(int64_t (*point)(void *), uint64_t abandoned) {
  shmq *q = make_queue(NULL);
  check_is(put_numbers(q, 0, 2), 0);
  die_at(point);
  for (int64_t i = (int64_t)abandoned; i < 2; i++) {
    check_is(get_number(q, PATIENCE), i);
    check_is(shmq_task_done(q), 0);
  }
  check_is(stats_of(q).abandoned, abandoned);
  check_at_rest(q);
}

Test(recovery, get_that_died_before_its_commit_did_not_happen) {
  check_get_cut_short(die_with_got_counted, 0);
}

Test(recovery, get_that_died_after_its_commit_is_abandoned) {
  check_get_cut_short(die_with_got_committed, 1);
}

/* Half of cell_end(): the item is in NAME.dead, and its cell says so. */
_Noreturn static int64_t die_with_burial_uncounted(void *unused) {
  shmq *q = open_queue();
  struct shmq_lease lease;
  (void)unused;
  const int64_t number = take_number(q, &lease, SHMQ_NOWAIT);
  struct cell *cell = &q->cells[lease.cell];
  cell->next = cell->buried + 1;
  cell->word = cell_word_as(cell->word, CELL_BURIED, q->process + 1);
  say(number);
  stay();
}

Test(recovery, burial_that_died_before_it_was_counted_is_counted) {
  shmq *q = make_queue(NULL);
  check_is(put_number(q, 0), 0);
  die_at(die_with_burial_uncounted);
  check_is(stats_of(q).dead_lettered, 0);
  check_is(shmq_recover(q), 1);
  check_is(stats_of(q).dead_lettered, 1);
  check_is(get_number(q, SHMQ_NOWAIT), -EAGAIN);
  check_at_rest(q);
}

_Noreturn static int64_t die_with_heap_in_pieces(void *unused) {
  shmq *q = open_queue();
  (void)unused;
  lock_side(q, &q->segment->consumer.lock);
  for (uint32_t i = 0; i < 3; i++)
    q->returned[i] = 2;
  q->segment->consumer.returned = 7;
  say(0);
  stay();
}

Test(recovery, heap_in_pieces_is_built_anew) {
  struct shmq_lease leases[3];
  shmq *q = make_queue(NULL);
  check_is(put_numbers(q, 0, 3), 0);
  check_is(shmq_take_many(q, leases, 3, SHMQ_NOWAIT), 3);
  for (int i = 2; i >= 0; i--)
    check_is(shmq_give_back(q, &leases[i]), 0);
  die_at(die_with_heap_in_pieces);
  for (int64_t i = 0; i < 3; i++)
    check_is(get_number(q, PATIENCE), i);
  check_sound(q);
}

/* ---- Recoverers that died -----------------------------------------------------------------------
 */

/* What a recoverer leaves when it dies with both sides in its hand. */
_Noreturn static int64_t die_as_recoverer(void *unused) {
  shmq *q = open_queue();
  struct timeout t = {.ns = SECOND};
  (void)unused;
  const int error = registry_lock(q, &t);
  mutex_try_word(&q->segment->producer.lock, MUTEX_RECOVERER);
  mutex_try_word(&q->segment->consumer.lock, MUTEX_RECOVERER);
  say(error);
  stay();
}

Test(recovery, locks_left_by_a_recoverer_are_taken_over) {
  shmq *q = make_queue(NULL);
  die_at(die_as_recoverer);
  check_is(put_number(q, 1), 0);
  check_is(get_number(q, PATIENCE), 1);
  check_is(shmq_task_done(q), 0);
  shmq_recover(q);
  check_is(stats_of(q).processes, 1);
  check_at_rest(q);
}

_Noreturn static int64_t die_idle(void *unused) {
  shmq *q = open_queue();
  (void)unused;
  say(my_place(q) ? 0 : -1);
  stay();
}

Test(recovery, nobody_is_recovered_twice) {
  shmq *q = make_queue(NULL);
  check_is(shmq_recover(q), 0);
  die_at(die_with_producer_lock);
  die_at(die_idle);
  check_is(shmq_recover(q), 2);
  check_is(shmq_recover(q), 0);
}

/* ---- Locks that nobody could ever let go of -----------------------------------------------------
 */

static const uint32_t nobody = 3; /* a thread slot that is free */

static void name_nobody(struct robust_mutex *lock) {
  lock->word = nobody;
}

static void name_a_slot_beyond_the_last(struct robust_mutex *lock) {
  lock->word = MUTEX_RECOVERER - 1;
}

static void name_waiters_alone(struct robust_mutex *lock) {
  lock->word = MUTEX_WAITERS;
}

static void name_an_occupant(struct robust_mutex *lock) {
  lock->occupant = nobody;
}

static void check_damage(void (*name)(struct robust_mutex *)) {
  shmq *q = make_queue(NULL);
  die_at(die_idle);
  q->threads[nobody - 1].inside[CONSUMER] = 1;
  name(&q->segment->consumer.lock);
  check_is(shmq_recover(q), -EBADMSG);
  shmq_close(q);
  shmq_unlink(queue_name);
}

Test(recovery, lock_that_nobody_could_let_go_of_is_damage) {
  check_damage(name_nobody);
  check_damage(name_a_slot_beyond_the_last);
  check_damage(name_waiters_alone);
  check_damage(name_an_occupant);
}
