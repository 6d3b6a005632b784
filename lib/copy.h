/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying items. A call of memcpy costs more than the copy of a small item: it saves registers,
 * and every store between two items delays the one that hands the item over.
 */
#ifndef SHMQ_COPY_H
#define SHMQ_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "atomic.h"

#define SMALL_ITEM 128 /* bytes */

/* In pieces of this size memcpy moves vectors. Larger ones it may leave to the processor's string
   instructions, which are slow where the target is not on a line's boundary, as no item is. */
#define COPY_PIECE 256

typedef void copy_fn(void *to, const void *from, size_t n);

/* Two blocks that may overlap cover what is not a multiple of them. */
#define COPY_ENDS(type, to, from, n)                           \
  do {                                                         \
    type first_, last_;                                        \
    memcpy(&first_, (from), sizeof(type));                     \
    memcpy(&last_, (from) + (n) - sizeof(type), sizeof(type)); \
    memcpy((to), &first_, sizeof(type));                       \
    memcpy((to) + (n) - sizeof(type), &last_, sizeof(type));   \
  } while (0)

struct block {
  uint64_t words[2];
};

/* For at most SMALL_ITEM bytes; right for any number. */
static inline void copy_small(void *to, const void *from, size_t n) {
  char *t = to;
  const char *f = from;
  if (likely(n >= sizeof(struct block))) {
    for (; n > 2 * sizeof(struct block); n -= sizeof(struct block)) {
      memcpy(t, f, sizeof(struct block));
      t += sizeof(struct block);
      f += sizeof(struct block);
    }
    COPY_ENDS(struct block, t, f, n);
  } else if (n >= sizeof(uint64_t)) {
    COPY_ENDS(uint64_t, t, f, n);
  } else if (n >= sizeof(uint32_t)) {
    COPY_ENDS(uint32_t, t, f, n);
  } else {
    for (size_t i = 0; i < n; i++)
      t[i] = f[i];
  }
}

static inline void copy_large(void *to, const void *from, size_t n) {
  char *t = to;
  const char *f = from;
  for (; n > COPY_PIECE; n -= COPY_PIECE) {
    memcpy(t, f, COPY_PIECE);
    t += COPY_PIECE;
    f += COPY_PIECE;
  }
  memcpy(t, f, n);
}

static inline void copy_any(void *to, const void *from, size_t n) {
  if (n <= SMALL_ITEM) {
    copy_small(to, from, n);
  } else {
    copy_large(to, from, n);
  }
}

#endif
