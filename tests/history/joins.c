/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A join that returned 0 saw a moment at which nothing was unfinished. If some item or other surely
 * was, all the time from its call to its return, it was early.
 *
 * An item is surely unfinished from the return of its put to the call that finished it. What a
 * process got is counted, not named: something of it is unfinished while it has called task_done
 * less often than its gets gave it items.
 */
#include <stdlib.h>

#include "court.h"
#include "spans.h"

/* ---- What waits or is on lease ------------------------------------------------------------------
 */

static int64_t finished_from(const struct court *court, const struct item *item) {
  const struct delivery *last = &court->deliveries[item->first + item->deliveries - 1];
  if (is_get(last->call)) return last->call->returned;
  if (last->end && last->end->op != GIVE_BACK) return last->end->called;
  return last->call->called; /* then a killed call may have had it, or it was discarded */
}

static void add_items(const struct court *court, struct spans *spans) {
  for (uint64_t i = 0; i < court->items_n; i++) {
    const struct item *item = &court->items[i];
    if (item->presence == CERTAIN && item->deliveries)
      spans_add(spans, call_until(court, item->put), finished_from(court, item));
  }
}

/* ---- What was got -------------------------------------------------------------------------------
 */

struct change {
  uint32_t member;
  int64_t moment;
  int items;
};

/* At the same time, finishing comes first. */
static int compare_changes(const void *a, const void *b) {
  const struct change *x = a, *y = b;
  if (x->member != y->member) return x->member < y->member ? -1 : 1;
  if (x->moment != y->moment) return x->moment < y->moment ? -1 : 1;
  return x->items - y->items;
}

static uint64_t collect_changes(const struct court *court, struct change *changes) {
  uint64_t n = 0;
  for (uint64_t i = 0; i < court->history->calls_used; i++) {
    const struct call *call = &court->history->calls[i];
    if (is_get(call) && succeeded(call))
      changes[n++] = (struct change){call->member, call->returned, call->n};
    if (call->state != BLANK && call->op == TASK_DONE)
      changes[n++] = (struct change){call->member, call->called, -1};
  }
  return n;
}

static void add_gets(const struct court *court, struct spans *spans) {
  struct change *changes = zeroed(court->verdict->calls, sizeof *changes);
  const uint64_t n = collect_changes(court, changes);
  int64_t items = 0, from = 0;
  qsort(changes, n, sizeof *changes, compare_changes);
  for (uint64_t i = 0; i < n; i++) {
    const int64_t gone = gone_from(&court->history->members[changes[i].member]);
    if (items == 0) from = changes[i].moment;
    items += changes[i].items;
    const bool last = i + 1 == n || changes[i + 1].member != changes[i].member;
    if (items == 0) spans_add(spans, from, changes[i].moment < gone ? changes[i].moment : gone);
    if (items > 0 && last) spans_add(spans, from, gone);
    if (last) items = 0;
  }
  free(changes);
}

/* ---- Joins --------------------------------------------------------------------------------------
 */

void judge_joins(struct court *court) {
  struct spans spans = spans_new(court->items_n + court->verdict->calls);
  add_items(court, &spans);
  add_gets(court, &spans);
  spans_merge(&spans);
  for (uint64_t i = 0; i < court->history->calls_used; i++) {
    const struct call *call = &court->history->calls[i];
    if (call->state != RETURNED || call->op != JOIN || call->result != 0) continue;
    court->verdict->joins++;
    if (spans_cover(&spans, call->called, call->returned))
      find(court, EARLY_JOIN, call, "something was unfinished all the time");
  }
  spans_free(&spans);
}
