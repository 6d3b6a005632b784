/* SPDX-License-Identifier: Apache-2.0 */
/* What a handle is. Everything in it is the process's own, but for the workshop. */
#ifndef SHMQ_FARM_FARM_H
#define SHMQ_FARM_FARM_H

#include <pthread.h>
#include <stdalign.h>

#include "board.h"
#include "tickets.h"

/* Of an item in a queue, beyond its bytes. */
#define ITEM_OVERHEAD 16

/* Places at a queue for all that are not workers. */
#define OTHER_PROCESSES 256
#define OTHER_THREADS   1024

/* How long anybody sleeps before a look whether those that were to wake him are still there. */
#define SLICE ((shmq_ns)100 * 1000 * 1000)

struct registered {
  char name[SHMQ_FARM_TASK_MAX + 1];
  shmq_farm_task *task;
};

/* Where a worker says what it has in hand, so that its supervisor knows what it died in. */
struct desk {
  alignas(128) _Atomic uint32_t busy; /* the rest is good */
  uint32_t attempt;
  shmq_farm_ticket ticket;
  struct submitter_id submitter;
};

/* Shared by a program, its supervisor and its workers. */
struct workshop {
  _Atomic uint32_t stop; /* finish what is in hand and leave */
  _Atomic uint32_t left; /* all have left, and the supervisor leaves */
  struct desk desks[];
};

/* The supervisor of this handle's workers; guarded by the handle's mutex. */
struct team {
  unsigned workers; /* 0: there is no team */
  struct workshop *shop;
  int supervisor; /* pidfd; negative: it is to be started */
};

/* What is there from the first ticket on. */
struct submitter {
  struct submitter_id id;
  shmq *results; /* NULL: no ticket yet */
  struct board board;
  char *buffer; /* for the reports that are taken in at one time */
  size_t report_max;
};

struct shmq_farm {
  char name[SHMQ_NAME_MAX + 1];
  pid_t process; /* that opened it */
  struct shmq_farm_options options;
  shmq *tasks;
  struct registered *registered;
  size_t registered_count;

  pthread_mutex_t mutex; /* for all that follows */
  pthread_cond_t news;   /* a ticket ended, there may be room, or nobody is collecting */
  bool collecting;       /* a thread waits for reports on behalf of all */
  int64_t looked;        /* when one last looked after those that may have died */
  struct submitter submitter;
  struct tickets tickets;
  struct team team;
};

/* Lock the handle. Errors: -EPERM another process's. */
int farm_lock(struct shmq_farm *farm);
void farm_unlock(struct shmq_farm *farm);

#endif
