/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every byte that is shared: the one place that says what a segment looks like (docs/layout.md
 * draws it). A change here raises LAYOUT_VERSION.
 *
 * Words that different parties write stand on different lines. Nothing here is a pointer, and
 * nothing read from here is used before it was checked against the private copy of the geometry.
 */
#ifndef SHMQ_LAYOUT_H
#define SHMQ_LAYOUT_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmq.h"

#define LAYOUT_MAGIC   0x65756575716d6873u /* "shmqueue", little end first */
#define LAYOUT_VERSION 7u

/* Two 64-byte lines: processors fetch them in pairs. */
#define LINE 128

#define MAX_CAPACITY  ((uint64_t)1 << 33) /* so that places can be told apart: struct cursor */
#define MAX_ITEM      ((uint64_t)1 << 30)
#define MAX_LEASES    65536u
#define MAX_ATTEMPTS  4094u
#define MAX_PROCESSES 4096u
#define MAX_THREADS   65536u

/* The options a queue was made with; see struct shmq_options. */
struct geometry {
  uint64_t capacity; /* a power of two, whole pages */
  uint64_t maxsize;  /* 0: no limit */
  uint64_t item_max;
  int64_t lease_timeout;
  uint32_t max_leases;
  uint32_t max_attempts;
  uint32_t max_processes;
  uint32_t max_threads;
};

/* Written by the creator before the segment has a name, by nobody afterwards. */
struct header {
  uint64_t magic;
  uint32_t version;
  uint32_t unused;
  uint64_t fingerprint; /* of the sizes and offsets below, the page size and the byte order */
  uint64_t size;        /* of the whole segment, bytes */
  struct geometry geometry;
};

/* Read by every call, hardly ever written. */
struct state {
  _Atomic uint32_t shut_down;     /* 0, SHUT_DOWN_DRAIN or SHUT_DOWN_NOW; under the producer lock */
  _Atomic uint32_t fence_needed;  /* 1: some process has no membarrier; every waker must fence */
  _Atomic uint32_t doomed;        /* 1: perhaps some cell is CELL_DOOMED */
  _Atomic uint32_t process_slots; /* those from here on were never used; only grows */
};

enum { SHUT_DOWN_DRAIN = 1, SHUT_DOWN_NOW = 2 };

struct reaper {
  _Atomic uint64_t last_look; /* CLOCK_MONOTONIC, ms: when somebody last looked for the dead */
};

/* The sides of a queue. */
enum { PRODUCER, CONSUMER };

/* The lock of one side (robust_mutex.h). Ids are of threads: slot + 1; 0: nobody. */
struct robust_mutex {
  _Atomic uint32_t word;     /* who holds it, and whether others wait for it */
  _Atomic uint32_t bias;     /* who may enter without the word */
  _Atomic uint32_t occupant; /* who was biased, and may still be inside */
  _Atomic uint32_t last;     /* who had the word last, */
  _Atomic uint32_t streak;   /* and how many times in a row */
};

/* A place to sleep: a sequence, stepped by two, and the lowest bit: somebody may be asleep. */
struct event_count {
  alignas(LINE) _Atomic uint32_t word;
};

/*
 * Where one side stands. The place is one word, so that the one store that is the put, or the get,
 * moves the position and the count of items together: the low half counts units of RECORD_ALIGN
 * bytes, the high half items, both since the queue was made and modulo 2^32. base carries the count
 * of items on: it is not above it, and less than 2^32 below.
 */
struct cursor {
  _Atomic uint64_t place;
  _Atomic uint64_t base;
};

struct producer_side {
  alignas(LINE) struct robust_mutex lock;
  _Atomic uint64_t head_cached; /* the consumer's place when last looked at */
  alignas(LINE) struct cursor tail;
};

struct consumer_side {
  alignas(LINE) struct robust_mutex lock;
  _Atomic uint32_t cell_cursor;    /* where the search for a free cell begins */
  _Atomic uint64_t tail_cached;    /* the producer's place when last looked at */
  _Atomic uint64_t next_expiry;    /* no lease runs out before; CLOCK_MONOTONIC, ns */
  _Atomic uint64_t discarded;      /* items of the ring */
  _Atomic uint64_t next_discarded; /* what discarded becomes when the head is discard_head */
  _Atomic uint64_t discard_head;
  _Atomic uint64_t redelivered; /* deliveries */
  alignas(LINE) struct cursor head;
  _Atomic uint32_t
      returned; /* entries of the returned heap; beside the head, as getters read both */
};

/* One for each process that is attached. Its first byte is locked (OFD) as long as it lives. */
struct process_slot {
  alignas(LINE) _Atomic uint32_t used;
  _Atomic uint32_t pid;
  _Atomic uint64_t name[2]; /* 15 characters and a NUL */
};

/*
 * One for each thread that called. The counters only grow, over the lives of all threads that had
 * the slot: what a thread got and has not finished is got - finished - abandoned.
 */
