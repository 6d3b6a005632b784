/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file for shmq load. The first byte says whether the bytes are the file, or what it is built of
 * with the checksums that chance would not find: records, holes, bytes, and an end cut off.
 */
#include "record/reader.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"

#define FILE_MAX (1u << 16)

struct built {
  uint8_t bytes[FILE_MAX];
  size_t size;
  uint64_t seed;
};

static uint8_t *room_for(struct built *file, size_t size) {
  if (FILE_MAX - file->size < size) return NULL;
  uint8_t *room = file->bytes + file->size;
  memset(room, 0, size);
  file->size += size;
  return room;
}

static void add_header(struct built *file, struct bytes *bytes) {
  struct record_header header = {.seed = bytes_byte(bytes), .item_max = bytes_byte(bytes)};
  bytes_read(bytes, header.name, bytes_byte(bytes) % sizeof header.name);
  file->seed = header.seed;
  record_header_encode(room_for(file, RECORD_HEADER_SIZE), &header);
}

static void add_record(struct built *file, struct bytes *bytes, enum record_kind kind) {
  struct record record = {.kind = kind, .number = bytes_byte(bytes)};
  if (kind == RECORD_ITEM) record.size = bytes_byte(bytes);
  uint64_t offset = file->size;
  uint8_t *room = room_for(file, record_length(&record));
  if (!room) return;
  bytes_read(bytes, room + RECORD_HEAD_SIZE, record.size);
  record.data_checksum = record_checksum(room + RECORD_HEAD_SIZE, record.size);
  if (bytes_byte(bytes) & 1) record.number = record.number << 8 | bytes_byte(bytes);
  if (bytes_byte(bytes) & 1) record.size = (uint32_t)bytes_word(bytes); /* not what follows */
  record_head_encode(room, &record, file->seed, offset);
}

static void add_bytes(struct built *file, struct bytes *bytes) {
  size_t size = bytes_byte(bytes);
  uint8_t *room = room_for(file, size);
  if (room) bytes_read(bytes, room, size);
}

static void change_byte(struct built *file, struct bytes *bytes) {
  size_t offset = bytes_byte(bytes) << 8 | bytes_byte(bytes);
  file->bytes[offset % file->size] ^= bytes_byte(bytes);
}

static void cut(struct built *file, struct bytes *bytes) {
  file->size -= bytes_byte(bytes) % file->size;
}

static void add_part(struct built *file, struct bytes *bytes) {
  switch (bytes_byte(bytes) % 7) {
    case 0:
      add_record(file, bytes, RECORD_MARK);
      break;
    case 1:
      add_record(file, bytes, RECORD_END);
      break;
    case 2:
      room_for(file, bytes_byte(bytes) * 8u);
      break;
    case 3:
      add_bytes(file, bytes);
      break;
    case 4:
      change_byte(file, bytes);
      break;
    case 5:
      cut(file, bytes);
      break;
    default:
      add_record(file, bytes, RECORD_ITEM);
      break;
  }
}

static void build(struct built *file, struct bytes *bytes) {
  add_header(file, bytes);
  while (bytes_left(bytes) > 0)
    add_part(file, bytes);
}

/* To its end. Returns why it ended; what is read lies in the file. */
static enum reading read_all(struct reader *reader, uint64_t *items) {
  struct record record;
  const void *data;
  enum reading reading;
  for (*items = 0; (reading = reader_next(reader, &record, &data)) == READ_RECORD; ++*items) {
    if (record.size > reader->size || reader->offset > reader->size) abort();
    record_checksum(data, record.size);
  }
  return reading;
}

static void read_twice(int fd) {
  struct reader reader;
  uint64_t first, second;
  if (reader_open(&reader, fd) == NULL) {
    enum reading reading = read_all(&reader, &first);
    reader_rewind(&reader);
    if (read_all(&reader, &second) != reading || first != second || reading == READ_FAILED) abort();
  }
  reader_close(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct built file;
  struct bytes bytes = bytes_of(data, size);
  file.size = 0;
  if (bytes_byte(&bytes) & 1)
    build(&file, &bytes);
  else
    add_bytes(&file, &bytes);
  int fd = memfd_create("record", MFD_CLOEXEC);
  if (fd < 0 || write(fd, file.bytes, file.size) != (ssize_t)file.size) abort();
  read_twice(fd);
  close(fd);
  return 0;
}
