/* SPDX-License-Identifier: Apache-2.0 */
/* A task and its run, from the arguments to the output. */
#ifndef SHMQ_TOOLS_FARM_EXECUTE_H
#define SHMQ_TOOLS_FARM_EXECUTE_H

#include "worker.h"

/* Runs the command on the items and settles them. */
void execute(struct worker *worker, const struct task *task);

#endif
