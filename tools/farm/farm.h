/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The structs of the farm: what was asked for, what its processes share, what each of them has.
 *
 *   supervisor --+-- guard                 ends what is left when both others were killed at once
 *                +-- worker -- command     takes an item on lease and runs the command on it
 *                +-- worker -- command
 *
 * Who holds an item dies with the work on it, and the work with the holder:
 *   the command is killed  the worker sees it, ends the rest of its process group, and the item has
 *                          failed once
 *   the worker is killed   the kernel kills the command (PDEATHSIG); what that leaves becomes the
 *                          supervisor's (subreaper), which ends it; the lease goes back
 *   the supervisor is      the workers are told (PDEATHSIG), end everything below them and then
 *   killed                 themselves; the leases go back
 *   several at once        the guard finds their commands' process groups in the slots
 */
#ifndef SHMQ_TOOLS_FARM_FARM_H
#define SHMQ_TOOLS_FARM_FARM_H

#include <shmq.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lock.h"

/* What was asked for. */
struct plan {
  const char *queue;
  const char *const *command; /* ends with NULL */
  bool substitute;            /* {} stands in it; else items come on standard input */
  uint32_t workers_min, workers_max;
  uint32_t per_run; /* items for one run */
  uint32_t retries;
  shmq_ns timeout; /* 0: none */
  shmq_ns backoff, idle;
  shmq_ns interval; /* between starts; 0: none */
  const char *results, *joblog;
  bool coprocess, until_empty, keep_order, tag, progress, dry_run;
  char end; /* of an item on standard input, where there are several */
};

/* The place of a worker. Its replacement gets the same. */
struct slot {
  alignas(128) _Atomic pid_t worker;
  _Atomic pid_t group;      /* the process group of its command; 0: none */
  _Atomic uint64_t suspect; /* the id, and 1, of the item that runs alone: to be blamed if the
                               worker dies; 0: none */
  _Atomic uint32_t in_hand;
  _Atomic uint64_t finished, failed;
};

/* What this farm remembers of an item that failed. */
struct past {
  _Atomic uint64_t item; /* its id, and 1; 0: nobody's */
  _Atomic uint32_t failures;
  _Atomic uint32_t crashes; /* of workers, while it ran */
  _Atomic int status;       /* of the worker that crashed last, as of waitpid(2) */
};

/* The place of an item in the order of the output: order.h. */
struct place {
  _Atomic uint32_t word; /* its state, and the slot that it belongs to */
  _Atomic uint64_t id;
  int64_t offset;    /* its output in the spool */
  uint64_t out, err; /* and how much of it */
};

enum { STOP_NOT, STOP_FINISH };

/* Memory that supervisor, guard and workers share. */
struct shared {
  _Atomic int stop;
  _Atomic bool paused;
  _Atomic uint32_t workers;   /* that there should be */
  _Atomic int64_t next_start; /* with --rate: when the next run may begin */
  struct lock output;         /* who prints, or writes to the spool */
  struct lock taking;         /* with --keep-order: who takes items and enters their places */
  int64_t spooled;            /* bytes of the spool in use */
  struct {                    /* why the farm can not go on: the first worker to find out says */
    _Atomic bool claimed, told;
    int status;
    char text[512];
  } failure;
};

struct farm {
  struct plan plan;
  const char *path; /* of the command's program; NULL: it stands in the item */
  shmq *queue, *results;
  struct shmq_stats limits; /* of the queue: as it was made */
  size_t result_max;
  struct shared *shared;
  struct slot *slots;
  struct past *pasts;
  struct place *places;
  uint32_t past_count, place_count;
  uint32_t hand_max; /* items that a worker may have in hand without working on them */
  int null, joblog, spool;
  pid_t supervisor;
  sigset_t mask; /* the signals that were blocked when the farm began; they are for commands too */
};

/* Returns an exit status, and has said why it is not STATUS_DONE. */
int farm_run(const struct plan *plan);

/* Prints what would run. */
int dry_run(shmq *queue, const struct plan *plan);

#endif
