/* SPDX-License-Identifier: Apache-2.0 */
/* What a handle needs once it has tickets: a queue for its results, a board, and the tickets. */
#ifndef SHMQ_FARM_SUBMITTER_H
#define SHMQ_FARM_SUBMITTER_H

#include "farm.h"

/* Under the mutex. Does nothing if it is there. */
int submitter_open(struct shmq_farm *farm);
void submitter_close(struct shmq_farm *farm);

#endif
