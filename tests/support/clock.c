/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>
#include <unistd.h>

#include "support.h"

shmq_ns now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

void nap(shmq_ns duration) {
  const struct timespec time = {duration / SECOND, duration % SECOND};
  nanosleep(&time, NULL);
}

_Noreturn void stay(void) {
  for (;;)
    pause();
}
