/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <errno.h>
#include <string.h>

#include "atomic.h"

/* Could these two be where a ring of this capacity ends and begins? */
static bool positions_agree(const struct shmq *q, uint64_t tail, uint64_t head) {
  return tail - head <= q->geometry.capacity && ((tail | head) & (RECORD_ALIGN - 1)) == 0;
}

static struct record *record_at(const struct shmq *q, uint64_t position) {
  return (struct record *)(q->ring + (position & q->ring_mask));
}

/*
 * Move a cursor. The journal first: if we die before the count is stored, recovery finds the
 * position where the journal says it would be, and stores the count for us. If we die before the
 * position is stored, nothing happened.
 */
static void cursor_move(struct cursor *cursor, struct journal *journal, uint64_t position,
                        uint64_t count) {
  store_release(&journal->next_position, position);
  store_release(&journal->next_count, count);
  store_release(&cursor->position, position); /* commits; T, H */
  store_release(&cursor->count, count);
}

void cursor_repair(struct cursor *cursor, const struct journal *journal) {
  if (load_acquire(&cursor->position) == load_acquire(&journal->next_position)) {
    store_release(&cursor->count, load_acquire(&journal->next_count));
  }
}

/* ---- The producer's end ---- */

/* The producer's private view of the room that is left. */
struct room {
  uint64_t tail, put, head, got;
};

static bool room_for(const struct shmq *q, const struct room *r, uint64_t size) {
  uint64_t maxsize = q->geometry.maxsize;
  return r->tail + record_bytes(size) - r->head <= q->geometry.capacity &&
         (maxsize == 0 || r->put - r->got < maxsize);
}

/* Look where the consumer is; count before position would let the two disagree the wrong way. */
static bool room_refresh(struct shmq *q, struct room *r) {
  struct producer_side *p = &q->segment->producer;
  r->got = load_acquire(&q->segment->consumer.head.count);
  r->head = load_acquire(&q->segment->consumer.head.position); /* H */
  store_relaxed(&p->got_cached, r->got);
  store_relaxed(&p->head_cached, r->head);
  return positions_agree(q, r->tail, r->head);
}

static void record_write(struct shmq *q, const struct room *r, const struct iovec *item) {
  struct record *record = record_at(q, r->tail);
  store_relaxed(&record->size, (uint32_t)item->iov_len);
  store_relaxed(&record->sequence, (uint32_t)r->put);
  if (item->iov_len > 0) memcpy(record + 1, item->iov_base, item->iov_len);
}

ssize_t ring_append(struct shmq *q, const struct iovec *items, size_t n) {
  struct producer_side *p = &q->segment->producer;
  struct room r = {load_relaxed(&p->tail.position), load_relaxed(&p->tail.count),
                   load_relaxed(&p->head_cached), load_relaxed(&p->got_cached)};
  if (unlikely(!positions_agree(q, r.tail, r.head)) && !room_refresh(q, &r)) return -EBADMSG;
  size_t i = 0;
  for (; i < n; i++) {
    if (unlikely(!room_for(q, &r, items[i].iov_len))) {
      if (!room_refresh(q, &r)) return -EBADMSG;
      if (!room_for(q, &r, items[i].iov_len)) break;
    }
    record_write(q, &r, &items[i]);
    r.tail += record_bytes(items[i].iov_len);
    r.put++;
  }
  if (i == 0) return -EAGAIN;
  cursor_move(&p->tail, &p->journal, r.tail, r.put);
  return (ssize_t)i;
}

bool ring_has_room(const struct shmq *q) {
  const struct producer_side *p = &q->segment->producer;
  const struct consumer_side *c = &q->segment->consumer;
  struct room r = {.got = load_acquire(&c->head.count), .head = load_acquire(&c->head.position)};
  r.put = load_acquire(&p->tail.count);
  r.tail = load_acquire(&p->tail.position);
  return room_for(q, &r, q->geometry.item_max);
}

/* ---- The consumer's end ---- */

struct ring_reader ring_reader(const struct shmq *q) {
  const struct cursor *head = &q->segment->consumer.head;
  return (struct ring_reader){load_relaxed(&head->position), load_relaxed(&head->count)};
}

struct ring_reader ring_end(const struct shmq *q) {
  const struct cursor *tail = &q->segment->producer.tail;
  uint64_t position = load_acquire(&tail->position); /* T */
  return (struct ring_reader){position, load_acquire(&tail->count)};
}

/* How many bytes of records follow the reader. */
static uint64_t bytes_ahead(struct shmq *q, const struct ring_reader *reader) {
  struct consumer_side *c = &q->segment->consumer;
  uint64_t tail = load_relaxed(&c->tail_cached);
  if (tail == reader->position || !positions_agree(q, tail, reader->position)) {
    tail = load_acquire(&q->segment->producer.tail.position); /* T */
    store_relaxed(&c->tail_cached, tail);
  }
  return tail - reader->position;
}

int ring_look(struct shmq *q, const struct ring_reader *reader, struct ring_item *item) {
  uint64_t ahead = bytes_ahead(q, reader);
  if (ahead == 0) return -EAGAIN;
  if (unlikely(!positions_agree(q, reader->position + ahead, reader->position))) return -EBADMSG;
  const struct record *record = record_at(q, reader->position);
  item->size = load_relaxed(&record->size);
  if (unlikely(item->size > q->geometry.item_max || record_bytes(item->size) > ahead ||
               load_relaxed(&record->sequence) != (uint32_t)reader->count)) {
    return -EBADMSG;
  }
  item->data = (const char *)(record + 1);
  item->id = reader->count;
  item->position = reader->position;
  return 0;
}

void ring_step(struct ring_reader *reader, const struct ring_item *item) {
  reader->position += record_bytes(item->size);
  reader->count++;
}

void ring_commit(struct shmq *q, const struct ring_reader *reader) {
  struct consumer_side *c = &q->segment->consumer;
  cursor_move(&c->head, &c->journal, reader->position, reader->count);
}
