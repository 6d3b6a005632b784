/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a record file: a header, then records. docs/record-file.md has the tables. Numbers
 * are little-endian, and everything begins at a multiple of 8.
 *
 * Decoding works on memory, and believes nothing that a checksum does not cover.
 */
#ifndef SHMQ_TOOLS_RECORD_FORMAT_H
#define SHMQ_TOOLS_RECORD_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  RECORD_VERSION = 1,
  RECORD_HEADER_SIZE = 320,
  RECORD_HEAD_SIZE = 24,
  RECORD_NAME_SIZE = 208, /* a queue's name, with its NUL */
};

/* Which queue it was: no two, in one place or one after the other, have the same. */
struct origin {
  uint8_t boot[16]; /* the kernel's boot_id */
  uint64_t device, inode;
  uint64_t born; /* nanoseconds since 1970; 0: the file system does not say */
};

struct record_header {
  uint64_t seed;    /* drawn for this file; every record's checksum begins with it */
  uint64_t created; /* nanoseconds since 1970 */
  struct origin origin;
  uint64_t capacity, maxsize, item_max;
  uint32_t max_leases, max_attempts;
  uint64_t lease_timeout;
  char name[RECORD_NAME_SIZE];
};

enum record_kind {
  RECORD_ITEM = 0x6d657469, /* "item" */
  RECORD_MARK = 0x6b72616d, /* "mark": what stands before .number was on disk */
  RECORD_END = 0x20646e65,  /* "end ": the same, and a drain ended here */
};

struct record {
  enum record_kind kind;
  uint32_t size;   /* of the data that follows the head */
  uint64_t number; /* the item's id, or an offset */
  uint32_t data_checksum;
};

/* Everything that a record takes up, its padding included. */
static inline uint64_t record_length(const struct record *record) {
  return RECORD_HEAD_SIZE + (((uint64_t)record->size + 7) & ~UINT64_C(7));
}

uint32_t record_checksum(const void *data, size_t size);

void record_header_encode(uint8_t bytes[RECORD_HEADER_SIZE], const struct record_header *header);
/* Returns NULL, or what is wrong. */
const char *record_header_decode(struct record_header *header, const uint8_t *bytes, size_t size);

void record_head_encode(uint8_t bytes[RECORD_HEAD_SIZE], const struct record *record, uint64_t seed,
                        uint64_t offset);
/* False: no head of this file, or not one that belongs at this offset. */
bool record_head_decode(struct record *record, const uint8_t bytes[RECORD_HEAD_SIZE], uint64_t seed,
                        uint64_t offset);

#endif
