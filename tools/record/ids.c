/* SPDX-License-Identifier: Apache-2.0 */
#include "ids.h"

#include <stdlib.h>
#include <string.h>

/* The first range that does not end before the id. Mostly that is none, or the last one. */
static size_t find(const struct ids *ids, uint64_t id) {
  size_t low = 0, high = ids->count;
  if (high > 0 && ids->ranges[high - 1].last < id) return high;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (ids->ranges[middle].last < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool holds(const struct ids *ids, size_t at, uint64_t id) {
  return at < ids->count && ids->ranges[at].first <= id;
}

bool ids_has(const struct ids *ids, uint64_t id) {
  return holds(ids, find(ids, id), id);
}

static bool insert(struct ids *ids, size_t at, uint64_t id) {
  if (ids->count == ids->room) {
    size_t room = ids->room ? ids->room * 2 : 64;
    struct id_range *ranges = reallocarray(ids->ranges, room, sizeof *ranges);
    if (!ranges) return false;
    ids->ranges = ranges;
    ids->room = room;
  }
  struct id_range *range = ids->ranges + at;
  memmove(range + 1, range, (ids->count++ - at) * sizeof *range);
  *range = (struct id_range){id, id};
  return true;
}

static void remove_range(struct ids *ids, size_t at) {
  struct id_range *range = ids->ranges + at;
  memmove(range, range + 1, (--ids->count - at) * sizeof *range);
}

bool ids_add(struct ids *ids, uint64_t id) {
  size_t at = find(ids, id);
  if (holds(ids, at, id)) return true;
  bool before = at > 0 && ids->ranges[at - 1].last + 1 == id;
  bool after = at < ids->count && id + 1 == ids->ranges[at].first;
  if (!before && !after) return insert(ids, at, id);
  if (before) ids->ranges[at - 1].last = after ? ids->ranges[at].last : id;
  if (!before) ids->ranges[at].first = id;
  if (before && after) remove_range(ids, at);
  return true;
}

void ids_free(struct ids *ids) {
  free(ids->ranges);
  *ids = (struct ids){0};
}
