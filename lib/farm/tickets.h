/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A handle's tickets, in the process's own memory; all calls under the handle's mutex.
 *
 *   free --new--> sending --sent--> under way --finish--> finished --remove--> free
 *                    |                  |                      ^
 *                    +--- finish: its report was faster -------+
 *                    +--- remove: not sent, or cancelled --------------------> free
 *
 * A ticket that somebody waits for is claimed: it is not in the list that next() looks at. One that
 * was forgotten while its task runs is under way until the report comes, since that takes room.
 */
#ifndef SHMQ_FARM_TICKETS_H
#define SHMQ_FARM_TICKETS_H

#include "message.h"

enum ticket_state { TICKET_FREE, TICKET_SENDING, TICKET_UNDER_WAY, TICKET_FINISHED };

struct ticket {
  enum ticket_state state;
  bool forgotten;      /* remove it when it is finished */
  uint32_t claims;     /* who waits for this one */
  uint32_t next, prev; /* in the list of those finished; free: next is the next free one */
  int64_t given_up;    /* since when, though nobody told how the last worker died; 0: it is not */
  struct shmq_farm_outcome outcome; /* ticket: its id; the rest grows complete */
};

struct tickets {
  struct ticket *all; /* [0] is the head of the list of those finished, a ring */
  uint32_t max, used; /* places are 1 to max; those up to used had a ticket before */
  uint32_t free;      /* 0: none */
  uint32_t under_way, unclaimed, given_up;
  uint64_t serial;
};

int tickets_create(struct tickets *tickets, uint32_t max);
void tickets_destroy(struct tickets *tickets);

/* NULL: there are max of them. */
struct ticket *ticket_new(struct tickets *tickets, bool claimed);
struct ticket *ticket_find(const struct tickets *tickets, shmq_farm_ticket id);
/* The same for those who ask: NULL if it was forgotten. */
struct ticket *ticket_asked(const struct tickets *tickets, shmq_farm_ticket id);
void ticket_remove(struct tickets *tickets, struct ticket *ticket);

void ticket_sent(struct ticket *ticket);
void ticket_finish(struct tickets *tickets, struct ticket *ticket);
void ticket_forget(struct tickets *tickets, struct ticket *ticket);
void ticket_give_up(struct tickets *tickets, struct ticket *ticket, int64_t now);

void ticket_claim(struct tickets *tickets, struct ticket *ticket);
void ticket_unclaim(struct tickets *tickets, struct ticket *ticket);

/* The unclaimed one that finished first, or NULL. */
struct ticket *ticket_first(const struct tickets *tickets);

/* Call for each ticket that is not free. */
void tickets_each(struct tickets *tickets, void (*act)(struct tickets *, struct ticket *, int64_t),
                  int64_t argument);

#endif
