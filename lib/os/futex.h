/* SPDX-License-Identifier: Apache-2.0 */
/* futex(2) on a word that processes share. */
#ifndef SHMQ_OS_FUTEX_H
#define SHMQ_OS_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/clock.h"

#define FUTEX_ALL INT_MAX

/*
 * Sleep while *word is seen, for ns at most. May return early for any reason (a signal, a wake-up
 * meant for a sleeper of before): the caller looks again.
 */
static inline void futex_wait(const _Atomic uint32_t *word, uint32_t seen, int64_t ns) {
  struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};
  syscall(SYS_futex, word, FUTEX_WAIT, seen, &t, NULL, 0);
}

/* Wake n sleepers. Returns how many slept, at most n. */
static inline int futex_wake(const _Atomic uint32_t *word, int n) {
  return (int)syscall(SYS_futex, word, FUTEX_WAKE, n, NULL, NULL, 0);
}

/*
 * Sleep while every word is what was seen there, for ns at most; n is at most FUTEX_WAITV_MAX.
 * Returns 0 when it is worth looking again, else a negative errno: -ENOSYS before Linux 5.16.
 */
static inline int futex_wait_any(const struct futex_waitv *words, size_t n, int64_t ns) {
  int64_t end = clock_deadline(ns);
  struct timespec t = {end / NS_PER_S, end % NS_PER_S};
  long r = syscall(SYS_futex_waitv, words, (unsigned)n, 0u, &t, CLOCK_MONOTONIC);
  bool looks_again = r >= 0 || errno == EAGAIN || errno == ETIMEDOUT || errno == EINTR;
  return looks_again ? 0 : -errno;
}

#endif
