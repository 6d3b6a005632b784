/* SPDX-License-Identifier: Apache-2.0 */
/* What the judge knows while it judges, for its parts. */
#ifndef COURT_H
#define COURT_H

#include "judge.h"

#define MS     ((int64_t)1000000)
#define SECOND ((int64_t)1000000000)
#define NEVER  INT64_MAX

/* Of an item, given its put: is it in the queue? */
enum presence { ABSENT, PERHAPS, CERTAIN };

struct item {
  const struct call *put; /* NULL: nobody put it */
  enum presence presence;
  bool has_id, ended, perhaps_ended, bury_tried;
  uint64_t id;
  uint64_t first, deliveries; /* in court.deliveries */
  const struct call *letter;  /* the first of them; NULL: none */
  uint32_t letters;
  const struct wait *wait; /* from its put to its first delivery; NULL: not certain */
};

struct delivery {
  const struct call *call;
  const struct ref *ref;
  uint64_t item;
  const struct call *end; /* the call that ended the lease, or was killed in it; NULL: none */
  int64_t renewed;        /* no lease_timeout began after this */
};

/* The item surely waited in the queue from then on, until its taker was called; and, beside the
   taker, until it was out. */
struct wait {
  int64_t from, to, out;
  uint64_t item;
  const struct call *taker;
};

struct court {
  const struct history *history;
  struct verdict *verdict;
  uint64_t *first_item; /* of each author */
  uint32_t authors;
  struct item *items;
  uint64_t items_n;
  struct delivery *deliveries; /* by item, then in their order */
  uint64_t deliveries_n;
  struct wait *waits;
  uint64_t waits_n;
};

void *zeroed(uint64_t n, size_t size);

/* call may be NULL. Returns whether it was printed. */
__attribute__((format(printf, 4, 5))) bool find(struct court *court, enum finding finding,
                                                const struct call *call, const char *format, ...);

static inline bool is_cut_short(const struct call *call) {
  return call->state == CALLED;
}
static inline bool succeeded(const struct call *call) {
  return call->state == RETURNED && call->result >= 0;
}
static inline bool is_put(const struct call *call) {
  return call->op == PUT || call->op == PUT_MANY;
}
static inline bool is_get(const struct call *call) {
  return call->op == GET || call->op == GET_MANY;
}
static inline bool is_take(const struct call *call) {
  return call->op == TAKE || call->op == TAKE_MANY;
}

/* Leases that ran out before their data was read: which items they were, nobody knows. */
static inline unsigned unread(const struct call *call) {
  if (!is_take(call) || !succeeded(call)) return 0;
  return (unsigned)(call->op == TAKE ? 1 : call->result) - call->n;
}

static inline const struct member *member_of(const struct court *court, const struct call *call) {
  return &court->history->members[call->member];
}

/* What the call did, it did before this. */
int64_t call_until(const struct court *court, const struct call *call);
/* When the member, who had left or was killed, no longer had what it had. */
int64_t gone_from(const struct member *member);
/* From when on, at the earliest, the item of this delivery could be delivered again. */
int64_t held_until(const struct court *court, const struct delivery *delivery);
/* The item named; NULL: nobody was about to put it. */
struct item *item_of(const struct court *court, const struct ref *ref);

/* Was this item put before that one, surely? A put_many puts its items in their order. */
bool put_before(const struct court *court, const struct item *item, const struct item *other);

/* For how long of this time somebody was stopped, perhaps with a lock. */
int64_t stopped(const struct history *history, int64_t from, int64_t to);

/* The parts. */
void judge_items(struct court *court);     /* items.c: what became of each item */
void judge_alibis(struct court *court);    /* alibis.c: what only killed calls can explain */
void judge_order(struct court *court);     /* order.c: FIFO, and gets that said "empty" or slept */
void judge_joins(struct court *court);     /* joins.c */
void judge_each_call(struct court *court); /* calls.c: results, times, shutdown */
void judge_counts(struct court *court);    /* calls.c */

#endif
