/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHMQ_TOOLS_FARM_CLOCK_H
#define SHMQ_TOOLS_FARM_CLOCK_H

#include <shmq.h>
#include <time.h>

#define MS     INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define NEVER  INT64_MAX

static inline shmq_ns time_of(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

static inline shmq_ns now(void) {
  return time_of(CLOCK_MONOTONIC);
}

static inline struct timespec timespec_of(shmq_ns duration) {
  return (struct timespec){duration / SECOND, duration % SECOND};
}

static inline shmq_ns earlier(shmq_ns a, shmq_ns b) {
  return a < b ? a : b;
}

#endif
