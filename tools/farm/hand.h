/* SPDX-License-Identifier: Apache-2.0 */
/* The items that a worker holds without working on them: they failed and wait to be tried again, or
   are finished and wait to be printed. */
#ifndef SHMQ_TOOLS_FARM_HAND_H
#define SHMQ_TOOLS_FARM_HAND_H

#include "worker.h"

bool hand_has_room(const struct worker *worker);

/* due: as in struct held. */
void hand_hold(struct worker *worker, const struct shmq_lease *lease, shmq_ns due);

/* Gives back what is due, finishes what is printed, renews the leases. */
void hand_tend(struct worker *worker);

/* When there will be something to tend. */
shmq_ns hand_next(const struct worker *worker);

/* Gives back what waits to be tried again, due or not. */
void hand_give_back(struct worker *worker);

/* The queue's max_attempts allow no other delivery: given back, it would go to NAME.dead. */
bool item_is_last(const struct worker *worker, const struct shmq_lease *lease);

/* For items in hand, and those worked on: finish one; give one back. */
void item_done(struct worker *worker, const struct shmq_lease *lease);
void item_back(struct worker *worker, const struct shmq_lease *lease);

#endif
