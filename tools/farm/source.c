/* SPDX-License-Identifier: Apache-2.0 */
#include "source.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

size_t source_read(const struct source *source, size_t at, char *buffer, size_t size) {
  if (at >= source->size) return 0;
  if (size > source->size - at) size = source->size - at;
  if (!source->data) {
    ssize_t n = pread(source->fd, buffer, size, source->offset + (int64_t)at);
    return n > 0 ? (size_t)n : 0;
  }
  memcpy(buffer, source->data + at, size);
  return size;
}

/* A descriptor that somebody else made non-blocking is waited for. */
static bool may_go_on(const struct sink *sink) {
  struct pollfd room = {sink->fd, POLLOUT, 0};
  return errno == EINTR || (errno == EAGAIN && poll(&room, 1, -1) >= 0);
}

static void put(struct sink *sink, const char *bytes, size_t size) {
  while (size > 0 && !sink->error) {
    ssize_t n = write(sink->fd, bytes, size);
    if (n < 0) {
      sink->error = may_go_on(sink) ? 0 : errno;
      continue;
    }
    bytes += n;
    size -= (size_t)n;
    sink->written += (uint64_t)n;
  }
}

/* Lines for a sink, gathered. */
struct lines {
  struct sink *sink;
  const struct tag *tag;
  bool within; /* a line */
  size_t used;
  char gathered[1 << 16];
};

static void flush(struct lines *lines) {
  put(lines->sink, lines->gathered, lines->used);
  lines->used = 0;
}

static void gather(struct lines *lines, const char *bytes, size_t size) {
  if (size > sizeof lines->gathered - lines->used) flush(lines);
  if (size > sizeof lines->gathered) {
    put(lines->sink, bytes, size);
    return;
  }
  memcpy(lines->gathered + lines->used, bytes, size);
  lines->used += size;
}

static void gather_lines(struct lines *lines, const char *bytes, size_t size) {
  while (size > 0) {
    const char *newline = memchr(bytes, '\n', size);
    size_t part = newline ? (size_t)(newline - bytes) + 1 : size;
    if (!lines->within) gather(lines, lines->tag->text, lines->tag->size);
    gather(lines, bytes, part);
    lines->within = !newline;
    bytes += part;
    size -= part;
  }
}

static void copy_tagged(struct sink *sink, const struct source *source, const struct tag *tag) {
  static struct lines lines;
  char buffer[1 << 14];
  lines.sink = sink;
  lines.tag = tag;
  lines.within = false;
  for (size_t at = 0, n; (n = source_read(source, at, buffer, sizeof buffer)) > 0; at += n)
    gather_lines(&lines, buffer, n);
  if (lines.within) gather(&lines, "\n", 1);
  flush(&lines);
}

static void copy_plain(struct sink *sink, const struct source *source) {
  char buffer[1 << 16];
  if (source->data) {
    put(sink, source->data, source->size);
    return;
  }
  for (size_t at = 0, n; (n = source_read(source, at, buffer, sizeof buffer)) > 0; at += n)
    put(sink, buffer, n);
}

void copy(struct sink *sink, const struct source *source, const struct tag *tag) {
  if (source->size == 0) return;
  if (tag && tag->text)
    copy_tagged(sink, source, tag);
  else
    copy_plain(sink, source);
}
