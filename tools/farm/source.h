/* SPDX-License-Identifier: Apache-2.0 */
/* Output of a command: bytes in a file or in memory. And where it is written to, line by line. */
#ifndef SHMQ_TOOLS_FARM_SOURCE_H
#define SHMQ_TOOLS_FARM_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source {
  const char *data; /* NULL: in the file */
  int fd;
  int64_t offset;
  size_t size;
};

/* Reads up to size bytes from a place in the source. Returns how many; 0: it ends there, or can not
   be read. */
size_t source_read(const struct source *source, size_t at, char *buffer, size_t size);

/* Its last bytes, size at most: where they begin. */
static inline size_t source_tail(const struct source *source, size_t size) {
  return source->size > size ? source->size - size : 0;
}

struct sink {
  int fd;
  int error; /* errno of the first failure */
  uint64_t written;
};

/* What stands before each line. */
struct tag {
  const char *text; /* NULL: nothing */
  size_t size;
};

/* Copies a source. With a tag, its last line ends with a newline. */
void copy(struct sink *sink, const struct source *source, const struct tag *tag);

#endif
