/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A killed call may have had items that it could not tell of; so does a take whose lease ran out
 * before its data was read. Where an item is missing, or one of
 * its attempts, such a call must have had it: one of the right kind, at the right time, and none
 * may serve for more than it had asked for. Each missing delivery is given a killed call, if there
 * is a way to give all of them one (a maximum matching by augmenting paths); what is left over is
 * lost, or came out of nothing. So both ways of each killed call are explored.
 */
#include <stdlib.h>

#include "court.h"

/* ---- Who came later -----------------------------------------------------------------------------
 */

/* Items leave in the order of their puts: an item had left before one that was put later did. */
struct follower {
  int64_t put, out; /* called; delivered first. Sorted by put; out is the least from here on */
};

struct followers {
  struct follower *list;
  uint64_t n;
};

static int compare_followers(const void *a, const void *b) {
  const struct follower *x = a, *y = b;
  return x->put < y->put ? -1 : x->put > y->put;
}

static struct followers collect_followers(const struct court *court) {
  struct followers followers = {zeroed(court->items_n, sizeof *followers.list), 0};
  for (uint64_t i = 0; i < court->items_n; i++) {
    const struct item *item = &court->items[i];
    if (!item->deliveries) continue;
    followers.list[followers.n++] =
        (struct follower){item->put->called, court->deliveries[item->first].call->returned};
  }
  qsort(followers.list, followers.n, sizeof *followers.list, compare_followers);
  for (uint64_t i = followers.n; i-- > 1;)
    if (followers.list[i].out < followers.list[i - 1].out)
      followers.list[i - 1].out = followers.list[i].out;
  return followers;
}

