/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge reads a history and finds what breaks a promise. It never simulates the queue: it asks
 * of each item what is certain of it, given when the calls with it were made and returned.
 * docs/recovery.md says why these questions are enough.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "history.h"

enum finding {
  LOST,
  DOUBLE,
  INVENTED,
  ALTERED,
  ORDER,
  ATTEMPT,
  EARLY_JOIN,
  FALSE_EMPTY, /* or a false timeout */
  BAD_TIME,
  BAD_SHUTDOWN,
  STALE,
  BAD_RESULT,
  HANG,
  COUNTS,
  FINDINGS
};

extern const char *const finding_names[FINDINGS];

struct verdict {
  unsigned findings;
  uint64_t calls, cut_short, items, deliveries, redeliveries, killed;
  uint64_t unread;         /* leases that ran out before their data was read */
  uint64_t alibis;         /* deliveries that only such calls, or killed ones, can have had */
  uint64_t empties;        /* times that a get or a take found nothing, and was judged */
  uint64_t joins;          /* that returned 0 */
  int64_t worst_overshoot; /* of a call, beyond its time, in nanoseconds */
  int64_t worst_stall;     /* that a get waited though an item surely did, too */
};

/* Findings are printed, one line each. */
void judge(const struct history *history, struct verdict *verdict);

#endif
