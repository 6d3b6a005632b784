/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the items of a run that has ended. */
#ifndef SHMQ_TOOLS_FARM_SETTLE_H
#define SHMQ_TOOLS_FARM_SETTLE_H

#include "run.h"
#include "source.h"
#include "worker.h"

struct outputs {
  struct source out, err;
};

/*
 * A run that did well finishes its items. One that failed is tried again later, each of its items
 * by itself; after its last try the items go to NAME.dead. Whatever becomes of them is reported
 * first (results, output, job log) and then done: killed in between, it is done once more, never
 * lost.
 */
void settle(struct worker *worker, const struct task *task, const struct run *run,
            const struct outputs *outputs);

/* An item of which too many workers have died goes to NAME.dead without a run. False: it is none.
 */
bool settle_poison(struct worker *worker, const struct shmq_lease *item);

#endif
