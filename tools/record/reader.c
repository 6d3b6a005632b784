/* SPDX-License-Identifier: Apache-2.0 */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 1 << 20, SECTOR = 512 };

/* ---- The file, through a window -----------------------------------------------------------------
 */

static bool widen(struct reader *reader, size_t size) {
  if (size <= reader->window_room) return true;
  uint8_t *window = realloc(reader->window, size);
  if (!window) return false;
  reader->window = window;
  reader->window_room = size;
  return true;
}

static bool fill(struct reader *reader, uint64_t offset) {
  reader->window_offset = offset;
  reader->window_size = 0;
  while (reader->window_size < reader->window_room) {
    ssize_t n =
        pread(reader->fd, reader->window + reader->window_size,
              reader->window_room - reader->window_size, (off_t)(offset + reader->window_size));
    if (n < 0) return false;
    if (n == 0) break;
    reader->window_size += (size_t)n;
  }
  return true;
}

static bool in_window(const struct reader *reader, uint64_t offset, size_t size) {
  return offset >= reader->window_offset && offset - reader->window_offset <= reader->window_size &&
         size <= reader->window_size - (offset - reader->window_offset);
}

/* Bytes that lie within the file's size. NULL: they cannot be had, errno says why. */
static const uint8_t *look(struct reader *reader, uint64_t offset, size_t size) {
  if (!in_window(reader, offset, size)) {
    if (!widen(reader, size > WINDOW ? size : WINDOW) || !fill(reader, offset)) return NULL;
    errno = EIO; /* somebody made the file shorter */
    if (!in_window(reader, offset, size)) return NULL;
  }
  return reader->window + (offset - reader->window_offset);
}

/* ---- Torn or damaged ----------------------------------------------------------------------------
 */

/* Does a later mark say that what stands at the offset was on disk? */
static enum reading torn_unless_vouched(struct reader *reader, uint64_t offset) {
  struct record mark;
  for (uint64_t at = offset; at + RECORD_HEAD_SIZE <= reader->size; at += 8) {
    const uint8_t *bytes = look(reader, at, RECORD_HEAD_SIZE);
    if (!bytes) return READ_FAILED;
    if (record_head_decode(&mark, bytes, reader->header.seed, at) && mark.kind != RECORD_ITEM &&
        mark.number > offset)
      return READ_DAMAGED;
  }
  return READ_TORN;
}

static bool all_zero(const uint8_t *bytes, size_t size) {
  return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

/* Is a sector, or what these bytes have of it, empty? */
static bool has_hole(const uint8_t *bytes, uint64_t offset, uint64_t size) {
  for (uint64_t at = 0, part; at < size; at += part) {
    part = SECTOR - (offset + at) % SECTOR;
    if (part > size - at) part = size - at;
    if (all_zero(bytes + at, part)) return true;
  }
  return false;
}

static enum reading torn_if_hole(struct reader *reader, const uint8_t *bytes, uint64_t size) {
  if (!has_hole(bytes, reader->offset, size)) return READ_DAMAGED;
  return torn_unless_vouched(reader, reader->offset);
}

/* ---- Records ------------------------------------------------------------------------------------
 */

static enum reading read_head(struct reader *reader, struct record *record) {
  uint64_t left = reader->size - reader->offset;
  if (left == 0) return READ_END;
  if (left < RECORD_HEAD_SIZE) return READ_TORN;
  const uint8_t *bytes = look(reader, reader->offset, RECORD_HEAD_SIZE);
  if (!bytes) return READ_FAILED;
  if (!record_head_decode(record, bytes, reader->header.seed, reader->offset))
    return torn_if_hole(reader, bytes, RECORD_HEAD_SIZE);
  if (record->kind == RECORD_ITEM ? record->size > reader->header.item_max : record->size > 0)
    return READ_DAMAGED;
  return record_length(record) > left ? torn_unless_vouched(reader, reader->offset) : READ_RECORD;
}

static bool is_whole(const struct record *record, const uint8_t *data, size_t padded) {
  if (record_checksum(data, record->size) != record->data_checksum) return false;
  return padded == record->size || all_zero(data + record->size, padded - record->size);
}

enum reading reader_next(struct reader *reader, struct record *record, const void **data) {
  enum reading reading = read_head(reader, record);
  if (reading != READ_RECORD) return reading;
  size_t length = record_length(record);
  const uint8_t *bytes = look(reader, reader->offset, length);
  if (!bytes) return READ_FAILED;
  if (!is_whole(record, bytes + RECORD_HEAD_SIZE, length - RECORD_HEAD_SIZE))
    return torn_if_hole(reader, bytes, length);
  *data = bytes + RECORD_HEAD_SIZE;
  reader->offset += length;
  return READ_RECORD;
}

const char *reader_open(struct reader *reader, int fd) {
  struct stat st;
  *reader = (struct reader){.fd = fd};
  if (fstat(fd, &st) < 0) return strerror(errno);
  if (!S_ISREG(st.st_mode)) return "not a regular file";
  reader->size = (uint64_t)st.st_size;
  reader_rewind(reader);
  if (!widen(reader, WINDOW) || !fill(reader, 0)) return strerror(errno);
  return record_header_decode(&reader->header, reader->window, reader->window_size);
}

void reader_rewind(struct reader *reader) {
  reader->offset = RECORD_HEADER_SIZE;
}

void reader_close(struct reader *reader) {
  free(reader->window);
}
