/* SPDX-License-Identifier: Apache-2.0 */
/* --joblog: a line for each run, in the columns of GNU parallel's. */
#ifndef SHMQ_TOOLS_FARM_JOBLOG_H
#define SHMQ_TOOLS_FARM_JOBLOG_H

#include "run.h"
#include "worker.h"

/* Opens it, and begins it where it is new. Returns a descriptor, or -1 and errno. */
int joblog_open(const char *path);

void joblog_write(const struct farm *farm, const struct task *task, const struct run *run,
                  size_t received);

#endif
