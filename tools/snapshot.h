/* SPDX-License-Identifier: Apache-2.0 */
/* One look at a queue, taken without disturbing it. */
#ifndef SHMQ_TOOLS_SNAPSHOT_H
#define SHMQ_TOOLS_SNAPSHOT_H

#include <shmq.h>
#include <sys/types.h>

/* A queue to look at again and again: it stays open as long as it is the one that has the name.
   Begin with the name alone. */
struct view {
  const char *name; /* the caller's */
  shmq *queue;      /* NULL: not open */
  dev_t device;
  ino_t inode;
};

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

/* Both return the error; the view is closed then. */
int snapshot_take(struct snapshot *snapshot, const char *name);
int view_take(struct view *view, struct snapshot *snapshot);
void snapshot_free(struct snapshot *snapshot);
void view_close(struct view *view);

/* Where shm_open(3) keeps its objects, and what a queue's begins with. */
#define QUEUE_DIRECTORY "/dev/shm"
#define QUEUE_PREFIX    "shmq."

/* Text from the segment or the file system made fit for a terminal: printable ASCII, other bytes
   become '?'. Changes it in place and returns it. */
char *make_printable(char *text);

#endif
