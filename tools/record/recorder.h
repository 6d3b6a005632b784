/* SPDX-License-Identifier: Apache-2.0 */
/* From a queue to a file: an item leaves the queue when it is on disk. */
#ifndef SHMQ_TOOLS_RECORD_RECORDER_H
#define SHMQ_TOOLS_RECORD_RECORDER_H

#include <shmq.h>
#include <stdbool.h>
#include <stdint.h>

struct recording {
  const char *name, *path;
  bool follow;      /* go on until the queue is shut down, or a signal */
  uint64_t written; /* items that left the queue */
};

/* Returns an exit status. */
int record_queue(struct recording *recording);

#endif
