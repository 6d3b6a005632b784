/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items that are given up, on their way to NAME.dead: each in a JSON object that says why.
 *
 *   {"item":"the bytes","queue":"tasks","id":7,"reason":"exit status 3","exit":3,"signal":null,
 *    "attempts":4,"stderr":"its last lines"}
 *
 * Bytes that are no text stand in "item_base64".
 */
#ifndef SHMQ_TOOLS_FARM_DEAD_H
#define SHMQ_TOOLS_FARM_DEAD_H

#include "source.h"
#include "worker.h"

#define REASON_MAX 192

struct letter {
  const struct shmq_lease *item;
  char reason[REASON_MAX];
  const int *status; /* as of waitpid(2); NULL: it was not run */
  uint32_t attempts;
  struct source err;
};

/* Puts it there; waits for room. The item itself is still to be finished. */
void dead_put(struct worker *worker, const struct letter *letter);

#endif
