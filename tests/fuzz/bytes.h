/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzzer's input, read from its beginning to its end; what is missing is 0. */
#ifndef BYTES_H
#define BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What libFuzzer, AFL++ and feed.c call. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
  const uint8_t *next, *end;
};

static inline struct bytes bytes_of(const uint8_t *data, size_t size) {
  return (struct bytes){data, data + size};
}

static inline size_t bytes_left(const struct bytes *bytes) {
  return (size_t)(bytes->end - bytes->next);
}

static inline void bytes_read(struct bytes *bytes, void *to, size_t size) {
  size_t n = size < bytes_left(bytes) ? size : bytes_left(bytes);
  memset(to, 0, size);
  if (n > 0) memcpy(to, bytes->next, n);
  bytes->next += n;
}

static inline uint8_t bytes_byte(struct bytes *bytes) {
  uint8_t byte;
  bytes_read(bytes, &byte, sizeof byte);
  return byte;
}

static inline uint64_t bytes_word(struct bytes *bytes) {
  uint64_t word;
  bytes_read(bytes, &word, sizeof word);
  return word;
}

#endif
