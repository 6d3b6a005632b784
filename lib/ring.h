/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of waiting items. Records stand in it in the order of their puts; the tail is where the
 * next one goes, the head is where the next one comes from. Both only grow.
 *
 * Pair T: the release store of the tail hands the records below it to consumers; the consumer's
 * acquire load of the tail takes them.
 * Pair H: the release store of the head hands the bytes below it back to producers; the producer's
 * acquire load of the head takes them.
 *
 * What every put and get runs through is inline here; what they need when the cached view of the
 * other end is used up is in ring.c.
 */
#ifndef SHMQ_RING_H
#define SHMQ_RING_H

#include <errno.h>
#include <sys/uio.h>

#include "atomic.h"
#include "copy.h"
#include "handle.h"

/* ---- Places: see struct cursor ---- */

static inline uint32_t place_units(uint64_t place) {
  return (uint32_t)place;
}

static inline uint32_t place_items(uint64_t place) {
  return (uint32_t)(place >> 32);
}

/* The halves do not carry into each other. */
static inline uint64_t place_beyond(uint64_t place, uint64_t item_size) {
  uint32_t units = place_units(place) + record_units(item_size);
  return (uint64_t)(place_items(place) + 1) << 32 | units;
}

/* How many items came before a place that is less than 2^32 items beyond the cursor's base. */
static inline uint64_t items_before(const struct cursor *cursor, uint64_t place) {
  uint64_t base = load_relaxed(&cursor->base);
  return base + (uint32_t)(place_items(place) - (uint32_t)base);
}

/* Items that passed a cursor since the queue was made. The base before the place, which is never
   behind it. */
uint64_t cursor_items(const struct cursor *cursor);

/* In bounds and aligned, whatever the place; a record may run on into the second mapping. */
static inline struct record *record_at(const struct shmq *q, uint64_t place) {
  return (struct record *)(q->ring + ((uint64_t)place_units(place) * RECORD_ALIGN & q->ring_mask));
}

/* ---- The producer's end; under its lock ---- */

/* So far ahead lines of the ring are fetched for writing: the other side read them a lap ago, and
   one store that waits for its line holds up all that come after it. */
#define RING_PREFETCH 1024

/* Look where the consumer is. Returns 0; -EAGAIN: there is no room all the same; -EBADMSG. */
int ring_make_room(struct shmq *q, uint64_t place, uint64_t size);

static inline bool ring_room(const struct shmq *q, uint64_t place, uint64_t size) {
  uint64_t head = load_relaxed(&q->segment->producer.head_cached);
  uint32_t used = place_units(place) - place_units(head);
  return used <= q->capacity_units - record_units(size) &&
         place_items(place) - place_items(head) < q->items_limit;
}

/* Write a record for which there is room. Nobody sees it before the tail is beyond it. */
static inline void ring_write(const struct shmq *q, uint64_t place, const void *item, size_t size,
                              copy_fn *copy) {
  struct record *record = record_at(q, place);
  prefetch_for_write((const char *)record + RING_PREFETCH);
  store_relaxed(&record->header, (uint64_t)place_items(place) << 32 | size);
  copy(record + 1, item, size);
}

static inline uint64_t ring_tail(const struct shmq *q) {
  return load_relaxed(&q->segment->producer.tail.place);
}

/* Everything before the place is in the ring: the store to the tail is the put. */
static inline void ring_commit_tail(struct shmq *q, uint64_t place) {
  store_release(&q->segment->producer.tail.place, place); /* commits; T */
}

/* A damaged view may say that more is in use than there is. */
static inline uint32_t ring_rest(uint32_t all, uint32_t used) {
  return used < all ? all - used : 0;
}

