/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer: one way to hand items from process to process. Each is one file in peers/.
 *
 * All items of a channel are of one size, a multiple of 8. The harness forks: setup() runs in the
 * parent, attach() in each child, and what setup() returned is the child's own copy. A call that
 * cannot do its duty ends the process with a message (err.h), which fails the run.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a channel is to carry, and between how many. */
struct shape {
  size_t item; /* bytes */
  unsigned producers, consumers;
  size_t batch;   /* items handed over in one call, where there is such a call */
  size_t backlog; /* items that must find room; 0: as many as suit the peer best */
  bool prompt;    /* what counts is how soon each item arrives, not how many do */
};

struct storm;
struct outcome;

enum side { PRODUCER, CONSUMER, BYSTANDER /* attached, and idle */ };

struct peer {
  const char *name;
  const char *note; /* where it is not equivalent to shmq; NULL: nowhere */

  const char *item_limit; /* a file in /proc with the size of the largest item; NULL: any size */
  unsigned producers_max, consumers_max; /* 0: any number */
  bool spins;                            /* has no call that sleeps */
  bool pairwise; /* keeps the order from one producer to one consumer, no more */
  bool deep;     /* heeds shape.backlog */
  bool bare;     /* no queue: what the hardware or the kernel takes at least */

  void *(*setup)(const struct shape *shape); /* NULL: impossible here, errno says why */
  void (*attach)(void *channel, enum side side, unsigned index); /* may be NULL */
  void (*put)(void *channel, const void *item, size_t size);
  size_t (*get)(void *channel, void *item, size_t size); /* the size of what came */
  /* May be NULL. Instead of get, where items are read one by one: the consumer reads the item where
     it lies, and it stays the queue's until it is released. */
  const void *(*take)(void *channel, size_t *size);
  void (*release)(void *channel);
  /* May be NULL. The items lie one behind the other, as many as shape.batch at most. */
  void (*put_many)(void *channel, struct iovec *items, size_t n);
  size_t (*get_many)(void *channel, struct iovec *items, size_t n); /* how many, at least 1 */
  void (*detach)(void *channel); /* may be NULL; when all items of the run have arrived */
  void (*teardown)(void *channel);

  /* Instead of all these calls: a program of its own. Returns items a second, or less than 0. */
  double (*run_alone)(const struct shape *shape, double seconds);
  /* And instead of a storm of kills (storm.h). Returns false if it failed. */
  bool (*storm_alone)(const struct storm *storm, struct outcome *outcome);
};

/* All there are; NULL-terminated. */
extern const struct peer *const peers[];

/* Those named, with commas between them, or all; NULL-terminated. Ends the program if there is no
   such peer. */
const struct peer *const *choose_peers(char *names);

/* Zeroed memory that the harness shares with its children. */
void *shared_map(size_t size);
void shared_unmap(void *memory, size_t size);

/* A name that no other channel of this machine has: PREFIX-PID-NUMBER. */
void unique_name(char *name, size_t room, const char *prefix);

/* The room of every peer that can be told how much: shmq's default. It suits all of them. */
enum { RING_BYTES = 1 << 20 };

/* A power of two of slots: what fits into that, but at least 16, and enough for a backlog. */
size_t slots_for(const struct shape *shape);

/* For a peer with threads beside the process: they run on any processor. */
void roam(void);

/* The number in a file such as /proc/sys/kernel/msgmax; 0: cannot tell. */
long read_limit(const char *path);

/* Give the kernel's message queues the room they can use, in a name space of our own; without the
   privilege they keep what the system allows everybody. */
void raise_limits(void);

#ifdef __cplusplus
}
#endif

#endif
