/* SPDX-License-Identifier: Apache-2.0 */
/* What a thread is doing, for watchers: one word in its slot. Nothing depends on it. */
#ifndef SHMQ_ACTIVITY_H
#define SHMQ_ACTIVITY_H

#include "atomic.h"
#include "layout.h"
#include "os/clock.h"

#define ACTIVITY_BITS 8

/* Say so; since is CLOCK_MONOTONIC, ns. Returns what it said before. */
static inline uint64_t activity_begin(_Atomic uint64_t *activity, enum shmq_activity what,
                                      int64_t since) {
  uint64_t before = load_relaxed(activity);
  store_relaxed(activity, (uint64_t)(since / NS_PER_MS) << ACTIVITY_BITS | what);
  return before;
}

/* Unknown numbers are damage, and mean nothing. */
static inline enum shmq_activity activity_what(uint64_t activity) {
  uint64_t what = activity & ((1u << ACTIVITY_BITS) - 1);
  return what <= SHMQ_WAITS_FOR_LOCK ? (enum shmq_activity)what : SHMQ_IDLE;
}

static inline bool activity_waits(uint64_t activity) {
  return activity_what(activity) >= SHMQ_WAITS_FOR_ITEM;
}

/* CLOCK_MONOTONIC, ms. */
static inline uint64_t activity_since(uint64_t activity) {
  return activity >> ACTIVITY_BITS;
}

#endif
