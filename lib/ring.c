/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

/* A base that is so far behind is carried on. It must never be 2^32 behind: each side comes here at
   least once in a lap, and a lap is at most 2^30 items. */
#define BASE_STEP ((uint64_t)1 << 30)

#define LOOKS 8

/* A watcher may be kept from the processor between the two loads, until the base is of another lap.
 */
uint64_t cursor_items(const struct cursor *cursor) {
  uint64_t base = load_acquire(&cursor->base), place, before;
  int looks = 0;
  do {
    before = base;
    place = load_acquire(&cursor->place);
    base = load_acquire(&cursor->base);
  } while (base != before && ++looks < LOOKS);
  return before + (uint32_t)(place_items(place) - (uint32_t)before);
}

/* By the holder of the side's lock. */
static void cursor_carry(struct cursor *cursor) {
  uint64_t items = cursor_items(cursor);
  if (items - load_relaxed(&cursor->base) >= BASE_STEP) store_release(&cursor->base, items);
}

/* Could these two be where a ring of this capacity ends and begins? */
static bool places_agree(const struct shmq *q, uint64_t tail, uint64_t head) {
  uint32_t units = place_units(tail) - place_units(head);
  uint32_t items = place_items(tail) - place_items(head);
  return units <= q->capacity_units && items <= units;
}

int ring_make_room(struct shmq *q, uint64_t place, uint64_t size) {
  struct producer_side *p = &q->segment->producer;
  uint64_t head = load_acquire(&q->segment->consumer.head.place); /* H */
  if (!places_agree(q, place, head)) return -EBADMSG;
  store_relaxed(&p->head_cached, head);
  cursor_carry(&p->tail);
  return ring_room(q, place, size) ? 0 : -EAGAIN;
}

int ring_find_more(struct shmq *q, uint64_t place) {
  uint64_t tail = ring_end(q);
  if (!places_agree(q, tail, place)) return -EBADMSG;
  store_relaxed(&q->segment->consumer.tail_cached, tail);
  cursor_carry(&q->segment->consumer.head);
  return tail == place ? -EAGAIN : 0;
}

bool ring_has_room(const struct shmq *q) {
  uint64_t head = load_acquire(&q->segment->consumer.head.place);
  uint64_t tail = load_acquire(&q->segment->producer.tail.place);
  uint32_t used = place_units(tail) - place_units(head);
  return used <= q->capacity_units - record_units(q->geometry.item_max) &&
         place_items(tail) - place_items(head) < q->items_limit;
}
