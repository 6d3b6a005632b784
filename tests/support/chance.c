/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

struct chance chance_begin(void) {
  const char *given = getenv("SHMQ_SEED");
  const struct chance chance = {given ? strtoull(given, NULL, 0) : (uint64_t)now() % 1000000007};
  fprintf(stderr, "SHMQ_SEED=%" PRIu64 "\n", chance.state);
  return chance;
}

/* splitmix64: any seed will do, and a run is the same everywhere. */
uint64_t chance_next(struct chance *chance) {
  uint64_t mixed = (chance->state += 0x9e3779b97f4a7c15);
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

uint64_t chance_below(struct chance *chance, uint64_t limit) {
  return chance_next(chance) % limit;
}
