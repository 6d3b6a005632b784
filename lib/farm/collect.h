/* SPDX-License-Identifier: Apache-2.0 */
/* Reports that have come become outcomes; and the one way in which all calls wait. */
#ifndef SHMQ_FARM_COLLECT_H
#define SHMQ_FARM_COLLECT_H

#include <errno.h>

#include "farm.h"
#include "os/clock.h"

/* The time of one call. */
struct deadline {
  shmq_ns timeout;
  int64_t end;
};

static inline struct deadline deadline_of(shmq_ns timeout) {
  return (struct deadline){timeout, clock_deadline(timeout)};
}

/* At most a slice; 0: the time is up. */
static inline shmq_ns deadline_left(const struct deadline *d) {
  if (d->timeout == SHMQ_NOWAIT) return 0;
  const int64_t left = d->end - clock_now();
  return left <= 0 ? 0 : left < SLICE ? left : SLICE;
}

static inline int deadline_error(const struct deadline *d) {
  return d->timeout == SHMQ_NOWAIT ? -EAGAIN : -ETIMEDOUT;
}

/* Reports taken in at one time. */
enum { REPORTS = 16 };

/* Under the mutex: what comes is taken in until ready(argument) is true. Returns 0, a deadline's
   error, or that of the queue of results. */
int collect_until(struct shmq_farm *farm, bool (*ready)(struct shmq_farm *, uint64_t),
                  uint64_t argument, const struct deadline *deadline);

/* Under the mutex, between two slices of a wait: see to those that may have died. */
void look_after(struct shmq_farm *farm);

/* Without the mutex: wait until the team has left. */
int await_team(struct shmq_farm *farm, shmq_ns timeout);

#endif
