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

/* ---- Under the consumer lock ---- */

/*
 * Put the item that was looked at into a free cell, held by me. It is void until the ring's reader
 * is committed beyond it. -ENOBUFS: all cells are in use.
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
uint64_t lease_word(const struct shmq *q, const struct shmq_lease *lease);

/* Move a cell from one word to another: one compare-and-swap. False: the word had changed. */
bool cell_move(struct shmq *q, uint32_t cell, uint64_t from, uint64_t to);

/* An item ends in its cell: how is CELL_BURIED or CELL_DROPPED. The move of the word commits;
   killed after it, recovery counts. False: the word had changed. */
bool cell_end(struct shmq *q, uint32_t cell, uint64_t from, enum cell_state how);

/* Count what ended in a cell, and free it; may be repeated. */
void cell_count(struct shmq *q, uint32_t cell, uint64_t word);

/* Tell those who join that an item is finished. While others wait in the queue, that is not the
   last one, and they sleep on. */
void item_finished(struct shmq *q);

/* The same, and tell those who wait for a free cell. */
void cell_freed(struct shmq *q);

#endif
