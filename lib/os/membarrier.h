/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membarrier(2): a full memory barrier on every processor that runs a thread of a registered
 * process. The rare side pays for it (a system call), the frequent side pays nothing.
 */
#ifndef SHMQ_OS_MEMBARRIER_H
#define SHMQ_OS_MEMBARRIER_H

#include <linux/membarrier.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Let barriers of other processes reach this one (and its children). False: there are none here. */
static inline bool membarrier_register(void) {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0;
}

/* The barrier, on every registered process. */
static inline bool membarrier_all(void) {
  return syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0;
}

#endif
