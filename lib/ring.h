/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring of waiting items. Records stand in it in the order of their puts; the tail is where the
 * next one goes, the head is where the next one comes from. Both only grow.
 *
 * Pair T: ring_append()'s release store of the tail hands the records below it to consumers; the
 * consumer's acquire load of the tail takes them.
 * Pair H: the release store of the head hands the bytes below it back to producers; the producer's
 * acquire load of the head takes them.
 */
#ifndef SHMQ_RING_H
#define SHMQ_RING_H

#include <sys/uio.h>

#include "handle.h"

/*
 * Append as many of n items (n > 0) as there is room for: all of them with one store to the tail.
 * Under the producer lock. Returns how many; -EAGAIN no room for one; -EBADMSG.
 */
ssize_t ring_append(struct shmq *q, const struct iovec *items, size_t n);

/* The next item, where it lies. */
struct ring_item {
  const char *data;
  uint64_t size;
  uint64_t id;
  uint64_t position;
};

/*
 * Look at the item at the place of a cursor copy; the consumer advances the copy over several items
 * and then commits them together. Under the consumer lock.
 */
struct ring_reader {
  uint64_t position, count;
};

struct ring_reader ring_reader(const struct shmq *q);

/* 0; -EAGAIN: nothing there; -EBADMSG. */
int ring_look(struct shmq *q, const struct ring_reader *reader, struct ring_item *item);

/* Step the reader over the item it looked at. */
void ring_step(struct ring_reader *reader, const struct ring_item *item);

/* Commit: everything before the reader has left the ring. The store to the head is the get. */
void ring_commit(struct shmq *q, const struct ring_reader *reader);

/* The end of the ring, as a reader: committing it discards all that waits. */
struct ring_reader ring_end(const struct shmq *q);

/* Make a side's count agree with its position, after its lock's holder died. */
void cursor_repair(struct cursor *cursor, const struct journal *journal);

/* Without a lock: does anything wait in the ring? */
static inline bool ring_is_empty(const struct shmq *q) {
  return atomic_load_explicit(&q->segment->consumer.head.position, memory_order_acquire) ==
         atomic_load_explicit(&q->segment->producer.tail.position, memory_order_acquire);
}

/* Without a lock: is there room for the largest item? */
bool ring_has_room(const struct shmq *q);

#endif
