/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include <unistd.h>

static uint64_t round_up(uint64_t n, uint64_t unit) {
  return (n + unit - 1) / unit * unit;
}

static uint64_t page_size(void) {
  return (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool capacity_is_valid(uint64_t capacity, uint64_t item_max) {
  return capacity <= MAX_CAPACITY && capacity >= page_size() && (capacity & (capacity - 1)) == 0 &&
         record_bytes(item_max) <= capacity;
}

static bool in_range(uint64_t n, uint64_t low, uint64_t high) {
  return n >= low && n <= high;
}

bool geometry_is_valid(const struct geometry *g) {
  return in_range(g->item_max, 1, MAX_ITEM) && capacity_is_valid(g->capacity, g->item_max) &&
         g->lease_timeout >= 0 && in_range(g->max_leases, 1, MAX_LEASES) &&
         g->max_attempts <= MAX_ATTEMPTS && in_range(g->max_processes, 1, MAX_PROCESSES) &&
         in_range(g->max_threads, 1, MAX_THREADS);
}

struct plan layout_plan(const struct geometry *g) {
  struct plan p = {0};
  p.payload_stride = round_up(g->item_max, LINE);
  p.processes = sizeof(struct segment);
  p.threads = p.processes + g->max_processes * sizeof(struct process_slot);
  p.cells = p.threads + g->max_threads * sizeof(struct thread_slot);
  p.returned = p.cells + g->max_leases * sizeof(struct cell);
  p.payloads = round_up(p.returned + g->max_leases * sizeof(uint32_t), LINE);
  p.ring = round_up(p.payloads + g->max_leases * p.payload_stride, page_size());
  p.size = p.ring + g->capacity;
  return p;
}

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), a word at a time. */
static uint64_t fnv(const uint64_t *words, size_t n) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (size_t i = 0; i < n; i++)
    hash = (hash ^ words[i]) * 0x100000001b3u;
  return hash;
}

#define FIELD(type, field) offsetof(struct type, field)

uint64_t layout_fingerprint(void) {
  const union {
    char bytes[8];
    uint64_t word;
  } order = {{1, 2, 3, 4, 5, 6, 7, 8}};
  const uint64_t words[] = {
      LAYOUT_VERSION,
      order.word,
      page_size(),
      sizeof(struct segment),
      FIELD(header, geometry),
      FIELD(geometry, capacity),
      FIELD(geometry, maxsize),
      FIELD(geometry, item_max),
      FIELD(geometry, lease_timeout),
      FIELD(geometry, max_leases),
      FIELD(geometry, max_threads),
      FIELD(segment, state),
      FIELD(state, process_slots),
      FIELD(segment, reaper),
      FIELD(segment, producer),
      sizeof(struct robust_mutex),
      FIELD(robust_mutex, occupant),
      FIELD(producer_side, head_cached),
      FIELD(producer_side, tail),
      FIELD(cursor, base),
      FIELD(segment, consumer),
      FIELD(consumer_side, tail_cached),
      FIELD(consumer_side, next_expiry),
      FIELD(consumer_side, discard_head),
      FIELD(consumer_side, redelivered),
      FIELD(consumer_side, head),
      FIELD(consumer_side, returned),
      FIELD(segment, not_empty),
      FIELD(segment, cell_free),
      FIELD(segment, history),
      HISTORY_LEVELS,
      HISTORY_MARKS,
      sizeof(struct process_slot),
      FIELD(process_slot, name),
      sizeof(struct thread_slot),
      FIELD(thread_slot, got),
      FIELD(thread_slot, undo_got),
      FIELD(thread_slot, undo_cell),
      FIELD(thread_slot, inside),
      FIELD(thread_slot, activity),
      sizeof(struct cell),
      FIELD(cell, id),
      FIELD(cell, deadline),
      FIELD(cell, taken),
      FIELD(cell, buried),
      FIELD(cell, dropped),
      FIELD(cell, size),
      sizeof(struct record),
  };
  return fnv(words, sizeof words / sizeof words[0]);
}
