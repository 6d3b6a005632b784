/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each item: how each delivery ended, and whether there could be another. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "court.h"

static int64_t lesser(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/* ---- How leases end ----------------------------------------------------------------------------
 */

/* The earliest moment at which the lease can have run out. */
static int64_t runs_out(const struct court *court, const struct delivery *delivery) {
  const int64_t timeout = court->history->lease_timeout;
  return timeout ? delivery->renewed + timeout : NEVER;
}

int64_t held_until(const struct court *court, const struct delivery *delivery) {
  const struct call *end = delivery->end;
  int64_t until = gone_from(member_of(court, delivery->call));
  if (is_get(delivery->call)) return NEVER;
  if (end && !is_cut_short(end) && end->op != GIVE_BACK) return NEVER;
  if (end && end->op == GIVE_BACK) until = lesser(until, end->called);
  return lesser(until, runs_out(court, delivery));
}

/* Somebody else's end of the lease is none. */
static struct delivery *delivery_ended(const struct court *court, const struct call *call) {
  struct item *item = item_of(court, &call->refs[0]);
  for (uint64_t i = 0; item && i < item->deliveries; i++) {
    struct delivery *delivery = &court->deliveries[item->first + i];
    if (delivery->ref->attempt == call->refs[0].attempt && delivery->call->member == call->member)
      return delivery;
  }
  return NULL;
}

static void note_stale(struct court *court, const struct call *call,
                       const struct delivery *delivery) {
  if (delivery->end) return;
  if (call->returned < runs_out(court, delivery))
    find(court, STALE, call, "its holder lives, and the lease has not run out");
}

static void note_end(struct court *court, const struct call *call) {
  struct delivery *delivery = call->n == 1 ? delivery_ended(court, call) : NULL;
  if (!delivery) {
    find(court, BAD_RESULT, call, "ends a lease that was not taken");
  } else if (!is_cut_short(call) && call->result == -ESTALE) {
    note_stale(court, call, delivery);
  } else if (is_cut_short(call) || call->result == 0) {
    if (delivery->end) find(court, DOUBLE, call, "a lease was ended twice");
    delivery->end = call;
  }
  if (delivery && call->op == BURY) court->items[delivery->item].bury_tried = true;
}

/* The deadline was set inside the call, so no later than it returned; it may have been set as early
   as it was called. What is certain is the latter. */
static void note_touch(const struct court *court, const struct call *call) {
  struct delivery *delivery = call->n == 1 ? delivery_ended(court, call) : NULL;
  if (delivery && succeeded(call) && delivery->renewed < call->called)
    delivery->renewed = call->called;
}

static void judge_touch(struct court *court, const struct call *call) {
  struct delivery *delivery = call->n == 1 ? delivery_ended(court, call) : NULL;
  if (delivery && call->state == RETURNED && call->result == -ESTALE)
    note_stale(court, call, delivery);
}

static void note_ends(struct court *court) {
  for (uint64_t i = 0; i < court->deliveries_n; i++)
    court->deliveries[i].renewed = court->deliveries[i].call->called;
  for (uint64_t i = 0; i < court->history->calls_used; i++) {
    const struct call *call = &court->history->calls[i];
    if (call->state != BLANK && call->op == TOUCH) note_touch(court, call);
  }
  for (uint64_t i = 0; i < court->history->calls_used; i++) {
    const struct call *call = &court->history->calls[i];
    if (call->state == BLANK) continue;
    if (call->op == DONE || call->op == GIVE_BACK || call->op == BURY) note_end(court, call);
    if (call->op == TOUCH) judge_touch(court, call);
  }
}

/* ---- One item -----------------------------------------------------------------------------------
 */

static void judge_id(struct court *court, struct item *item, const struct delivery *delivery) {
  if (is_get(delivery->call)) return;
  if (item->has_id && item->id != delivery->ref->id)
    find(court, ORDER, delivery->call, "an item changed its id from %" PRIu64, item->id);
  item->has_id = true;
  item->id = delivery->ref->id;
}

static void judge_attempt(struct court *court, const struct delivery *delivery) {
  const uint32_t limit = court->history->max_attempts;
  if (limit && delivery->ref->attempt > limit)
    find(court, ATTEMPT, delivery->call, "attempt %" PRIu32 " of at most %" PRIu32,
         delivery->ref->attempt, limit);
}

/* The second of two deliveries that follow one another. */
static void judge_again(struct court *court, const struct delivery *first,
                        const struct delivery *second) {
  const bool has_attempts = !is_get(first->call) && !is_get(second->call);
  court->verdict->redeliveries++;
  if (has_attempts && first->ref->attempt == second->ref->attempt)
    find(court, DOUBLE, second->call, "two deliveries are attempt %" PRIu32, second->ref->attempt);
  else if (second->call->returned < first->call->called)
    find(court, ATTEMPT, second->call, "the attempts of an item do not rise");
  else if (second->call->returned < held_until(court, first))
    find(court, DOUBLE, second->call, "item %" PRIu32 ".%" PRIu32 " was still held, or finished",
         second->ref->author, second->ref->sequence);
}

static void note_outcome(struct item *item, const struct delivery *delivery) {
  const struct call *end = delivery->end;
  if (is_get(delivery->call) || (end && !is_cut_short(end) && end->op == DONE)) item->ended = true;
  item->perhaps_ended = end && is_cut_short(end) && end->op == DONE;
}

/* NAME.dead has what was buried, and what was delivered as often as it may be: for the latter,
   alibis.c asks who had it so often. */
static void judge_letters(struct court *court, const struct item *item) {
  const uint32_t limit = court->history->max_attempts;
  bool buried = false;
  for (uint64_t i = 0; i < item->deliveries; i++) {
    const struct delivery *delivery = &court->deliveries[item->first + i];
    buried |= delivery->end && !is_cut_short(delivery->end) && delivery->end->op == BURY;
  }
  if (buried && !item->letters)
    find(court, LOST, item->put, "it was buried, and is not in NAME.dead");
  if (item->letters && item->ended)
    find(court, DOUBLE, item->put, "it is in NAME.dead and was finished, or got");
  if (item->letters && !item->bury_tried && !limit)
    find(court, INVENTED, item->put, "it is in NAME.dead, and nobody buried it");
}

/* Who is killed while it buries leaves one item to be buried once more. All calls bury what they
   find doomed. */
static void judge_second_letters(struct court *court) {
  uint64_t allowed = court->verdict->cut_short;
  for (uint64_t i = 0; i < court->items_n; i++) {
    const struct item *item = &court->items[i];
    const uint64_t again = item->letters > 1 ? item->letters - 1 : 0;
    if (again > allowed)
      find(court, DOUBLE, item->put, "it is in NAME.dead %" PRIu32 " times", item->letters);
    allowed -= again < allowed ? again : allowed;
  }
}

static void judge_item(struct court *court, struct item *item) {
  struct delivery *deliveries = &court->deliveries[item->first];
  for (uint64_t i = 0; i < item->deliveries; i++) {
    court->verdict->deliveries++;
    judge_id(court, item, &deliveries[i]);
    judge_attempt(court, &deliveries[i]);
    note_outcome(item, &deliveries[i]);
    if (deliveries[i].call->returned < item->put->called)
      find(court, INVENTED, deliveries[i].call, "it was delivered before it was put");
    if (i > 0) judge_again(court, &deliveries[i - 1], &deliveries[i]);
  }
  judge_letters(court, item);
}

/* A put_many that was killed put some; if it put one, then all before that one, too. */
static void judge_cut_short(struct court *court, const struct call *put) {
  bool later = false;
  for (unsigned k = put->n; k-- > 0;) {
    struct item *item = item_of(court, &put->refs[k]);
    later |= item->deliveries || item->letters;
    if (later) item->presence = CERTAIN;
  }
}

void judge_items(struct court *court) {
  note_ends(court);
  for (uint64_t i = 0; i < court->history->calls_used; i++) {
    const struct call *call = &court->history->calls[i];
    if (call->state == CALLED && is_put(call)) judge_cut_short(court, call);
  }
  for (uint64_t i = 0; i < court->items_n; i++) {
    if (court->items[i].put) judge_item(court, &court->items[i]);
    court->verdict->items += court->items[i].presence == CERTAIN;
  }
  judge_second_letters(court);
}
