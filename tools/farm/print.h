/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands printed goes to the farm's output, that of each run in one piece. */
#ifndef SHMQ_TOOLS_FARM_PRINT_H
#define SHMQ_TOOLS_FARM_PRINT_H

#include "../meter.h"
#include "settle.h"

void print(struct worker *worker, const struct task *task, const struct outputs *outputs);

/* Keeps it until its turn has come: print_turns(). */
void print_later(struct worker *worker, const struct task *task, const struct outputs *outputs);

/* Prints all that is kept and whose turn has come. */
void print_turns(struct worker *worker);

#endif
