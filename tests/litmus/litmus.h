/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Races that are lost when a store buffer is forgotten, run on the real primitives by processes.
 * SHMQ_SECONDS: how long each is run; 2 by default.
 */
#ifndef LITMUS_H
#define LITMUS_H

#include <stdlib.h>
#include <sys/mman.h>

#include "check.h"
#include "os/membarrier.h"

static inline shmq_ns litmus_duration(void) {
  const char *seconds = getenv("SHMQ_SECONDS");
  return (seconds != NULL ? atoi(seconds) : 2) * SECOND;
}

/* Some nanoseconds by chance, so that the two meet at every point. */
static inline void dither(struct chance *chance, uint32_t limit) {
  for (volatile uint64_t n = chance_below(chance, limit); n > 0; n--)
    continue;
}

/* Shared by this process and its children. */
static inline void *shared_memory(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  cr_assert(memory != MAP_FAILED);
  return memory;
}

#endif
