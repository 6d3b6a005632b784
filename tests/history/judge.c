/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include <err.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "court.h"

const char *const finding_names[FINDINGS] = {
    [LOST] = "lost",
    [DOUBLE] = "double",
    [INVENTED] = "invented",
    [ALTERED] = "altered",
    [ORDER] = "order",
    [ATTEMPT] = "attempt",
    [EARLY_JOIN] = "early join",
    [FALSE_EMPTY] = "false empty",
    [BAD_TIME] = "time",
    [BAD_SHUTDOWN] = "shutdown",
    [STALE] = "stale",
    [BAD_RESULT] = "result",
    [HANG] = "hang",
    [COUNTS] = "counts",
};

enum { PRINTED_MAX = 20, AUTHORS_MAX = 1 << 24 };

void *zeroed(uint64_t n, size_t size) {
  void *memory = calloc(n ? n : 1, size);
  if (!memory) err(1, "judge");
  return memory;
}

bool find(struct court *court, enum finding finding, const struct call *call, const char *format,
          ...) {
  va_list arguments;
  if (++court->verdict->findings > PRINTED_MAX) return false;
  printf("FINDING %s: ", finding_names[finding]);
  va_start(arguments, format);
  vprintf(format, arguments);
  va_end(arguments);
  printf(call ? "\n  " : "\n");
  if (call) call_print(call, stdout);
  return true;
}

int64_t gone_from(const struct member *member) {
  const int64_t left = member->left ? member->left : NEVER;
  const int64_t killed = member->killed ? member->killed : NEVER;
  return left < killed ? left : killed;
}

int64_t call_until(const struct court *court, const struct call *call) {
  if (!is_cut_short(call)) return call->returned;
  const int64_t dead = member_of(court, call)->dead;
  return dead ? dead : NEVER;
}

bool put_before(const struct court *court, const struct item *item, const struct item *other) {
  if (item->put == other->put) return item < other;
  return call_until(court, item->put) < other->put->called;
}

int64_t stopped(const struct history *history, int64_t from, int64_t to) {
  int64_t sum = 0;
  for (uint32_t i = 0; i < history->stops_used; i++) {
    const struct stop *stop = &history->stops[i];
    const int64_t begin = stop->from > from ? stop->from : from;
    const int64_t end = stop->to < to ? stop->to : to;
    if (begin < end) sum += end - begin;
  }
  return sum;
}

/* ---- Items and deliveries -----------------------------------------------------------------------
 */

static uint32_t count_authors(const struct history *history) {
  uint32_t authors = 0;
  for (uint64_t i = 0; i < history->calls_used; i++) {
    const struct call *call = &history->calls[i];
    if (call->state == BLANK || !is_put(call)) continue;
    for (unsigned k = 0; k < call->n; k++)
      if (call->refs[k].author >= authors) authors = call->refs[k].author + 1;
  }
  if (authors > AUTHORS_MAX) errx(1, "an author's number is above %d", AUTHORS_MAX);
  return authors;
}

/* first_item[a] is where author a's items begin, in the end. */
static void place_items(struct court *court) {
  const struct history *history = court->history;
  court->authors = count_authors(history);
  court->first_item = zeroed(court->authors + 2u, sizeof *court->first_item);
  for (uint64_t i = 0; i < history->calls_used; i++) {
    const struct call *call = &history->calls[i];
    if (call->state == BLANK || !is_put(call)) continue;
    for (unsigned k = 0; k < call->n; k++) {
      uint64_t *count = &court->first_item[call->refs[k].author + 1];
      if (call->refs[k].sequence >= *count) *count = call->refs[k].sequence + 1ull;
    }
  }
  for (uint32_t a = 0; a < court->authors; a++)
    court->first_item[a + 1] += court->first_item[a];
  court->items_n = court->first_item[court->authors];
  court->items = zeroed(court->items_n, sizeof *court->items);
}

