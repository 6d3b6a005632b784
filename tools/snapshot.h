/* SPDX-License-Identifier: Apache-2.0 */
/* One look at a queue, taken without disturbing it. */
#ifndef SHMQ_TOOLS_SNAPSHOT_H
#define SHMQ_TOOLS_SNAPSHOT_H

#include <shmq.h>

struct snapshot {
  const char *name; /* the caller's */
  int error;        /* of the library's; not 0: nothing of what follows is there */
  struct shmq_stats stats;
  uint64_t free; /* bytes of the ring */
  struct {
    double put, got, done;
  } rates; /* a second; negative: unknown */
  struct shmq_process *processes;
  size_t process_count;
  struct shmq_thread *threads;
  size_t thread_count;
};

/* Returns the error. */
int snapshot_take(struct snapshot *snapshot, const char *name);
void snapshot_free(struct snapshot *snapshot);

/* Text from the segment or the file system made fit for a terminal: printable ASCII, other bytes
   become '?'. Changes it in place and returns it. */
char *make_printable(char *text);

#endif