struct thread_slot {
  alignas(LINE) _Atomic uint64_t owner; /* process slot + 1, and in the high half the thread's tid;
                                           tid 0: kept by the process for its next thread */
  _Atomic uint64_t got;                 /* items got with shmq_get() */
  _Atomic uint64_t finished;            /* of these, task_done; also by other threads */
  _Atomic uint64_t abandoned;           /* of these, left by the dead */
  /* What got was before the get that is going on, and how to tell whether that one took effect:
     it did not while undo_head items have not left the ring, or while cell undo_cell - 1 holds
     undo_word. */
  _Atomic uint64_t undo_got;
  _Atomic uint64_t undo_head;
  _Atomic uint64_t undo_word;
  _Atomic uint32_t undo_cell;
  _Atomic uint32_t inside[2]; /* by side; 1: inside its lock by bias */
  _Atomic uint64_t activity;  /* for watchers: enum shmq_activity, and above the lowest 8 bits since
                                 when, CLOCK_MONOTONIC, ms */
};

/*
 * A place for an item in hand, or given back. The word is the whole truth about it: its state, the
 * process slot that holds it, the attempt, and the low half of the item's id.
 */
struct cell {
  alignas(LINE) _Atomic uint64_t word;
  _Atomic uint64_t id; /* items before it in the ring; all of them left it once it was taken */
  _Atomic uint64_t deadline; /* of the lease, CLOCK_MONOTONIC, ns */
  _Atomic uint64_t taken;    /* the lease began then or later; CLOCK_MONOTONIC, ms; for watchers */
  _Atomic uint64_t buried;   /* items that went from here to NAME.dead */
  _Atomic uint64_t dropped;  /* items that had come back, and were discarded here */
  _Atomic uint64_t next;     /* what one of the two becomes once the word says that it happened */
  _Atomic uint32_t size;
};

/* When items were put, roughly (history.h). */
#define HISTORY_LEVELS 24
#define HISTORY_MARKS  32

struct history {
  alignas(LINE) _Atomic uint64_t marks[HISTORY_LEVELS][HISTORY_MARKS];
};

/* The part of the segment whose place does not depend on the geometry. */
struct segment {
  struct header header;
  alignas(LINE) struct state state;
  alignas(LINE) struct reaper reaper;
  struct producer_side producer;
  struct consumer_side consumer;
  struct event_count not_empty;
  struct event_count not_full;
  struct event_count finished;  /* an item was finished: for join */
  struct event_count cell_free; /* a lease ended: for takers, when all cells are in use */
  struct history history;
};

/* A record of the ring: this, then the item, then padding to RECORD_ALIGN. */
struct record {
  _Atomic uint64_t header; /* the item's size, and in the high half the low half of its id */
};

#define RECORD_ALIGN 8u

_Static_assert(sizeof(struct record) == 8, "8 bytes for each item: shmq.h says so");
_Static_assert(offsetof(struct header, geometry) == 32, "header");
_Static_assert(sizeof(struct geometry) == 48, "geometry");
_Static_assert(offsetof(struct segment, state) == 1 * LINE, "state");
_Static_assert(offsetof(struct segment, reaper) == 2 * LINE, "reaper");
_Static_assert(offsetof(struct segment, producer) == 3 * LINE, "producer");
_Static_assert(offsetof(struct producer_side, tail) == 1 * LINE, "producer's tail");
_Static_assert(offsetof(struct segment, consumer) == 5 * LINE, "consumer");
_Static_assert(offsetof(struct consumer_side, head) == 1 * LINE, "consumer's head");
_Static_assert(offsetof(struct segment, not_empty) == 7 * LINE, "events");
_Static_assert(offsetof(struct segment, history) == 11 * LINE, "history");
_Static_assert(sizeof(struct segment) == 59 * LINE, "segment");
_Static_assert(sizeof(struct process_slot) == LINE, "process slot");
_Static_assert(sizeof(struct thread_slot) == LINE, "thread slot");
_Static_assert(offsetof(struct thread_slot, activity) == 72, "activity");
_Static_assert(sizeof(struct cell) == LINE, "cell");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2, "lock-free atomics");

/* Where the arrays begin, bytes from the start of the segment. Derived, never stored. */
struct plan {
  uint64_t processes, threads, cells, returned, payloads, ring, size;
  uint64_t payload_stride;
};

/* Is every field in its range? */
bool geometry_is_valid(const struct geometry *geometry);

/* Lay out a segment of a valid geometry. */
struct plan layout_plan(const struct geometry *geometry);

/* A number that two builds share only if they agree on everything above. */
uint64_t layout_fingerprint(void);

/* The units of the ring that an item of this size takes. */
static inline uint32_t record_units(uint64_t size) {
  return (uint32_t)((sizeof(struct record) + size + RECORD_ALIGN - 1) / RECORD_ALIGN);
}

static inline uint64_t record_bytes(uint64_t size) {
  return (uint64_t)record_units(size) * RECORD_ALIGN;
}

#endif