struct item *item_of(const struct court *court, const struct ref *ref) {
  if (ref->author >= court->authors) return NULL;
  const uint64_t item = court->first_item[ref->author] + ref->sequence;
  if (item >= court->first_item[ref->author + 1]) return NULL;
  return court->items[item].put ? &court->items[item] : NULL;
}

static enum presence presence_of(const struct call *put, unsigned k) {
  if (is_cut_short(put)) return PERHAPS;
  if (put->op == PUT) return put->result == 0 ? CERTAIN : ABSENT;
  return put->result > k ? CERTAIN : ABSENT;
}

static void note_put(struct court *court, const struct call *call) {
  for (unsigned k = 0; k < call->n; k++) {
    const struct ref *ref = &call->refs[k];
    struct item *item = &court->items[court->first_item[ref->author] + ref->sequence];
    if (item->put && item->presence != ABSENT)
      find(court, INVENTED, call, "an item is put for the second time");
    item->put = call;
    item->presence = presence_of(call, k);
  }
}

static void add_delivery(struct court *court, const struct call *call, const struct ref *ref,
                         struct item *item) {
  if (call->op == LETTER) {
    if (item->letters++ == 0 || call->returned < item->letter->returned) item->letter = call;
    return;
  }
  court->deliveries[court->deliveries_n++] =
      (struct delivery){.call = call, .ref = ref, .item = item - court->items};
}

static void note_delivery(struct court *court, const struct call *call, const struct ref *ref) {
  struct item *item = item_of(court, ref);
  if (ref->altered)
    find(court, ALTERED, call, "item %" PRIu32 ".%" PRIu32 " is not as it was put", ref->author,
         ref->sequence);
  if (item && item->presence != ABSENT) {
    add_delivery(court, call, ref, item);
  } else if (!ref->altered) {
    find(court, INVENTED, call, "nobody put item %" PRIu32 ".%" PRIu32 ", or the put failed",
         ref->author, ref->sequence);
  }
}

/* By item; leases in the order of their attempts, and what was got for good in the end. */
static int compare_deliveries(const void *a, const void *b) {
  const struct delivery *x = a, *y = b;
  const uint32_t x_attempt = x->ref->attempt - 1, y_attempt = y->ref->attempt - 1;
  if (x->item != y->item) return x->item < y->item ? -1 : 1;
  if (x_attempt != y_attempt) return x_attempt < y_attempt ? -1 : 1;
  return x->call->called < y->call->called ? -1 : x->call->called > y->call->called;
}

static void collect(struct court *court) {
  const struct history *history = court->history;
  uint64_t refs = 0;
  place_items(court);
  for (uint64_t i = 0; i < history->calls_used; i++) {
    const struct call *call = &history->calls[i];
    if (call->state == BLANK) continue;
    court->verdict->calls++;
    court->verdict->cut_short += is_cut_short(call);
    court->verdict->unread += unread(call);
    if (is_put(call)) note_put(court, call);
    refs += call->n;
  }
  court->deliveries = zeroed(refs, sizeof *court->deliveries);
  for (uint64_t i = 0; i < history->calls_used; i++) {
    const struct call *call = &history->calls[i];
    const bool delivers = is_get(call) || is_take(call) || call->op == LETTER;
    if (call->state != RETURNED || !delivers) continue;
    for (unsigned k = 0; k < call->n; k++)
      note_delivery(court, call, &call->refs[k]);
  }
  qsort(court->deliveries, court->deliveries_n, sizeof *court->deliveries, compare_deliveries);
  for (uint64_t i = court->deliveries_n; i-- > 0;) {
    struct item *item = &court->items[court->deliveries[i].item];
    item->first = i;
    item->deliveries++;
  }
}

void judge(const struct history *history, struct verdict *verdict) {
  struct court court = {.history = history, .verdict = verdict};
  *verdict = (struct verdict){0};
  collect(&court);
  judge_items(&court);
  judge_alibis(&court);
  judge_order(&court);
  judge_joins(&court);
  judge_each_call(&court);
  judge_counts(&court);
  free(court.first_item);
  free(court.items);
  free(court.deliveries);
  free(court.waits);
}
