/* SPDX-License-Identifier: Apache-2.0 */
/* The file that a queue is drained to: made anew, or gone on with. */
#ifndef SHMQ_TOOLS_RECORD_OUTPUT_H
#define SHMQ_TOOLS_RECORD_OUTPUT_H

#include <sys/types.h>

#include "format.h"
#include "ids.h"

struct output {
  const char *path;
  int fd;
  uint64_t seed;
  uint64_t size;
  struct ids ids; /* of the items in it */
  bool ended;     /* nothing stands behind its last end */
};

/*
 * Opens the file, locks it, and makes it durable as it is. A torn tail is cut off. .seed of the
 * header is chosen here. Returns an exit status; output_close() if that is STATUS_DONE.
 */
int output_open(struct output *output, const char *path, const struct record_header *header,
                mode_t mode);
void output_close(struct output *output);

/* Says what went wrong with the file; returns the exit status. */
int output_failed(const struct output *output, int error);

#endif
