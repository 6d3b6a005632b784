/* SPDX-License-Identifier: Apache-2.0 */
#include "layout.h"

#include <unistd.h>

#include "check.h"

SUITE(layout);

static struct geometry smallest(void) {
  return (struct geometry){.capacity = (uint64_t)sysconf(_SC_PAGESIZE),
                           .item_max = 1,
                           .max_leases = 1,
                           .max_processes = 1,
                           .max_threads = 1};
}

static struct geometry largest(void) {
  return (struct geometry){.capacity = (uint64_t)1 << 33,
                           .maxsize = UINT64_MAX,
                           .item_max = (uint64_t)1 << 30,
                           .lease_timeout = INT64_MAX,
                           .max_leases = 65536,
                           .max_attempts = 4094,
                           .max_processes = 4096,
                           .max_threads = 65536};
}

static void check_plan(const struct geometry *g) {
  const struct plan p = layout_plan(g);
  const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  cr_assert(p.processes >= sizeof(struct segment));
  cr_assert(p.threads >= p.processes + g->max_processes * sizeof(struct process_slot));
  cr_assert(p.cells >= p.threads + g->max_threads * sizeof(struct thread_slot));
  cr_assert(p.returned >= p.cells + g->max_leases * sizeof(struct cell));
  cr_assert(p.payloads >= p.returned + g->max_leases * sizeof(uint32_t));
  cr_assert(p.payload_stride >= g->item_max);
  cr_assert(p.ring >= p.payloads + g->max_leases * p.payload_stride);
  check_is(p.size, p.ring + g->capacity);
  check_is(p.ring % page, 0);
  check_is((p.processes | p.threads | p.cells | p.payloads | p.payload_stride) % LINE, 0);
}

Test(layout, regions_do_not_overlap) {
  const struct geometry small = smallest(), large = largest();
  check_plan(&small);
  check_plan(&large);
}

Test(layout, extremes_of_every_option_are_valid) {
  const struct geometry small = smallest(), large = largest();
  cr_assert(geometry_is_valid(&small));
  cr_assert(geometry_is_valid(&large));
}

#define check_invalid(field, value)                                                       \
  do {                                                                                    \
    struct geometry geometry_ = largest();                                                \
    geometry_.field = value;                                                              \
    cr_assert(!geometry_is_valid(&geometry_), #field " = " #value " is taken for valid"); \
  } while (0)

Test(layout, values_beyond_the_extremes_are_not) {
  check_invalid(capacity, 0);
  check_invalid(capacity, 1);
  check_invalid(capacity, ((uint64_t)1 << 33) - 1);
  check_invalid(capacity, (uint64_t)1 << 34);
  check_invalid(capacity, (uint64_t)1 << 30); /* holds no item_max */
  check_invalid(item_max, 0);
  check_invalid(item_max, ((uint64_t)1 << 30) + 1);
  check_invalid(item_max, UINT64_MAX);
  check_invalid(lease_timeout, -1);
  check_invalid(max_leases, 0);
  check_invalid(max_leases, 65537);
  check_invalid(max_attempts, 4095);
  check_invalid(max_processes, 0);
  check_invalid(max_processes, 4097);
  check_invalid(max_threads, 0);
  check_invalid(max_threads, 65537);
}

Test(layout, records_are_padded_to_eight) {
  check_is(record_bytes(0), 8);
  check_is(record_bytes(1), 16);
  check_is(record_bytes(8), 16);
  check_is(record_bytes(9), 24);
}

Test(layout, fingerprint_is_the_same_every_time) {
  check_is(layout_fingerprint(), layout_fingerprint());
  cr_assert(layout_fingerprint() != 0);
}
