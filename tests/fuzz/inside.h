/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the compiler reads before each file of the library where it builds it for the targets
 * (-include): the clock, the system calls and the accesses to shared memory become those of
 * world.c. Nothing else is another library than the one that is installed.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include <time.h>
#include <unistd.h>

#include "atomic.h"

int world_gettime(clockid_t clock, struct timespec *t);
long world_syscall(long number, ...);
void world_access(const volatile void *word);

#define clock_gettime world_gettime
#define syscall       world_syscall

#undef load_relaxed
#undef load_acquire
#undef store_relaxed
#undef store_release
#undef add_relaxed
#undef cas_acq_rel

#define load_relaxed(p)     (world_access(p), atomic_load_explicit((p), memory_order_relaxed))
#define load_acquire(p)     (world_access(p), atomic_load_explicit((p), memory_order_acquire))
#define store_relaxed(p, v) (world_access(p), atomic_store_explicit((p), (v), memory_order_relaxed))
#define store_release(p, v) (world_access(p), atomic_store_explicit((p), (v), memory_order_release))
#define add_relaxed(p, v) \
  (world_access(p), atomic_fetch_add_explicit((p), (v), memory_order_relaxed))
#define cas_acq_rel(p, expected, desired)                    \
  (world_access(p), atomic_compare_exchange_strong_explicit( \
                        (p), (expected), (desired), memory_order_acq_rel, memory_order_acquire))

#define cpu_relax() ((void)0)

#endif
