/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --coprocess: a command that reads items and answers each, started once.
 *
 * Items go out a batch at a time, and the next when all are answered. A batch is as large as keeps
 * it to some milliseconds: so what is quick is not slowed down by waking and sleeping, and what is
 * slow does not keep items from other workers.
 */
#ifndef SHMQ_TOOLS_FARM_COPROCESS_H
#define SHMQ_TOOLS_FARM_COPROCESS_H

#include "worker.h"

/* How many items to take for the next batch. */
size_t coprocess_wants(const struct worker *worker);

/* Works on the items and settles them all. */
void coprocess_work(struct worker *worker, struct shmq_lease *items, size_t count);

/* Has it end: its standard input ends, and if that is not enough it is killed. May be called from a
   signal handler. */
void coprocess_end(struct worker *worker);

/* Returns false: out of memory. */
bool coprocess_prepare(struct worker *worker);

#endif
