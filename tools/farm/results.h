/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --results: an object for each run that is over, done well or given up.
 *
 *   {"id":7,"attempt":1,"worker":4711,"item":"the bytes","exit":0,"signal":null,"seconds":0.25,
 *    "output":"what it printed"}
 */
#ifndef SHMQ_TOOLS_FARM_RESULTS_H
#define SHMQ_TOOLS_FARM_RESULTS_H

#include "settle.h"

/* Waits for room. */
void report_result(struct worker *worker, const struct task *task, const struct run *run,
                   const struct outputs *outputs);

#endif
