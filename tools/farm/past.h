/* SPDX-License-Identifier: Apache-2.0 */
/* What this farm remembers of items that failed: how often their run failed, and how many workers
   died of them. Only the failures of this farm count; that an item was given back does not. */
#ifndef SHMQ_TOOLS_FARM_PAST_H
#define SHMQ_TOOLS_FARM_PAST_H

#include "farm.h"

struct record {
  uint32_t failures, crashes;
  int status; /* of the worker that crashed last, as of waitpid(2) */
};

/* Of an item that never failed: all zero. */
struct record past_of(const struct farm *farm, uint64_t id);

/* One more failure; returns how many there are. */
uint32_t past_failed(const struct farm *farm, uint64_t id);

/* A worker died of it. status: as of waitpid(2). */
void past_crashed(const struct farm *farm, uint64_t id, int status);

void past_forget(const struct farm *farm, uint64_t id);

/* So many workers may die of one item. */
uint32_t crashes_allowed(const struct plan *plan);

/* How long to wait after so many failures: doubled each time, and somewhat by chance, so that what
   failed together is not tried again together. */
shmq_ns backoff_after(shmq_ns backoff, uint32_t failures);

#endif
