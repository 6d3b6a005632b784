/* SPDX-License-Identifier: Apache-2.0 */
#include "uring/source.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

void bell_ring(const struct source *source) {
  eventfd_write(source->bell, 1);
}

bool bell_silence(const struct source *source) {
  eventfd_t count;
  return eventfd_read(source->bell, &count) == 0;
}

static int open_as(struct source *source, const struct source_kind *kind) {
  source->kind = kind;
  return kind->open(source);
}

int source_open(struct source *source) {
  source->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (source->bell < 0) return -errno;
  int r = open_as(source, &ring_kind);
  if (r == -ENOSYS) r = open_as(source, &watch_kind);
  if (r != 0) close(source->bell);
  return r;
}

void source_close(struct source *source) {
  source->kind->close(source);
  close(source->bell);
}

void source_forget(struct source *source) {
  source->kind->forget(source);
  close(source->bell);
}
