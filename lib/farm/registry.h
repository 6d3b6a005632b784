/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that this process can run, by name. */
#ifndef SHMQ_FARM_REGISTRY_H
#define SHMQ_FARM_REGISTRY_H

#include "farm.h"

bool task_name_is_valid(const char *name);

/* NULL: there is none of this name. */
shmq_farm_task *registry_find(const struct shmq_farm *farm, const char *name);

#endif
