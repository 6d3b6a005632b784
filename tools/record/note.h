/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a load has come, in a file beside the one that is loaded: FILE.NAME.loading. It is made
 * before the first put, counts each item after its put, and is gone after the last.
 *
 * It is not made durable: what ends this machine ends the queue, too, and then the note is of a
 * queue that is no more.
 */
#ifndef SHMQ_TOOLS_RECORD_NOTE_H
#define SHMQ_TOOLS_RECORD_NOTE_H

#include <assert.h>
#include <stdatomic.h>

#include "format.h"

struct note_bytes {
  char magic[8];
  uint64_t seed;          /* of the file that is loaded */
  struct origin origin;   /* of the queue */
  _Atomic uint64_t count; /* items that were put */
};

static_assert(sizeof(struct note_bytes) == 64, "docs/record-file.md");

struct note {
  char *path;
  int fd;
  struct note_bytes *bytes; /* mapped */
};

/* Makes the note, or opens the one an earlier load left. Returns an exit status; note_close() if
   that is STATUS_DONE. */
int note_open(struct note *note, const char *file, const char *queue, uint64_t seed,
              const struct origin *origin);
void note_close(struct note *note);

/* The load is complete. */
void note_remove(const struct note *note);

static inline uint64_t note_count(const struct note *note) {
  return atomic_load_explicit(&note->bytes->count, memory_order_relaxed);
}

/* Killed before this, the item is put once more by the load that goes on. */
static inline void note_put(const struct note *note, uint64_t count) {
  atomic_store_explicit(&note->bytes->count, count, memory_order_release);
}

#endif
