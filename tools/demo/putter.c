/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "demo.h"

/* Stay less than two strides ahead of the kills, lest the work is over before they are. */
static void keep_pace(const struct demo *demo, size_t task) {
  const struct timespec moment = {.tv_nsec = 200 * 1000};
  for (;;) {
    uint32_t kills = atomic_load(&demo->ledger->kills);
    if (kills == demo->kills || task / demo->stride <= kills + 1) return;
    nanosleep(&moment, NULL);
  }
}

/* An item is a path with its NUL, so that a worker can use it where it lies. */
int putter(const struct demo *demo) {
  for (size_t i = 0; i < demo->paths.count; i++) {
    const char *path = demo->paths.path[i];
    keep_pace(demo, i);
    must(shmq_put(demo->tasks, path, strlen(path) + 1, SHMQ_FOREVER), "put a task");
  }
  return 0;
}
