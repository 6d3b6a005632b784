/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The storm: producers and consumers that are killed, or stopped, at random, and the book that is
 * kept of all they do. The book lies in memory that the storm's process mapped before it forked, so
 * what a worker wrote down stays when it is killed in the next instruction.
 *
 * A worker is a thread of a process that may be killed; its successor is another worker. Before
 * each call it writes down which; after the call, what came of it.
 */
#ifndef STORM_H
#define STORM_H

#include "support.h"

enum role { PUTTER, BATCH_PUTTER, TAKER, RETURNER, GETTER, BATCH_GETTER, ROLES };

#define PRODUCER_ROLES 2 /* the first of them */

#define CALL_TIMEOUT (200 * MS)
#define STOP_TIME    (3 * SECOND)
#define BATCH        4

enum call { NO_CALL, PUTTING, TAKING, GETTING, FINISHING, GIVING_BACK };

struct worker {
  enum role role;
  uint32_t line; /* of whom it is a successor: role and thread */
  pid_t tid;
  bool killed;    /* by the storm, never by anything else */
  bool disturbed; /* it was stopped: its times tell nothing */

  _Atomic int call; /* what it is doing */
  _Atomic uint32_t batch;
  _Atomic int64_t began, allowed;
  _Atomic int64_t stood_still;     /* the book's, when it began */
  _Atomic int64_t last_moved;      /* when an item went in or came out */
  _Atomic int64_t worst_overshoot; /* beyond what a call was allowed */
  _Atomic int worst_call;
  _Atomic uint64_t full, empty; /* how often it found the queue so */
  _Atomic int error;            /* a result that no call should have given */

  _Atomic uint64_t put;   /* producers: items below this one were put */
  _Atomic uint64_t about; /* and those below this one were about to be */
};

/* The fate of a delivery. */
enum state { HELD, ENDING_IT, FINISHED, GIVING, GIVEN };

struct delivery {
  _Atomic uint32_t consumer; /* worker + 1; 0: the page was turned, but nothing written */
  uint32_t producer, sequence;
  uint32_t attempt; /* 0: got for good */
  uint64_t id;
  _Atomic uint8_t state;
  bool damaged;
};

enum phase { STORM, DRAIN, END };

struct parameters {
  uint64_t kills, stops, threads, seed;
  uint64_t items; /* for each kill; 0: as many as usual */
  uint64_t pause; /* between two blows, us, at most; one of 16 is longer */
  bool vary;      /* the sizes of items */
  bool alone;     /* one producer and one consumer at full speed; the others look in now and then */
};

struct book {
  struct parameters parameters;
  _Atomic int phase;
  _Atomic int64_t stood_still;     /* how long the machine did, as far as the storm noticed */
  _Atomic uint64_t allowance, put; /* producers stop when so many items were put */
  uint32_t workers_max, workers_used;
  uint64_t deliveries_max;
  _Atomic uint64_t deliveries_used;
  struct worker *workers;
  struct delivery *deliveries;
};

/* With --alone, the consumer that is at full speed. */
static inline enum role lone_consumer(const struct book *book) {
  return book->parameters.seed % 2 ? TAKER : GETTER;
}

/* What is left when all is over. */
struct outcome {
  uint64_t kills, stops;
  int64_t worst_overshoot, worst_stall;
  enum call worst_call;
  int join, check;
  const char *broken;
  struct shmq_stats stats;
};

/* How much longer than allowed a call of this worker's took, or has taken until now: the time that
   it spent ready, on a machine that was too busy to run it or stood still, is not the call's fault.
 */
int64_t overshoot_of(const struct book *book, const struct worker *worker, int64_t began,
                     int64_t ended);

/* The life of one worker. */
void worker_run(struct book *book, uint32_t worker, shmq *queue);

/* Print the table and what is wrong. Returns how many things are. */
int judge(const struct book *book, const struct outcome *outcome);

#endif
