/* SPDX-License-Identifier: Apache-2.0 */
/* A run: which cases, which of their points, dealt to several workers. */
#ifndef RUN_H
#define RUN_H

#include "steps.h"

#define WORKERS_MAX 64

/* One kill point, or two. */
struct point {
  size_t k, j;
  const struct call *second; /* NULL: a single kill */
};

struct options {
  const char *pattern; /* which cases */
  bool full;           /* every instruction */
  bool pairs;          /* every pair of edges */
  bool stalls;         /* no kills: at every edge a victim stands still, and goes on later */
  bool first;          /* stop at the first failure */
  unsigned sample;     /* else how many points beside the edges, and how many double ones */
  unsigned workers;
  uint64_t seed;
  shmq_ns limit;     /* for the living to go on */
  const char *state; /* the file that knows how far the run has come, or NULL */
  bool only;         /* one case, and one point of it: */
  struct point point;
};

/* Where a worker is: shared with the parent, so that another one can go on from there. */
struct position {
  size_t test;
  uint64_t serial;   /* of the point, among the worker's own of this case */
  unsigned failures; /* in this case */
  unsigned slow;     /* how many times going on from this point took too long */
  struct point point;
};

struct totals {
  _Atomic uint64_t cases, instructions, edges, singles, doubles, stalls, missed, slow, failures;
  _Atomic int64_t worst;
  char worst_at[128];
};

extern struct options options;
extern struct totals *totals;
extern struct position *mine; /* this worker's */
extern unsigned me;           /* its number */
extern struct case_of *tests;
extern size_t tests_n;

/* Exit statuses of a worker. */
#define WORKER_FAILED 3
#define WORKER_SLOW   4

#define SLOW_MAX 6 /* a machine that is busy is slow at times, a defect each time */

/* survey.c: run this worker's points of a case, those of a serial of at least first. */
void survey(size_t test, uint64_t first);

/* report.c */
void point_name(const struct position *at, char *text, size_t room);

#endif