static int64_t had_left_by(const struct followers *followers, int64_t put) {
  uint64_t low = 0, high = followers->n;
  while (low < high) {
    const uint64_t middle = (low + high) / 2;
    if (followers->list[middle].put <= put) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < followers->n ? followers->list[low].out : NEVER;
}

/* ---- The search ---------------------------------------------------------------------------------
 */

/* A delivery that nobody told of, somewhere between from and to; and its taker was killed by then.
 */
struct hole {
  int64_t from, to, lost_by;
  bool for_good; /* by a get, as nobody had it after */
  uint64_t item;
};

struct witness {
  const struct call *call;
  bool asked; /* in this search */
  unsigned served;
  uint64_t holes[BATCH];
};

struct search {
  const struct court *court;
  struct followers followers;
  struct hole *holes;
  uint64_t holes_n;
  struct witness *witnesses;
  uint64_t witnesses_n;
};

/* ---- Holes --------------------------------------------------------------------------------------
 */

static void add_hole(struct search *search, struct hole hole) {
  if ((search->holes_n & (search->holes_n - 1)) == 0) {
    const uint64_t room = search->holes_n ? 2 * search->holes_n : 1;
    search->holes = realloc(search->holes, room * sizeof *search->holes);
    if (!search->holes) abort();
  }
  search->holes[search->holes_n++] = hole;
}

/* The attempts below a limit that nobody told of, before the item's delivery i, which came again
   at that time. The first was in the item's turn. */
static void look_for_attempts(struct search *search, uint64_t number, uint64_t i, uint32_t limit,
                              int64_t again) {
  const struct court *court = search->court;
  const struct item *item = &court->items[number];
  const struct delivery *last = i > 0 ? &court->deliveries[item->first + i - 1] : NULL;
  const int64_t from = last ? held_until(court, last) : item->put->called;
  const int64_t turn = had_left_by(&search->followers, call_until(court, item->put));
  for (uint32_t k = last ? last->ref->attempt + 1 : 1; k < limit; k++) {
    const int64_t to = k == 1 && turn < again ? turn : again;
    add_hole(search, (struct hole){from, to, again, false, number});
  }
}

static void look_before_delivery(struct search *search, uint64_t number, uint64_t i) {
  const struct court *court = search->court;
  const struct delivery *delivery = &court->deliveries[court->items[number].first + i];
  if (!is_get(delivery->call))
    look_for_attempts(search, number, i, delivery->ref->attempt, delivery->call->returned);
}

/* What nobody buried is doomed by its last attempt. */
static void look_before_doom(struct search *search, uint64_t number) {
  const struct item *item = &search->court->items[number];
  const uint32_t limit = search->court->history->max_attempts;
  if (limit && item->letters && !item->bury_tried && !item->ended)
    look_for_attempts(search, number, item->deliveries, limit + 1, item->letter->returned);
}

/* What was never delivered left in its turn; what came back, left whenever it did. */
static void look_for_holes(struct search *search, uint64_t number) {
  const struct court *court = search->court;
  const struct item *item = &court->items[number];
  for (uint64_t i = 0; i < item->deliveries; i++)
    look_before_delivery(search, number, i);
  look_before_doom(search, number);
  if (item->presence != CERTAIN || item->ended || item->perhaps_ended || item->letters) return;
  if (item->deliveries) {
    const struct delivery *last = &court->deliveries[item->first + item->deliveries - 1];
    add_hole(search, (struct hole){held_until(court, last), NEVER, NEVER, true, number});
  } else {
    const int64_t turn = had_left_by(&search->followers, call_until(court, item->put));
    add_hole(search, (struct hole){item->put->called, turn, NEVER, true, number});
  }
}

/* ---- Witnesses ----------------------------------------------------------------------------------
 */

static void collect_witnesses(struct search *search) {
  const struct history *history = search->court->history;
  const struct verdict *verdict = search->court->verdict;
  search->witnesses = zeroed(verdict->cut_short + verdict->unread, sizeof *search->witnesses);
  for (uint64_t i = 0; i < history->calls_used; i++) {
    const struct call *call = &history->calls[i];
    const bool cut_short = call->state == CALLED && (is_get(call) || is_take(call));
    if (!cut_short && !unread(call)) continue;
    search->witnesses[search->witnesses_n++].call = call;
  }
}

/* What it had asked for, or could not read. */
static unsigned capacity_of(const struct call *call) {
  if (!is_cut_short(call)) return unread(call);
  return call->op == GET_MANY || call->op == TAKE_MANY ? BATCH : 1;
}

/* When, at the earliest, what it had went back: its lease may have run out before the kill. */
static int64_t lost_it_from(const struct search *search, const struct call *call) {
  const int64_t timeout = search->court->history->lease_timeout;
  const int64_t killed = is_cut_short(call) ? member_of(search->court, call)->killed : NEVER;
  const int64_t ran_out = is_take(call) && timeout ? call->called + timeout : NEVER;
  return killed < ran_out ? killed : ran_out;
}

static bool can_serve(const struct search *search, const struct witness *witness,
                      const struct hole *hole) {
  const struct call *call = witness->call;
  return is_get(call) == hole->for_good && call->called <= hole->to &&
         call_until(search->court, call) >= hole->from &&
         lost_it_from(search, call) <= hole->lost_by;
}

/* Give the hole a witness, if need be one that serves another hole that finds another one. */
static bool serve(struct search *search, uint64_t hole) {
  for (uint64_t i = 0; i < search->witnesses_n; i++) {
    struct witness *witness = &search->witnesses[i];
    if (witness->asked || !can_serve(search, witness, &search->holes[hole])) continue;
    witness->asked = true;
    if (witness->served < capacity_of(witness->call)) {
      witness->holes[witness->served++] = hole;
      return true;
    }
    for (unsigned k = 0; k < witness->served; k++) {
      if (!serve(search, witness->holes[k])) continue;
      witness->holes[k] = hole;
      return true;
    }
  }
  return false;
}

/* ---- What is left over --------------------------------------------------------------------------
 */

static bool was_discarding(const struct history *history) {
  for (uint64_t i = 0; i < history->calls_used; i++)
    if (history->calls[i].state != BLANK && history->calls[i].op == SHUTDOWN_NOW) return true;
  return false;
}

static void report(struct court *court, const struct hole *hole, uint64_t *discarded) {
  const struct item *item = &court->items[hole->item];
  if (!hole->for_good) {
    find(court, ATTEMPT, item->put, "an attempt of this item was given to nobody");
  } else if (*discarded > 0) {
    --*discarded;
  } else {
    find(court, LOST, item->put, "this item was put, and nobody finished or got it");
  }
}

void judge_alibis(struct court *court) {
  struct search search = {.court = court, .followers = collect_followers(court)};
  const struct final *final = &court->history->final;
  uint64_t discarded = 0;
  if (was_discarding(court->history)) discarded = final->known ? final->discarded : UINT64_MAX;
  for (uint64_t i = 0; i < court->items_n; i++)
    if (court->items[i].put) look_for_holes(&search, i);
  collect_witnesses(&search);
  for (uint64_t i = 0; i < search.holes_n; i++) {
    for (uint64_t k = 0; k < search.witnesses_n; k++)
      search.witnesses[k].asked = false;
    if (serve(&search, i)) {
      court->verdict->alibis++;
    } else {
      report(court, &search.holes[i], &discarded);
    }
  }
  free(search.followers.list);
  free(search.holes);
  free(search.witnesses);
}
