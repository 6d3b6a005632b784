/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a record file from its beginning to its end.
 *
 * A drain that was killed leaves a file that ends within a record, or has a hole (zeros, where a
 * write never came to pass though a later one did). That is a torn tail, and harmless: what it was
 * to hold is still in the queue. Anything else that is not as it was written is damage; and so is
 * whatever stands before an offset that a later mark says was on disk.
 */
#ifndef SHMQ_TOOLS_RECORD_READER_H
#define SHMQ_TOOLS_RECORD_READER_H

#include "format.h"

enum reading {
  READ_RECORD,
  READ_END,     /* nothing follows */
  READ_TORN,    /* what follows, from .offset on, is a torn tail */
  READ_DAMAGED, /* what stands at .offset is not what was written */
  READ_FAILED,  /* errno says why */
};

struct reader {
  int fd;
  uint64_t size;   /* of the file, when it was opened */
  uint64_t offset; /* of the record that comes next */
  struct record_header header;
  uint8_t *window; /* a part of the file */
  uint64_t window_offset;
  size_t window_size, window_room;
};

/* Reads the header. Returns NULL, or why not. fd is only borrowed. reader_close() in any case. */
const char *reader_open(struct reader *reader, int fd);
void reader_close(struct reader *reader);

/* Back to the first record. */
void reader_rewind(struct reader *reader);

/* data: that of the record, until the next call. */
enum reading reader_next(struct reader *reader, struct record *record, const void **data);

#endif
