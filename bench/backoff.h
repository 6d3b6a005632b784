/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How peers that cannot sleep wait. Whoever polls an empty ring takes the line away from the other
 * side: a pause of some microseconds between two looks makes these peers two or three times as
 * fast, if one item at a time need not be prompt. Where there are more processes than processors,
 * the processor must be given away as well.
 */
#ifndef BENCH_BACKOFF_H
#define BENCH_BACKOFF_H

#include <sched.h>
#include <stdbool.h>

#include "clock.h"

enum { BACKOFF_PAUSES = 128, BACKOFF_LOOKS = 16 };

/* Wait before the next look; looks counts them, from 0. */
static inline void back_off(unsigned *looks, bool prompt) {
  if (prompt) {
    cpu_pause();
  } else if (++*looks % BACKOFF_LOOKS == 0) {
    sched_yield();
  } else {
    for (int i = 0; i < BACKOFF_PAUSES; i++)
      cpu_pause();
  }
}

#endif
