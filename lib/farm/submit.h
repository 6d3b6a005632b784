/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHMQ_FARM_SUBMIT_H
#define SHMQ_FARM_SUBMIT_H

#include "collect.h"

/* shmq_farm_submit() with a ticket; claimed: next() is not to fetch it. */
int submit_claimed(struct shmq_farm *farm, const char *task, const struct iovec *argument,
                   bool claimed, shmq_farm_ticket *ticket, const struct deadline *deadline);

#endif
