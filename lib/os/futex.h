/* SPDX-License-Identifier: Apache-2.0 */
/* futex(2) on a word that processes share. */
#ifndef SHMQ_OS_FUTEX_H
#define SHMQ_OS_FUTEX_H

#include <limits.h>
#include <linux/futex.h>
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

#endif
