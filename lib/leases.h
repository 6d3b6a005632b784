/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells: items in hand, and items that came back. docs/lifecycle.md draws the states.
 *
 * A cell's word is one 64-bit number: state, process slot of its holder + 1, attempt, and the low
 * half of the item's id. Every change of state is one store or one compare-and-swap of that word,
 * and that store is what commits.
 *
 * Cells leave FREE and READY under the consumer lock only. LEASED ends without a lock, by its
 * holder; hence the compare-and-swap: the lease may have run out meanwhile.
 *
 * Pair C: the release store of a word hands the payload over; the acquire load takes it.
 */
#ifndef SHMQ_LEASES_H
#define SHMQ_LEASES_H

#include "event_count.h"
#include "ring.h"
#include "slots.h"

enum cell_state {
  CELL_FREE = 0,
  CELL_LEASED = 1,  /* in hand (void while its item has not left the ring) */
  CELL_READY = 2,   /* came back; in the heap of returned cells */
  CELL_DOOMED = 3,  /* came back for the last time; to be moved to NAME.dead */
  CELL_BURYING = 4, /* its holder is moving it there */
  CELL_BURIED = 5,  /* it is there; its holder is to count it */
  CELL_DROPPED = 6, /* it was discarded; to be counted, under the consumer lock */
};

#define ATTEMPT_MAX 4095u

static inline uint64_t cell_word(enum cell_state state, uint32_t owner, uint32_t attempt,
                                 uint64_t id) {
  return (uint64_t)state | (uint64_t)owner << 4 | (uint64_t)attempt << 20 | id << 32;
}

static inline enum cell_state cell_state(uint64_t word) {
  return (enum cell_state)(word & 0xf);
}

/* The holder's process slot + 1. */
static inline uint32_t cell_owner(uint64_t word) {
  return (uint32_t)(word >> 4) & 0xffff;
}

static inline uint32_t cell_attempt(uint64_t word) {
  return (uint32_t)(word >> 20) & ATTEMPT_MAX;
}

/* The same item and attempt, in another state, with another owner. */
static inline uint64_t cell_word_as(uint64_t word, enum cell_state state, uint32_t owner) {
  return (word & ~(uint64_t)0xfffff) | (uint64_t)state | (uint64_t)owner << 4;
}

static inline bool cell_is_free(const struct shmq *q, uint32_t cell) {
  return cell_state(load_acquire(&q->cells[cell].word)) == CELL_FREE;
}

/* ---- Under the consumer lock ---- */

/* When a lease begins that begins now, or a little earlier. Who calls seldom looks at the clock at
   every call, so may look once more; for all others the last look of anybody must do. */
static inline uint64_t lease_time(const struct shmq *q, const struct thread *me) {
  if (unlikely(me->calls_to_look <= 1)) return (uint64_t)(clock_coarse() / NS_PER_MS);
  return load_relaxed(&q->segment->reaper.last_look);
}

/* The item that was looked at, in a free cell. The caller sees to the deadline. */
static inline void lease_begin(const struct shmq *q, const struct thread *me, uint32_t i,
                               const struct ring_item *item, struct shmq_lease *lease,
                               copy_fn *copy) {
  struct cell *cell = &q->cells[i];
  char *payload = payload_of(q, i);
  uint64_t id = items_before(&q->segment->consumer.head, (uint64_t)item->sequence << 32);
  copy(payload, item->data, item->size);
  store_relaxed(&cell->id, id);
  store_relaxed(&cell->size, (uint32_t)item->size);
  store_relaxed(&cell->taken, lease_time(q, me));
  store_release(&cell->word, cell_word(CELL_LEASED, q->process + 1, 1, id)); /* C */
  *lease = (struct shmq_lease){payload, item->size, id, .attempt = 1, .cell = i};
}

/*
 * Put the item that was looked at into a free cell, held by me. It is void until the head is
 * committed beyond it. -ENOBUFS: all cells are in use.
 */
int lease_from_ring(struct shmq *q, struct thread *me, const struct ring_item *item,
                    struct shmq_lease *lease);

/* Items that came back and wait. */
static inline bool anything_returned(const struct shmq *q) {
  return load_relaxed(&q->segment->consumer.returned) != 0;
}

/* The oldest of them. -EBADMSG. */
int returned_look(struct shmq *q, uint32_t *cell, struct ring_item *item);

/* Hold the one that was looked at. */
void returned_lease(struct shmq *q, const struct thread *me, uint32_t cell,
                    struct shmq_lease *lease);

/* The one that was looked at was copied out: free its cell. */
void returned_free(struct shmq *q, uint32_t cell);

/* A lease goes back: to be delivered again, or doomed after its last attempt. False: it is no
   longer what word says. */
bool cell_give_back(struct shmq *q, uint32_t cell, uint64_t word);

/* Begin the time of a lease anew. */
void lease_renew(struct shmq *q, uint32_t cell);

/* Return the leases that ran out, and say how many. */
uint32_t leases_expire(struct shmq *q);

/* Build the heap of returned cells anew from the cells, which are the truth. */
void returned_rebuild(struct shmq *q);

/* ---- By the holder, without a lock ---- */

/* The word of the cell while this lease of this process's is good; 0: it is not. */
static inline uint64_t lease_word(const struct shmq *q, const struct shmq_lease *lease) {
  if (lease->cell >= q->geometry.max_leases) return 0;
  uint64_t word = cell_word(CELL_LEASED, q->process + 1, lease->attempt & ATTEMPT_MAX, lease->id);
  const struct cell *cell = &q->cells[lease->cell];
  bool good = load_relaxed(&cell->id) == lease->id && load_acquire(&cell->word) == word;
  return good ? word : 0;
}

/* Move a cell from one word to another: one compare-and-swap. False: the word had changed. */
static inline bool cell_move(struct shmq *q, uint32_t cell, uint64_t from, uint64_t to) {
  return cas_acq_rel(&q->cells[cell].word, &from, to);
}

/* An item ends in its cell: how is CELL_BURIED or CELL_DROPPED. The move of the word commits;
   killed after it, recovery counts. False: the word had changed. */
bool cell_end(struct shmq *q, uint32_t cell, uint64_t from, enum cell_state how);

/* Count what ended in a cell, and free it; may be repeated. */
void cell_count(struct shmq *q, uint32_t cell, uint64_t word);

/* Tell those who join that an item is finished. While others wait in the queue, that is not the
   last one, and they sleep on. */
void item_finished(struct shmq *q);

/* The same, and tell those who wait for a free cell. */
void cell_freed_slow(struct shmq *q);

static inline void cell_freed(struct shmq *q) {
  struct segment *s = q->segment;
  if (event_is_awaited(&s->cell_free, &s->state) || event_is_awaited(&s->finished, &s->state)) {
    cell_freed_slow(q);
  }
}

#endif
