/* SPDX-License-Identifier: Apache-2.0 */
/* The timeout of one call: most calls end before the clock has to be read. */
#ifndef SHMQ_TIMEOUT_H
#define SHMQ_TIMEOUT_H

#include <errno.h>

#include "os/clock.h"
#include "shmq.h"

/* How long SHMQ_NOWAIT waits for a lock. */
#define LOCK_PATIENCE (10 * NS_PER_MS)

struct timeout {
  shmq_ns ns;
  int64_t deadline; /* 0: not worked out yet */
};

static inline int64_t timeout_deadline(struct timeout *t) {
  if (t->deadline == 0) t->deadline = clock_deadline(t->ns == SHMQ_NOWAIT ? LOCK_PATIENCE : t->ns);
  return t->deadline;
}

/* Nanoseconds that are left, at most slice; 0 or less: the time is up. */
static inline int64_t timeout_left(struct timeout *t, int64_t slice) {
  int64_t left = timeout_deadline(t) - clock_now();
  return left < slice ? left : slice;
}

/* A part of the call that may take ns at most. */
static inline struct timeout timeout_limited(struct timeout *t, int64_t ns) {
  int64_t end = clock_deadline(ns), deadline = timeout_deadline(t);
  return (struct timeout){.ns = t->ns, .deadline = end < deadline ? end : deadline};
}

/* What a call says whose time is up. */
static inline int timeout_error(const struct timeout *t) {
  return t->ns == SHMQ_NOWAIT ? -EAGAIN : -ETIMEDOUT;
}

#endif
