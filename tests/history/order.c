/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FIFO, and honest gets. Each is one question about a call that delivered an item, or said that
 * there was none: did another item, that had to come first, surely wait as long as the call took?
 *
 * What comes first is known from the ids (by take), or from two puts of which one had returned
 * before the other was called. Items that came back have older ids than all that wait in the ring.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "court.h"
#include "spans.h"

/* ---- Certain waits ------------------------------------------------------------------------------
 */

/* Killed takes, and those whose lease ran out unread, may have had an item meanwhile that was got
   later; takes tell by their attempt. The one that was called first, of those that went on after
   some moment. */
struct suspects {
  uint64_t n;
  struct suspect {
    int64_t called, dead;
  } * list; /* by dead, falling; called is the least up to here */
};

static int compare_suspects(const void *a, const void *b) {
  const struct suspect *x = a, *y = b;
  return x->dead > y->dead ? -1 : x->dead < y->dead;
}

static struct suspects collect_suspects(const struct court *court) {
  struct suspects suspects = {0};
  suspects.list = zeroed(court->verdict->cut_short + court->verdict->unread, sizeof *suspects.list);
  for (uint64_t i = 0; i < court->history->calls_used; i++) {
    const struct call *call = &court->history->calls[i];
    if (!unread(call) && !(call->state == CALLED && is_take(call))) continue;
    suspects.list[suspects.n++] = (struct suspect){call->called, call_until(court, call)};
  }
  qsort(suspects.list, suspects.n, sizeof *suspects.list, compare_suspects);
  for (uint64_t i = 1; i < suspects.n; i++)
    if (suspects.list[i].called > suspects.list[i - 1].called)
      suspects.list[i].called = suspects.list[i - 1].called;
  return suspects;
}

