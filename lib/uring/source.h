/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rings the bell of a descriptor when a word of shared memory has moved on. There are two
 * kinds: a ring (an io_uring that waits on the futex) and, where there is none to be had, a watch
 * (a thread that does).
 */
#ifndef SHMQ_URING_SOURCE_H
#define SHMQ_URING_SOURCE_H

#include <liburing.h>
#include <stdbool.h>

#include "shmq.h"

struct watcher;

struct source {
  const struct source_kind *kind;
  int bell; /* an eventfd; the user's descriptor is readable while this one is */
  union {
    struct io_uring ring;
    struct {
      struct watcher *watcher;
      struct shmq_futex futex;
      bool armed;
    } watch;
  };
};

/* Results are 0 or a negative errno. */
struct source_kind {
  /* -ENOSYS: there is none of this kind here. */
  int (*open)(struct source *source);
  /* Ring the bell once, as soon as the word is not what was seen. */
  int (*arm)(struct source *source, const struct shmq_futex *futex);
  void (*close)(struct source *source);
  /* In the child of a fork: let go of what was inherited. */
  void (*forget)(struct source *source);
};

extern const struct source_kind ring_kind, watch_kind;

/* Open a source of the best kind there is. */
int source_open(struct source *source);
void source_close(struct source *source);
void source_forget(struct source *source);

void bell_ring(const struct source *source);
/* Did it ring since? */
bool bell_silence(const struct source *source);

/* Held while the process forks. */
void watchers_lock(void);
void watchers_unlock(void);

#endif
