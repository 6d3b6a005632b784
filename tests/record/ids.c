/* SPDX-License-Identifier: Apache-2.0 */
#include "record/ids.h"

#include "check.h"

enum { COUNT = 1000 };

static void check_all(const struct ids *ids, const bool *there) {
  for (uint64_t id = 0; id < COUNT; id++)
    cr_assert(ids_has(ids, id) == there[id], "id %" PRIu64, id);
}

Test(ids, in_order_are_one_range) {
  struct ids ids = {0};
  for (uint64_t id = 5; id < COUNT; id++)
    cr_assert(ids_add(&ids, id));
  check_is(ids.count, 1);
  cr_assert(!ids_has(&ids, 4));
  cr_assert(ids_has(&ids, 5));
  cr_assert(!ids_has(&ids, COUNT));
  ids_free(&ids);
}

Test(ids, the_largest_id_has_no_next) {
  struct ids ids = {0};
  cr_assert(ids_add(&ids, UINT64_MAX));
  cr_assert(ids_add(&ids, 0));
  cr_assert(ids_has(&ids, UINT64_MAX));
  check_is(ids.count, 2);
  ids_free(&ids);
}

Test(ids, in_any_order) {
  struct ids ids = {0};
  bool there[COUNT] = {false};
  struct chance chance = chance_begin();
  for (int i = 0; i < 3 * COUNT; i++) {
    uint64_t id = chance_below(&chance, COUNT);
    cr_assert(ids_add(&ids, id));
    there[id] = true;
    if (i % 100 == 0) check_all(&ids, there);
  }
  check_all(&ids, there);
  for (size_t i = 1; i < ids.count; i++)
    cr_assert(ids.ranges[i].first > ids.ranges[i - 1].last + 1);
  ids_free(&ids);
}
