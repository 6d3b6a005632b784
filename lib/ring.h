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
#include <string.h>
#include <sys/uio.h>

#include "atomic.h"
#include "handle.h"

/* In bounds and aligned, whatever the position; a record may run on into the second mapping. */
static inline struct record *record_at(const struct shmq *q, uint64_t position) {
  return (struct record *)(q->ring + (position & q->ring_mask));
}

/*
 * Move a cursor. The journal first: if we die before the count is stored, recovery finds the
 * position where the journal says it would be, and stores the count for us. If we die before the
 * position is stored, nothing happened.
 */
static inline void cursor_move(struct cursor *cursor, struct journal *journal, uint64_t position,
                               uint64_t count) {
  store_release(&journal->next_position, position);
  store_release(&journal->next_count, count);
  store_release(&cursor->position, position); /* commits; T, H */
  store_release(&cursor->count, count);
}

/* Make a side's count agree with its position, after its lock's holder died. */
void cursor_repair(struct cursor *cursor, const struct journal *journal);

/* ---- The producer's end; under its lock ---- */

/* Where the next record goes: a copy of the tail, to be committed when it has moved. */
struct ring_writer {
  uint64_t position, count;
};

/* Look where the consumer is. Returns 0; -EAGAIN: there is no room all the same; -EBADMSG. */
int ring_make_room(struct shmq *q, struct ring_writer writer, uint64_t size);

static inline bool ring_room(const struct shmq *q, const struct ring_writer *w, uint64_t size) {
  const struct producer_side *p = &q->segment->producer;
  return w->position - load_relaxed(&p->head_cached) + record_bytes(size) <= q->geometry.capacity &&
         w->count - load_relaxed(&p->got_cached) < q->count_limit;
}

static inline int ring_write(struct shmq *q, struct ring_writer *w, const struct iovec *item) {
  if (unlikely(!ring_room(q, w, item->iov_len))) {
    int r = ring_make_room(q, *w, item->iov_len);
    if (r != 0) return r;
  }
  struct record *record = record_at(q, w->position);
  store_relaxed(&record->size, (uint32_t)item->iov_len);
  store_relaxed(&record->sequence, (uint32_t)w->count);
  if (likely(item->iov_len > 0)) memcpy(record + 1, item->iov_base, item->iov_len);
  w->position += record_bytes(item->iov_len);
  w->count++;
  return 0;
}

/*
 * Append as many of n items (n > 0) as there is room for: all of them with one store to the tail.
 * Returns how many; -EAGAIN no room for one; -EBADMSG.
 */
static inline ssize_t ring_append(struct shmq *q, const struct iovec *items, size_t n) {
  struct producer_side *p = &q->segment->producer;
  struct ring_writer w = {load_relaxed(&p->tail.position), load_relaxed(&p->tail.count)};
  size_t i = 0;
  int r = 0;
  while (i < n && likely((r = ring_write(q, &w, &items[i])) == 0))
    i++;
  if (unlikely(i == 0)) return r;
  cursor_move(&p->tail, &p->journal, w.position, w.count);
  return (ssize_t)i;
}

/* ---- The consumer's end; under its lock ---- */

/* The next item, where it lies. */
struct ring_item {
  const char *data;
  uint64_t size;
  uint64_t id;
  uint64_t position;
};

/* A copy of the head: it steps over several items, which then leave the ring together. */
struct ring_reader {
  uint64_t position, count;
};

static inline struct ring_reader ring_reader(const struct shmq *q) {
  const struct cursor *head = &q->segment->consumer.head;
  return (struct ring_reader){load_relaxed(&head->position), load_relaxed(&head->count)};
}

/* Look where the producer is. Returns 0, -EAGAIN: nothing follows the reader; -EBADMSG. */
int ring_find_more(struct shmq *q, struct ring_reader reader);

/* Look at the item at the reader. 0; -EAGAIN: nothing there; -EBADMSG. */
static inline int ring_look(struct shmq *q, const struct ring_reader *reader,
                            struct ring_item *item) {
  const _Atomic uint64_t *tail = &q->segment->consumer.tail_cached;
  if (unlikely(load_relaxed(tail) - reader->position - 1 >= q->geometry.capacity)) {
    int r = ring_find_more(q, *reader);
    if (r != 0) return r;
  }
  const struct record *record = record_at(q, reader->position);
  item->size = load_relaxed(&record->size);
  item->data = (const char *)(record + 1);
  item->id = reader->count;
  item->position = reader->position;
  if (unlikely(item->size > q->geometry.item_max ||
               record_bytes(item->size) > load_relaxed(tail) - reader->position ||
               load_relaxed(&record->sequence) != (uint32_t)reader->count)) {
    return -EBADMSG;
  }
  return 0;
}

static inline void ring_step(struct ring_reader *reader, const struct ring_item *item) {
  reader->position += record_bytes(item->size);
  reader->count++;
}

/* Everything before the reader has left the ring: the store to the head is the get. */
static inline void ring_commit(struct shmq *q, const struct ring_reader *reader) {
  struct consumer_side *c = &q->segment->consumer;
  cursor_move(&c->head, &c->journal, reader->position, reader->count);
}

/* The end of the ring, as a reader: committing it discards all that waits. */
struct ring_reader ring_end(const struct shmq *q);

/* ---- Without a lock ---- */

static inline bool ring_is_empty(const struct shmq *q) {
  return load_acquire(&q->segment->consumer.head.position) ==
         load_acquire(&q->segment->producer.tail.position);
}

/* Is there room for the largest item? */
bool ring_has_room(const struct shmq *q);

#endif
