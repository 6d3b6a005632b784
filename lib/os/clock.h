/* SPDX-License-Identifier: Apache-2.0 */
/* Time: CLOCK_MONOTONIC in nanoseconds, the same in every process since the machine was started. */
#ifndef SHMQ_OS_CLOCK_H
#define SHMQ_OS_CLOCK_H

#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS ((int64_t)1000000)
#define NS_PER_S  ((int64_t)1000000000)

/* A deadline that never comes. */
#define NEVER INT64_MAX

static inline int64_t clock_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* The same clock a tick (1 to 10 ms) behind, at a third of the cost. */
static inline int64_t clock_coarse(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* When a wait of so long, begun now, ends. Negative: never. */
static inline int64_t clock_deadline(int64_t timeout) {
  if (timeout < 0) return NEVER;
  int64_t now = clock_now();
  return timeout > NEVER - now ? NEVER : now + timeout;
}

/* Not through clock_nanosleep(3), which is a cancellation point. */
static inline void clock_sleep(int64_t ns) {
  struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};
  syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, NULL);
}

#endif