/* How many of n items there is room for at the place, as far as we have seen. */
static inline size_t ring_fit(const struct shmq *q, uint64_t place, const struct iovec *items,
                              size_t n) {
  uint64_t head = load_relaxed(&q->segment->producer.head_cached);
  uint32_t units = ring_rest(q->capacity_units, place_units(place) - place_units(head));
  uint32_t limit = ring_rest(q->items_limit, place_items(place) - place_items(head));
  size_t fit = 0;
  for (; fit < n && fit < limit && record_units(items[fit].iov_len) <= units; fit++)
    units -= record_units(items[fit].iov_len);
  return fit;
}

/*
 * Append as many of n items (n > 0) as there is room for: all of them with one store to the tail.
 * Returns how many; -EAGAIN no room for one; -EBADMSG.
 */
static inline ssize_t ring_append(struct shmq *q, const struct iovec *items, size_t n) {
  uint64_t place = ring_tail(q);
  size_t fit = ring_fit(q, place, items, n);
  if (unlikely(fit < n)) {
    int r = ring_make_room(q, place, items[0].iov_len);
    if (r != 0) return r;
    fit = ring_fit(q, place, items, n);
    if (fit == 0) return -EBADMSG; /* somebody wrote over what we just saw */
  }
  for (size_t i = 0; i < fit; i++) {
    ring_write(q, place, items[i].iov_base, items[i].iov_len, copy_any);
    place = place_beyond(place, items[i].iov_len);
  }
  ring_commit_tail(q, place);
  return (ssize_t)fit;
}

/* ---- The consumer's end; under its lock ---- */

/* An item, where it lies. */
struct ring_item {
  const char *data;
  uint64_t size;
  uint32_t sequence; /* the low half of its id */
};

static inline uint64_t ring_head(const struct shmq *q) {
  return load_relaxed(&q->segment->consumer.head.place);
}

/* Is there nothing at the place, as far as we have seen? Also true of a damaged view. */
static inline bool ring_is_used_up(const struct shmq *q, uint64_t place) {
  uint64_t tail = load_relaxed(&q->segment->consumer.tail_cached);
  return place_units(tail) - place_units(place) - 1 >= q->capacity_units;
}

/* Look at the item at the place, which is not used up. Returns 0; -EBADMSG. */
static inline int ring_read(const struct shmq *q, uint64_t place, struct ring_item *item) {
  uint64_t tail = load_relaxed(&q->segment->consumer.tail_cached);
  const struct record *record = record_at(q, place);
  uint64_t header = load_relaxed(&record->header);
  item->data = (const char *)(record + 1);
  item->size = (uint32_t)header;
  item->sequence = place_items(place);
  bool good = item->size <= q->geometry.item_max && header >> 32 == item->sequence &&
              record_units(item->size) <= place_units(tail) - place_units(place);
  return likely(good) ? 0 : -EBADMSG;
}

/* Look where the producer is. Returns 0; -EAGAIN: nothing is at the place; -EBADMSG. */
int ring_find_more(struct shmq *q, uint64_t place);

/* Both: look at the item at the place. 0; -EAGAIN: nothing there; -EBADMSG. */
static inline int ring_look(struct shmq *q, uint64_t place, struct ring_item *item) {
  int r = 0;
  if (unlikely(ring_is_used_up(q, place))) r = ring_find_more(q, place);
  return likely(r == 0) ? ring_read(q, place, item) : r;
}

/* Everything before the place has left the ring: the store to the head is the get. */
static inline void ring_commit_head(struct shmq *q, uint64_t place) {
  store_release(&q->segment->consumer.head.place, place); /* commits; H */
}

/* ---- Without a lock ---- */

/* The end of the ring: committing the head there discards all that waits. */
static inline uint64_t ring_end(const struct shmq *q) {
  return load_acquire(&q->segment->producer.tail.place); /* T */
}

static inline bool ring_is_empty(const struct shmq *q) {
  return load_acquire(&q->segment->consumer.head.place) == ring_end(q);
}

/* Is there room for the largest item? */
bool ring_has_room(const struct shmq *q);

#endif
