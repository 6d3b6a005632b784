/* SPDX-License-Identifier: Apache-2.0 */
#include "format.h"

#include <assert.h>
#include <endian.h>
#include <string.h>
#include <zlib.h>

#define MAGIC "SHMQREC\n"

struct header_bytes {
  char magic[8];
  uint32_t version;
  uint32_t checksum; /* of the header, with this word as 0 */
  uint64_t seed, created;
  uint8_t boot[16];
  uint64_t device, inode, born;
  uint64_t capacity, maxsize, item_max;
  uint32_t max_leases, max_attempts;
  uint64_t lease_timeout;
  char name[RECORD_NAME_SIZE];
};

struct head_bytes {
  uint32_t kind, size;
  uint64_t number;
  uint32_t data_checksum, head_checksum;
};

static_assert(sizeof(struct header_bytes) == RECORD_HEADER_SIZE, "the header has no padding");
static_assert(offsetof(struct header_bytes, boot) == 32, "docs/record-file.md");
static_assert(offsetof(struct header_bytes, capacity) == 72, "docs/record-file.md");
static_assert(offsetof(struct header_bytes, name) == 112, "docs/record-file.md");
static_assert(sizeof(struct head_bytes) == RECORD_HEAD_SIZE, "a record's head has no padding");

uint32_t record_checksum(const void *data, size_t size) {
  return (uint32_t)crc32_z(0, data, size);
}

/* ---- The header ---------------------------------------------------------------------------------
 */

static uint32_t header_checksum(const struct header_bytes *header) {
  struct header_bytes copy = *header;
  copy.checksum = 0;
  return record_checksum(&copy, sizeof copy);
}

void record_header_encode(uint8_t bytes[RECORD_HEADER_SIZE], const struct record_header *header) {
  struct header_bytes raw = {
      .version = htole32(RECORD_VERSION),
      .seed = htole64(header->seed),
      .created = htole64(header->created),
      .device = htole64(header->origin.device),
      .inode = htole64(header->origin.inode),
      .born = htole64(header->origin.born),
      .capacity = htole64(header->capacity),
      .maxsize = htole64(header->maxsize),
      .item_max = htole64(header->item_max),
      .max_leases = htole32(header->max_leases),
      .max_attempts = htole32(header->max_attempts),
      .lease_timeout = htole64(header->lease_timeout),
  };
  memcpy(raw.magic, MAGIC, sizeof raw.magic);
  memcpy(raw.boot, header->origin.boot, sizeof raw.boot);
  memcpy(raw.name, header->name, sizeof raw.name);
  raw.checksum = htole32(header_checksum(&raw));
  memcpy(bytes, &raw, sizeof raw);
}

static void header_from(struct record_header *header, const struct header_bytes *raw) {
  *header = (struct record_header){
      .seed = le64toh(raw->seed),
      .created = le64toh(raw->created),
      .origin = {.device = le64toh(raw->device),
                 .inode = le64toh(raw->inode),
                 .born = le64toh(raw->born)},
      .capacity = le64toh(raw->capacity),
      .maxsize = le64toh(raw->maxsize),
      .item_max = le64toh(raw->item_max),
      .max_leases = le32toh(raw->max_leases),
      .max_attempts = le32toh(raw->max_attempts),
      .lease_timeout = le64toh(raw->lease_timeout),
  };
  memcpy(header->origin.boot, raw->boot, sizeof raw->boot);
  memcpy(header->name, raw->name, sizeof raw->name - 1);
}

const char *record_header_decode(struct record_header *header, const uint8_t *bytes, size_t size) {
  struct header_bytes raw = {0};
  memcpy(&raw, bytes, size < sizeof raw ? size : sizeof raw);
  if (memcmp(raw.magic, MAGIC, sizeof raw.magic) != 0) return "not a file that drain -o wrote";
  if (size < sizeof raw || le32toh(raw.checksum) != header_checksum(&raw))
    return "damaged at offset 0: its header is not what was written";
  if (le32toh(raw.version) != RECORD_VERSION) return "written by another version of shmq";
  header_from(header, &raw);
  return NULL;
}

/* ---- Records ------------------------------------------------------------------------------------
 */

/* A head that stands elsewhere, or comes from another file, has another checksum. */
static uint32_t head_checksum(const struct head_bytes *head, uint64_t seed, uint64_t offset) {
  struct {
    uint64_t seed, offset;
    struct head_bytes head;
  } all = {htole64(seed), htole64(offset), *head};
  all.head.head_checksum = 0;
  return record_checksum(&all, sizeof all);
}

void record_head_encode(uint8_t bytes[RECORD_HEAD_SIZE], const struct record *record, uint64_t seed,
                        uint64_t offset) {
  struct head_bytes head = {.kind = htole32(record->kind),
                            .size = htole32(record->size),
                            .number = htole64(record->number),
                            .data_checksum = htole32(record->data_checksum)};
  head.head_checksum = htole32(head_checksum(&head, seed, offset));
  memcpy(bytes, &head, sizeof head);
}

static bool is_kind(uint32_t kind) {
  return kind == RECORD_ITEM || kind == RECORD_MARK || kind == RECORD_END;
}

bool record_head_decode(struct record *record, const uint8_t bytes[RECORD_HEAD_SIZE], uint64_t seed,
                        uint64_t offset) {
  struct head_bytes head;
  memcpy(&head, bytes, sizeof head);
  if (!is_kind(le32toh(head.kind))) return false;
  if (le32toh(head.head_checksum) != head_checksum(&head, seed, offset)) return false;
  *record = (struct record){
      .kind = le32toh(head.kind),
      .size = le32toh(head.size),
      .number = le64toh(head.number),
      .data_checksum = le32toh(head.data_checksum),
  };
  return true;
}
