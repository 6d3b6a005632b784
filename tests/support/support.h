/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests share: time, chance, queues with names of their own, and child processes that
 * talk to their parent. Only the test's own process asserts; a child reports by say().
 */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shmq.h"

/* ---- Time: clock.c ------------------------------------------------------------------------------
 */

#define US     ((shmq_ns)1000)
#define MS     ((shmq_ns)1000000)
#define SECOND ((shmq_ns)1000000000)

/* How long a test waits for what must happen: far beyond anything but a hang. */
#define PATIENCE (60 * SECOND)

shmq_ns now(void); /* CLOCK_MONOTONIC */
void nap(shmq_ns duration);
_Noreturn void stay(void); /* until killed */

/* ---- Chance: chance.c ---------------------------------------------------------------------------
 */

struct chance {
  uint64_t state;
};

/* Seeded by SHMQ_SEED, or anew; the seed is printed, so that a run can be repeated. */
struct chance chance_begin(void);
uint64_t chance_next(struct chance *chance);
uint64_t chance_below(struct chance *chance, uint64_t limit);

/* ---- Queues: queues.c ---------------------------------------------------------------------------
 */

/* The name of the queue made last; children inherit it. */
extern char queue_name[SHMQ_NAME_MAX + 1];

struct shmq_options default_options(void);
void new_queue_name(void);                            /* into queue_name: one that nobody has */
shmq *make_queue(const struct shmq_options *options); /* under a new queue_name */
shmq *open_queue(void);                               /* queue_name */
shmq *open_dead_queue(void);                          /* queue_name.dead */
const char *segment_path(void);                       /* the file of queue_name */

/* The same calls for items that are one number; a negative result is the call's error. */
int put_number(shmq *queue, int64_t number);
int64_t get_number(shmq *queue, shmq_ns timeout);
int64_t take_number(shmq *queue, struct shmq_lease *lease, shmq_ns timeout);
int64_t lease_number(const struct shmq_lease *lease);
int put_numbers(shmq *queue, int64_t first, int64_t end); /* [first, end); 0 or the first error */

struct shmq_stats stats_of(shmq *queue);

/* ---- Child processes: children.c ----------------------------------------------------------------
 */

struct child {
  pid_t pid;
  int line; /* a socket; the child has the other end */
};

/* Fork a process that calls run(argument), says its result and ends. It dies with its parent. */
struct child child_start(int64_t (*run)(void *argument), void *argument);
int64_t child_hear(const struct child *child); /* what it says next */
void child_tell(const struct child *child, int64_t word);
int64_t child_result(const struct child *child);     /* what it says next, and its end */
int child_status(const struct child *child);         /* as of waitpid(2), once it has ended */
void child_kill(const struct child *child);          /* and reap */
void child_kill_unreaped(const struct child *child); /* a zombie is left */
void child_stop(const struct child *child);          /* returns when it is stopped */
void child_continue(const struct child *child);
bool child_sleeps(const struct child *child); /* blocked in a system call */

/* For the child. */
void say(int64_t word);
int64_t listen_to_parent(void);

#endif
