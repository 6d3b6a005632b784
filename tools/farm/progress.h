/* SPDX-License-Identifier: Apache-2.0 */
/* --progress: a bar on a terminal, elsewhere a line every few seconds. */
#ifndef SHMQ_TOOLS_FARM_PROGRESS_H
#define SHMQ_TOOLS_FARM_PROGRESS_H

#include "../meter.h"
#include "farm.h"

struct progress {
  bool terminal;
  shmq_ns due;
  struct meter meter;
};

struct progress progress_begin(const struct farm *farm);
/* Shows it when it is due. */
void progress_show(struct progress *progress, const struct farm *farm);
void progress_end(struct progress *progress, const struct farm *farm);

/* What the slots add up to. */
struct tally {
  uint64_t finished, failed, in_hand;
};
struct tally tally_of(const struct farm *farm);

#endif
