/* SPDX-License-Identifier: Apache-2.0 */
/* A set of items' ids. What is drained in order is one range, however much it is. */
#ifndef SHMQ_TOOLS_RECORD_IDS_H
#define SHMQ_TOOLS_RECORD_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_range {
  uint64_t first, last;
};

/* Begin with all zero. */
struct ids {
  struct id_range *ranges; /* rising, with gaps between them */
  size_t count, room;
};

bool ids_has(const struct ids *ids, uint64_t id);
/* False: out of memory. */
bool ids_add(struct ids *ids, uint64_t id);
void ids_free(struct ids *ids);

#endif
