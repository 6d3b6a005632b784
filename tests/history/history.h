/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A history: every call of a run, when it was made and when it returned, by whom, with what items;
 * who was killed or stopped, and when. All times are nanoseconds of CLOCK_MONOTONIC.
 *
 * It is written into memory that all processes of the run share, by each thread into calls of its
 * own. A call is valid from the store of CALLED on, and whole from the store of RETURNED on; so a
 * kill between any two instructions leaves a history that is true. A call that a kill cut short is
 * CALLED for ever: it may have taken effect, or not.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum op {
  PUT,
  PUT_MANY,
  GET,
  GET_MANY,
  TAKE,
  TAKE_MANY,
  DONE,
  GIVE_BACK,
  BURY,
  TOUCH,
  TASK_DONE,
  JOIN,
  SHUTDOWN,
  SHUTDOWN_NOW,
  RECOVER,
  CLOSE,
  LETTER, /* an item that was found in NAME.dead, in the end */
  OPS
};

extern const char *const op_names[OPS];

enum { BATCH = 4, CALLS_OF_A_PAGE = 32 };

/* An item: who put it, and which of the author's items it is. */
struct ref {
  uint32_t author, sequence;
  uint64_t id; /* by take; else 0 */
  uint32_t attempt;
  bool altered; /* its bytes are not those that were put */
};

enum call_state { BLANK, CALLED, RETURNED };

struct call {
  _Atomic uint32_t state;
  uint16_t op, n; /* n items: offered, received or ended */
  uint32_t member;
  int64_t called, returned;
  int64_t timeout;
  int64_t result;
  int64_t unscheduled; /* at most so long it was ready to run, and did not */
  struct ref refs[BATCH];
};

/* A process's stay at the queue, from its open to its close, or to its end. */
struct member {
  int32_t pid;
  _Atomic int64_t left;   /* when it began to leave by itself; 0: it did not */
  _Atomic int64_t killed; /* when the signal was about to be sent; 0: never */
  _Atomic int64_t dead;   /* and when it was seen dead */
};

/* A stopped process, or one that the kernel kept from going on. */
struct stop {
  uint32_t member;
  int64_t from, to;
};

/* What the queue itself says when all is over. */
struct final {
  bool known;
  uint64_t put, done, abandoned, dead_lettered, discarded, unfinished, leased;
  int64_t check;
};

struct history {
  uint64_t seed;
  uint32_t max_leases, max_attempts;
  int64_t lease_timeout;
  struct final final;
  uint32_t members_max, stops_max;
  uint64_t calls_max;
  _Atomic uint32_t members_used, stops_used;
  _Atomic uint64_t calls_used;
  struct member *members;
  struct stop *stops;
  struct call *calls; /* BLANK ones among them */
};

/* In memory that children share; pages are filled only when they are written to. */
struct history *history_new(uint32_t members, uint32_t stops, uint64_t calls);
void history_free(struct history *history);

/* From many processes at once. NULL: there is no room. */
struct stop *history_stop(struct history *history, uint32_t member, int64_t from, int64_t to);

/* As text, one line for each member, stop and call. */
bool history_save(const struct history *history, const char *path);
/* NULL: cannot be read; a line on standard error says where and why. */
struct history *history_load(const char *path);

/* A line that names the call, for reports. */
void call_print(const struct call *call, FILE *file);

#endif
