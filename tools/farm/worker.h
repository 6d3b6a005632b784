/* SPDX-License-Identifier: Apache-2.0 */
/* A worker: takes items, runs the command on them, and settles what becomes of them. */
#ifndef SHMQ_TOOLS_FARM_WORKER_H
#define SHMQ_TOOLS_FARM_WORKER_H

#include "farm.h"

/* The items of one run. */
struct task {
  const struct shmq_lease *items;
  size_t count;
};

/* An item in hand that is not being worked on. */
struct held {
  struct shmq_lease lease;
  shmq_ns due; /* when it goes back, to be tried again; 0: it is finished, and its output is to be
                  printed when its turn has come */
};

struct coprocess;

struct worker {
  const struct farm *farm;
  struct slot *slot;
  uint32_t number; /* of the slot */
  struct held *held;
  uint32_t held_count;
  struct task task; /* what it works on */
  shmq_ns renewal;  /* when the leases are to be renewed */
  shmq_ns idle_since;
  int in, out, err; /* files: an item for the command, and what the command prints */
  shmq *dead;       /* NAME.dead; NULL: not needed so far */
  struct coprocess *coprocess;
};

/* How a worker ends. */
enum {
  WORKER_OVER = 0,
  WORKER_IDLE = 10,
  WORKER_FAILED = 11,
  WORKER_CROWDED = 12, /* the queue has no place for one more process */
};

/* The life of a worker, in a process of its own. */
_Noreturn void worker_main(const struct farm *farm, uint32_t number);

static inline bool stopping(const struct farm *farm) {
  return atomic_load(&farm->shared->stop) != STOP_NOT;
}

/* Sleeps until a child ends, or the farm stops, or then; sees to what is held meanwhile. */
void nap(struct worker *worker, shmq_ns until);

/* The farm can not go on, and this is why. Ends the worker; its items go back. */
_Noreturn void worker_fail(const struct farm *farm, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
