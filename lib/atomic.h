/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short names for C11 atomics, so that each access to shared memory shows its memory order in one
 * word. docs/concurrency.md names the pairs.
 *
 * A store that others must not see (or that must not have happened, had we been killed) before the
 * one above it is a store_release: on x86-64 it costs nothing over a plain store.
 */
#ifndef SHMQ_ATOMIC_H
#define SHMQ_ATOMIC_H

#include <stdatomic.h>

#define load_relaxed(p)     atomic_load_explicit((p), memory_order_relaxed)
#define load_acquire(p)     atomic_load_explicit((p), memory_order_acquire)
#define store_relaxed(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)
#define store_release(p, v) atomic_store_explicit((p), (v), memory_order_release)
#define add_relaxed(p, v)   atomic_fetch_add_explicit((p), (v), memory_order_relaxed)
#define full_fence()        atomic_thread_fence(memory_order_seq_cst)

#define cas_acq_rel(p, expected, desired)                                                   \
  atomic_compare_exchange_strong_explicit((p), (expected), (desired), memory_order_acq_rel, \
                                          memory_order_acquire)

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define ALWAYS_INLINE __attribute__((always_inline)) static inline

/* Tells the processor that this is a spin loop. */
static inline void cpu_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield" ::: "memory");
#endif
}

/* Have the line of an address fetched, to be written soon. gcc knows the instruction only where it
   is told that every processor has it; those that have not take it for a no-op (AMD64 manual,
   volume 3, PREFETCHW; Intel manual, volume 2). */
static inline void prefetch_for_write(const void *address) {
#if defined(__x86_64__)
  __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
  __builtin_prefetch(address, 1);
#endif
}

#endif
