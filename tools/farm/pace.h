/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHMQ_TOOLS_FARM_PACE_H
#define SHMQ_TOOLS_FARM_PACE_H

#include "worker.h"

/* Waits until so many items may be begun: with --rate for their turn, and while the farm is paused.
   False: the farm stops. */
bool may_begin(struct worker *worker, size_t items);

#endif