static int64_t suspected_from(const struct suspects *suspects, int64_t moment) {
  uint64_t low = 0, high = suspects->n;
  while (low < high) {
    const uint64_t middle = (low + high) / 2;
    if (suspects->list[middle].dead >= moment) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low > 0 ? suspects->list[low - 1].called : NEVER;
}

/* When the item came to wait: perhaps at the one time, surely at the other. */
struct arrival {
  int64_t perhaps, surely;
};

static struct arrival arrival_by(const struct court *court, const struct call *call) {
  return (struct arrival){call->called, call_until(court, call)};
}

/* Returns NULL if it is not certain. */
static const struct wait *add_wait(struct court *court, const struct suspects *suspects,
                                   struct arrival arrival, const struct delivery *next,
                                   uint32_t attempt) {
  struct wait wait = {arrival.surely, next->call->called, next->call->returned, next->item,
                      next->call};
  if (is_get(next->call)) {
    const int64_t suspected = suspected_from(suspects, arrival.perhaps);
    if (suspected < wait.to) wait.to = suspected;
    if (suspected < wait.out) wait.out = suspected;
  } else if (next->ref->attempt != attempt) {
    return NULL;
  }
  court->waits[court->waits_n] = wait;
  return &court->waits[court->waits_n++];
}

/* ---- What the dead had ----

   All leases of a process come back at one time, when somebody cleans up after it: by the time, at
   the latest, that one of them was delivered again. (Not so where leases run out.) */

/* Did the item come back because the holder of its last delivery had gone? */
static bool was_left(const struct court *court, const struct delivery *next) {
  return next != &court->deliveries[court->items[next->item].first] && !next[-1].end &&
         !court->history->lease_timeout;
}

/* Of each member: when what it left had come back; NEVER: it left nothing. */
static int64_t *collect_returns(const struct court *court) {
  const uint32_t members = court->history->members_used;
  int64_t *returns = zeroed(members, sizeof *returns);
  for (uint32_t i = 0; i < members; i++)
    returns[i] = NEVER;
  for (uint64_t i = 0; i < court->deliveries_n; i++) {
    const struct delivery *next = &court->deliveries[i];
    if (!was_left(court, next)) continue;
    int64_t *back = &returns[next[-1].call->member];
    if (next->call->returned < *back) *back = next->call->returned;
  }
  return returns;
}

struct left {
  uint32_t member;
  uint64_t id;
  const struct delivery *next;
  int64_t to; /* it surely waited until then */
};

static int compare_left(const void *a, const void *b) {
  const struct left *x = a, *y = b;
  if (x->member != y->member) return x->member < y->member ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

/* Of what one member left, the older item goes first. */
static void judge_left(struct court *court, struct left *list, uint64_t n) {
  int64_t latest = 0;
  qsort(list, n, sizeof *list, compare_left);
  for (uint64_t i = 0; i < n; i++) {
    if (i == 0 || list[i].member != list[i - 1].member) latest = 0;
    if (list[i].next->call->returned < latest)
      find(court, ORDER, list[i].next->call, "an older item that the same process had came later");
    if (list[i].to > latest) latest = list[i].to;
  }
}

/* From its put to its first delivery; from its return to the next one. */
static void collect_waits(struct court *court) {
  struct suspects suspects = collect_suspects(court);
  int64_t *returns = collect_returns(court);
  struct left *left = zeroed(court->deliveries_n, sizeof *left);
  uint64_t left_n = 0;
  court->waits = zeroed(court->deliveries_n, sizeof *court->waits);
  for (uint64_t i = 0; i < court->deliveries_n; i++) {
    const struct delivery *next = &court->deliveries[i];
    struct item *item = &court->items[next->item];
    if (i == item->first) {
      item->wait = add_wait(court, &suspects, arrival_by(court, item->put), next, 1);
    } else if (next[-1].end && succeeded(next[-1].end) && next[-1].end->op == GIVE_BACK) {
      add_wait(court, &suspects, arrival_by(court, next[-1].end), next, next[-1].ref->attempt + 1);
    } else if (was_left(court, next)) {
      const uint32_t member = next[-1].call->member;
      const struct arrival arrival = {gone_from(&court->history->members[member]), returns[member]};
      const struct wait *wait =
          add_wait(court, &suspects, arrival, next, next[-1].ref->attempt + 1);
      left[left_n++] = (struct left){member, item->id, next, wait ? wait->to : 0};
    }
  }
  judge_left(court, left, left_n);
  free(suspects.list);
  free(returns);
  free(left);
}

/* ---- Questions ----------------------------------------------------------------------------------
 */

/* Is there a wait that covers this time, with a key below the limit? */
struct question {
  int64_t from, to;
  uint64_t limit;
  const struct call *call;
};

struct keyed {
  const struct wait *wait;
  uint64_t key;
};

typedef void answer_fn(struct court *court, const struct question *question,
                       const struct wait *wait);

static int compare_questions(const void *a, const void *b) {
  const struct question *x = a, *y = b;
  return x->from < y->from ? -1 : x->from > y->from;
}

static int compare_starts(const void *a, const void *b) {
  const struct keyed *x = a, *y = b;
  return x->wait->from < y->wait->from ? -1 : x->wait->from > y->wait->from;
}

static int compare_numbers(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

/* How many of the numbers, which rise, are below the limit. */
static uint64_t count_below(const uint64_t *numbers, uint64_t n, uint64_t limit) {
  uint64_t low = 0, high = n;
  while (low < high) {
    const uint64_t middle = (low + high) / 2;
    if (numbers[middle] < limit) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/* A Fenwick tree over the ranks of keys: of the keys below one, the wait that ends last. */
static void tree_add(const struct wait **tree, uint64_t n, uint64_t rank, const struct wait *wait) {
  for (uint64_t i = rank + 1; i <= n; i += i & -i)
    if (!tree[i] || tree[i]->to < wait->to) tree[i] = wait;
}

static const struct wait *tree_last(const struct wait **tree, uint64_t below) {
  const struct wait *last = NULL;
  for (uint64_t i = below; i > 0; i -= i & -i)
    if (tree[i] && (!last || tree[i]->to > last->to)) last = tree[i];
  return last;
}

/* In the order of time, so that the tree has the waits that have begun. */
static void ask(struct court *court, struct keyed *waits, uint64_t waits_n,
                struct question *questions, uint64_t questions_n, answer_fn *answer) {
  const struct wait **tree = zeroed(waits_n + 1, sizeof *tree);
  uint64_t *keys = zeroed(waits_n, sizeof *keys), begun = 0;
  qsort(waits, waits_n, sizeof *waits, compare_starts);
  qsort(questions, questions_n, sizeof *questions, compare_questions);
  for (uint64_t i = 0; i < waits_n; i++)
    keys[i] = waits[i].key;
  qsort(keys, waits_n, sizeof *keys, compare_numbers);
  for (uint64_t i = 0; i < questions_n; i++) {
    for (; begun < waits_n && waits[begun].wait->from <= questions[i].from; begun++)
      tree_add(tree, waits_n, count_below(keys, waits_n, waits[begun].key), waits[begun].wait);
    const struct wait *wait = tree_last(tree, count_below(keys, waits_n, questions[i].limit));
    if (wait && wait->to >= questions[i].to) answer(court, &questions[i], wait);
  }
  free(tree);
  free(keys);
}

/* ---- FIFO ---------------------------------------------------------------------------------------
 */

static void answer_overtaken(struct court *court, const struct question *question,
                             const struct wait *wait) {
  if (find(court, ORDER, question->call,
           "an older item waited from %" PRId64 " to %" PRId64 "; that is", wait->from, wait->to))
    call_print(court->items[wait->item].put, stdout);
}

/* A delivery is asked about from its item's put on: a get may have been called long before. */
static void ask_about_deliveries(struct court *court, bool by_id) {
  struct keyed *waits = zeroed(court->waits_n, sizeof *waits);
  struct question *questions = zeroed(court->deliveries_n, sizeof *questions);
  uint64_t waits_n = 0, questions_n = 0;
  for (uint64_t i = 0; i < court->waits_n; i++) {
    const struct item *item = &court->items[court->waits[i].item];
    if (by_id && !item->has_id) continue;
    const uint64_t key = by_id ? item->id : (uint64_t)call_until(court, item->put);
    waits[waits_n++] = (struct keyed){&court->waits[i], key};
  }
  for (uint64_t i = 0; i < court->deliveries_n; i++) {
    const struct call *call = court->deliveries[i].call;
    const struct item *item = &court->items[court->deliveries[i].item];
    if (by_id && !item->has_id) continue;
    const int64_t put = item->put->called;
    questions[questions_n++] =
        (struct question){call->called > put ? call->called : put, call->returned,
                          by_id ? item->id : (uint64_t)put, call};
  }
  ask(court, waits, waits_n, questions, questions_n, answer_overtaken);
  free(waits);
  free(questions);
}

/* ---- Ids are given in the order of puts ---------------------------------------------------------
 */

static int compare_ids(const void *a, const void *b) {
  const struct item *x = *(const struct item *const *)a, *y = *(const struct item *const *)b;
  return x->id < y->id ? -1 : x->id > y->id;
}

static void judge_ids(struct court *court) {
  const struct item **items = zeroed(court->items_n, sizeof *items);
  uint64_t n = 0;
  for (uint64_t i = 0; i < court->items_n; i++)
    if (court->items[i].has_id) items[n++] = &court->items[i];
  qsort(items, n, sizeof *items, compare_ids);
  int64_t latest = INT64_MIN;
  for (uint64_t i = 0; i < n; i++) {
    const struct call *put = items[i]->put;
    if (i > 0 && items[i]->id == items[i - 1]->id)
      find(court, ORDER, put, "two items have the id %" PRIu64, items[i]->id);
    if (call_until(court, put) < latest)
      find(court, ORDER, put, "its id, %" PRIu64 ", is above that of a later put", items[i]->id);
    if (put->called > latest) latest = put->called;
  }
  free(items);
}

/* An item of a batch is in the queue only when those before it are there, or have left. */
static void judge_neighbours(struct court *court, const struct call *put, const struct item *older,
                             const struct item *younger) {
  if (older->has_id && younger->has_id && older->id > younger->id)
    find(court, ORDER, put, "the ids of this batch do not rise");
  if (!older->wait || !younger->deliveries) return;
  const struct call *call = court->deliveries[younger->first].call;
  if (call->returned < older->wait->to)
    find(court, ORDER, call, "an older item of the same put_many waited");
}

static void judge_put_batches(struct court *court) {
  for (uint64_t i = 0; i < court->history->calls_used; i++) {
    const struct call *put = &court->history->calls[i];
    if (put->state == BLANK || put->op != PUT_MANY) continue;
    for (unsigned k = 0; k < put->n; k++) {
      for (unsigned m = k + 1; m < put->n; m++) {
        const struct item *older = item_of(court, &put->refs[k]);
        const struct item *younger = item_of(court, &put->refs[m]);
        if (older && younger) judge_neighbours(court, put, older, younger);
      }
    }
  }
}

/* One call gives its items in their order. */
static void judge_batches(struct court *court) {
  for (uint64_t i = 0; i < court->history->calls_used; i++) {
    const struct call *call = &court->history->calls[i];
    if (call->state != RETURNED || !(is_take(call) || call->op == GET_MANY)) continue;
    for (unsigned k = 1; k < call->n; k++) {
      const struct item *before = item_of(court, &call->refs[k - 1]);
      const struct item *after = item_of(court, &call->refs[k]);
      const bool overtaken = before && after && put_before(court, after, before);
      if (overtaken || (is_take(call) && call->refs[k].id < call->refs[k - 1].id))
        find(court, ORDER, call, "the items of a batch are not in their order");
    }
  }
}

/* ---- Gets that said that there is nothing -------------------------------------------------------
 */

static void answer_liar(struct court *court, const struct question *question,
                        const struct wait *wait) {
  if (find(court, FALSE_EMPTY, question->call,
           "an item waited all the time, from %" PRId64 " to %" PRId64 "; that is", wait->from,
           wait->to))
    call_print(court->items[wait->item].put, stdout);
}

/* Items that are on lease, or came back, have a cell each. From when to when it may be in use. */
struct change {
  int64_t moment;
  int cells;
};

static int compare_changes(const void *a, const void *b) {
  const struct change *x = a, *y = b;
  return x->moment < y->moment ? -1 : x->moment > y->moment;
}

static struct change cell_freed(const struct court *court, const struct item *item) {
  const struct delivery *last = &court->deliveries[item->first + item->deliveries - 1];
  int64_t moment = NEVER;
  if (is_get(last->call))
    moment = last->call->returned;
  else if (last->end && succeeded(last->end) && last->end->op == DONE)
    moment = last->end->returned;
  return (struct change){moment, -1};
}

/* No more than so many cells were ever in use. */
static uint64_t cells_at_most(const struct court *court) {
  struct change *changes = zeroed(2 * court->items_n, sizeof *changes);
  uint64_t n = 0;
  int64_t cells = 0, most = 0;
  for (uint64_t i = 0; i < court->items_n; i++) {
    const struct item *item = &court->items[i];
    if (!item->deliveries) continue;
    changes[n++] = (struct change){court->deliveries[item->first].call->called, 1};
    changes[n++] = cell_freed(court, item);
  }
  qsort(changes, n, sizeof *changes, compare_changes);
  for (uint64_t i = 0; i < n; i++) {
    cells += changes[i].cells;
    if (cells > most) most = cells;
  }
  free(changes);
  return (uint64_t)most + BATCH * court->verdict->cut_short + court->verdict->unread;
}

/* While a lock is not to be had, a get cannot look. One without a timeout that gave up sooner than
   it gives up a lock, after 10 ms, had it. Others had it as well, unless the holder was killed,
   stopped, or not scheduled: such times are no evidence. */
enum { DEATH_NOTICED_MS = 300, LOCK_PATIENCE_MS = 8, TIMEOUT_JUDGED_MS = 10 };
#define DELAY (MS / 2)

static struct spans disturbed_spans(const struct court *court) {
  const struct history *history = court->history;
  struct spans spans = spans_new(history->calls_used + history->stops_used);
  for (uint64_t i = 0; i < history->calls_used; i++) {
    const struct call *call = &history->calls[i];
    if (call->state == RETURNED && call->unscheduled >= DELAY)
      spans_add(&spans, call->called, call->returned);
    if (call->state == CALLED)
      spans_add(&spans, call->called, member_of(court, call)->dead + DEATH_NOTICED_MS * MS);
  }
  for (uint32_t i = 0; i < history->stops_used; i++)
    spans_add(&spans, history->stops[i].from, history->stops[i].to + DEATH_NOTICED_MS * MS);
  spans_merge(&spans);
  return spans;
}

static bool says_empty(const struct call *call) {
  return call->state == RETURNED &&
         (call->result == -EAGAIN || call->result == -ETIMEDOUT || call->result == -ESHUTDOWN);
}

static bool surely_looked(const struct call *call) {
  if (call->result == -ESHUTDOWN) return true;
  return call->timeout == 0 && call->returned - call->called < LOCK_PATIENCE_MS * MS;
}

static void ask_about_empties(struct court *court) {
  const struct history *history = court->history;
  const bool judge_takes = cells_at_most(court) < history->max_leases;
  struct keyed *waits = zeroed(court->waits_n, sizeof *waits);
  struct question *questions = zeroed(history->calls_used, sizeof *questions);
  struct spans spans = disturbed_spans(court);
  uint64_t n = 0;
  for (uint64_t i = 0; i < court->waits_n; i++)
    waits[i] = (struct keyed){&court->waits[i], 0};
  for (uint64_t i = 0; i < history->calls_used; i++) {
    const struct call *call = &history->calls[i];
    if (!is_get(call) && !(is_take(call) && judge_takes)) continue;
    if (!says_empty(call)) continue;
    if (!surely_looked(call) && call->timeout < TIMEOUT_JUDGED_MS * MS) continue;
    if (!surely_looked(call) && spans_meet(&spans, call->called, call->returned)) continue;
    questions[n++] = (struct question){call->called, call->returned, 1, call};
  }
  court->verdict->empties = n;
  ask(court, waits, court->waits_n, questions, n, answer_liar);
  free(waits);
  free(questions);
  spans_free(&spans);
}

/* ---- Gets that waited beside an item ------------------------------------------------------------
 */

static int64_t length_of(const struct call *call) {
  return call->returned - call->called;
}

static int compare_lengths(const void *a, const void *b) {
  const struct call *x = *(const struct call *const *)a, *y = *(const struct call *const *)b;
  return length_of(x) > length_of(y) ? -1 : length_of(x) < length_of(y);
}

static int64_t wait_in_common(const struct court *court, const struct call *call) {
  int64_t longest = 0;
  for (uint64_t i = 0; i < court->waits_n; i++) {
    const struct wait *wait = &court->waits[i];
    const int64_t from = wait->from > call->called ? wait->from : call->called;
    const int64_t end = wait->taker == call ? wait->out : wait->to;
    const int64_t to = end < call->returned ? end : call->returned;
    if (to - from > longest) longest = to - from - stopped(court->history, from, to);
  }
  return longest - call->unscheduled;
}

/* The longest calls first, so that few are looked at. */
static void judge_stalls(struct court *court) {
  const struct history *history = court->history;
  const bool judge_takes = cells_at_most(court) < history->max_leases;
  const struct call **calls = zeroed(court->verdict->calls, sizeof *calls);
  uint64_t n = 0;
  for (uint64_t i = 0; i < history->calls_used; i++) {
    const struct call *call = &history->calls[i];
    if (call->state != RETURNED) continue;
    if (is_get(call) || (is_take(call) && judge_takes)) calls[n++] = call;
  }
  qsort(calls, n, sizeof *calls, compare_lengths);
  for (uint64_t i = 0; i < n && length_of(calls[i]) > court->verdict->worst_stall; i++) {
    const int64_t stall = wait_in_common(court, calls[i]);
    if (stall > court->verdict->worst_stall) court->verdict->worst_stall = stall;
    if (stall > SECOND)
      find(court, HANG, calls[i], "an item waited beside it for %" PRId64 " ms", stall / MS);
  }
  free(calls);
}

void judge_order(struct court *court) {
  collect_waits(court);
  ask_about_deliveries(court, true);
  ask_about_deliveries(court, false);
  judge_ids(court);
  judge_put_batches(court);
  judge_batches(court);
  ask_about_empties(court);
  judge_stalls(court);
}
