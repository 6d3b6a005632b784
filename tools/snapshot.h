/* SPDX-License-Identifier: Apache-2.0 */
/* One look at a queue, taken without disturbing it. */
#ifndef SHMQ_TOOLS_SNAPSHOT_H
#define SHMQ_TOOLS_SNAPSHOT_H

#include <jansson.h>
#include <shmq.h>

struct snapshot {
  const char *name; /* the caller's */
  struct shmq_stats stats;
  struct shmq_process *processes;
  size_t process_count;
};

/* Returns 0, or the library's error; then there is nothing to free. */
int snapshot_take(struct snapshot *snapshot, const char *name);
void snapshot_free(struct snapshot *snapshot);

/* The object that stat and ls print. NULL: out of memory. */
json_t *snapshot_to_json(const struct snapshot *snapshot);

/* Text from the segment or the file system made fit for a terminal: printable ASCII, other bytes
   become '?'. Changes it in place and returns it. */
char *make_printable(char *text);

#endif
