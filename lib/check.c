/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of a segment, as one check: shmq_check(), and the one to recover on demand. */
#include <errno.h>

#include "bury.h"
#include "wait.h"

static const char *check_ring(const struct shmq *q) {
  uint64_t place = ring_head(q), end = ring_end(q);
  struct ring_item item;
  while (place_units(place) != place_units(end)) {
    if (ring_look((struct shmq *)(uintptr_t)q, place, &item) != 0) {
      return "a record of the ring is damaged";
    }
    place = place_beyond(place, item.size);
  }
  if (place != end) return "the ring holds another number of items than was counted";
  uint64_t put = cursor_items(&q->segment->producer.tail);
  uint64_t got = cursor_items(&q->segment->consumer.head);
  if (put - got != place_items(end) - place_items(ring_head(q))) {
    return "the two sides count their items from different beginnings";
  }
  return NULL;
}

static bool process_exists(const struct shmq *q, uint32_t i) {
  return i < q->geometry.max_processes && load_acquire(&q->processes[i].used);
}

static const char *check_cell(const struct shmq *q, const struct cell *c, uint32_t *ready) {
  uint64_t word = load_acquire(&c->word);
  enum cell_state state = cell_state(word);
  if (state > CELL_DROPPED) return "a cell is in no known state";
  if (state == CELL_FREE) return NULL;
  if (state == CELL_READY) ++*ready;
  if (load_relaxed(&c->size) > q->geometry.item_max) return "a cell's item is too large";
  if ((uint32_t)load_relaxed(&c->id) != (uint32_t)(word >> 32))
    return "a cell's id is not its word's";
  bool held = state == CELL_LEASED || state == CELL_BURYING || state == CELL_BURIED;
  if (held != (cell_owner(word) != 0)) return "a cell is held by nobody, or free and held";
  if (held && !process_exists(q, cell_owner(word) - 1)) return "a cell's holder does not exist";
  return NULL;
}

static const char *check_cells(const struct shmq *q) {
  uint32_t ready = 0;
  for (uint32_t i = 0; i < q->geometry.max_leases; i++) {
    const char *broken = check_cell(q, &q->cells[i], &ready);
    if (broken != NULL) return broken;
  }
  if (ready != load_relaxed(&q->segment->consumer.returned)) {
    return "the returned items are not those in the heap";
  }
  return NULL;
}

static const char *check_threads(const struct shmq *q) {
  for (uint32_t i = 0; i < q->geometry.max_threads; i++) {
    const struct thread_slot *slot = &q->threads[i];
    uint64_t ended = load_acquire(&slot->finished) + load_acquire(&slot->abandoned);
    if (ended > load_acquire(&slot->got)) return "a thread finished more than it got";
    uint32_t owner = (uint32_t)load_acquire(&slot->owner);
    if (owner > q->geometry.max_processes) return "a thread belongs to no process";
  }
  return NULL;
}

static ssize_t consumer_check(struct shmq *q, struct thread *me, void *broken) {
  (void)me;
  const char **sentence = broken;
  *sentence = check_ring(q);
  if (*sentence == NULL) *sentence = check_cells(q);
  if (*sentence == NULL) *sentence = check_threads(q);
  return 0;
}

/* The consumer lock inside the producer lock; nobody takes them the other way round. */
static ssize_t producer_check(struct shmq *q, struct thread *me, void *broken) {
  (void)me;
  return attempt_until(q, consumer_side, consumer_check, broken, SHMQ_FOREVER);
}

int shmq_check(struct shmq *q, const char **broken) {
  const char *sentence = NULL;
  ssize_t r = attempt_until(q, producer_side, producer_check, &sentence, SHMQ_FOREVER);
  if (broken != NULL) *broken = sentence;
  return sentence != NULL ? -EBADMSG : (int)r;
}

int shmq_recover(struct shmq *q) {
  struct thread *me;
  struct timeout t = {.ns = NS_PER_S};
  int r = enter(q, &t, &me);
  if (r != 0) return r;
  r = recover(q, &t);
  bury_doomed(q, &t);
  return r;
}
