/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include "ring.h"

#define TICK_BITS 24

/* High half: the items put, as in a place; low half: the tick. */
static uint64_t mark_of(uint32_t items, uint32_t tick) {
  return (uint64_t)items << 32 | tick;
}

static uint32_t mark_items(uint64_t mark) {
  return (uint32_t)(mark >> 32);
}

static uint32_t mark_tick(uint64_t mark) {
  return (uint32_t)mark;
}

static uint32_t tick_of(int64_t now) {
  return (uint32_t)(now >> TICK_BITS);
}

static _Atomic uint64_t *mark_at(struct shmq *q, unsigned level, uint32_t tick) {
  return &q->segment->history.marks[level][(tick >> level) % HISTORY_MARKS];
}

/* The time was read before the tail, so what is put behind that tail is put after that time; and
   the swap fails if somebody else was quicker. */
static bool mark_level(struct shmq *q, unsigned level, uint32_t put, uint32_t tick) {
  _Atomic uint64_t *mark = mark_at(q, level, tick);
  uint64_t old = load_relaxed(mark);
  if (mark_tick(old) >> level == tick >> level) return false;
  return cas_acq_rel(mark, &old, mark_of(place_items(ring_end(q)) - put, tick));
}

/* Where a level has its mark, those above it have theirs, or soon will. */
void history_mark(struct shmq *q, uint32_t put, int64_t now) {
  uint32_t tick = tick_of(now);
  for (unsigned level = 0; level < HISTORY_LEVELS; level++) {
    if (!mark_level(q, level, put, tick)) return;
  }
}

/* How many ticks ago a mark says that this item, or one before it, was the next to be put; none if
   it does not say so, or is not true. */
static uint32_t mark_age(uint64_t mark, uint64_t item, uint32_t tick, uint32_t none) {
  bool before = (int32_t)((uint32_t)item - mark_items(mark)) >= 0;
  uint32_t age = tick - mark_tick(mark);
  return before && age < none ? age : none;
}

/* Numbers that are 2^31 apart cannot be compared in 32 bits: of such an old item nothing is known.
 */
int64_t history_before(const struct shmq *q, uint64_t item, int64_t now) {
  uint32_t age = tick_of(now);
  if (cursor_items(&q->segment->producer.tail) - item > INT32_MAX) return 0;
  for (unsigned level = 0; level < HISTORY_LEVELS; level++) {
    for (unsigned i = 0; i < HISTORY_MARKS; i++) {
      uint64_t mark = load_acquire(&q->segment->history.marks[level][i]);
      age = mark_age(mark, item, tick_of(now), age);
    }
  }
  return (int64_t)(tick_of(now) - age) << TICK_BITS;
}
