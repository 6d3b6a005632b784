/* SPDX-License-Identifier: Apache-2.0 */
#include "tickets.h"

#include <errno.h>
#include <stdlib.h>

int tickets_create(struct tickets *t, uint32_t max) {
  *t = (struct tickets){.all = calloc((size_t)max + 1, sizeof *t->all), .max = max};
  return t->all != NULL ? 0 : -ENOMEM;
}

void tickets_destroy(struct tickets *t) {
  for (uint32_t i = 1; i <= t->used; i++)
    free(t->all[i].outcome.data);
  free(t->all);
}

/* ---- Places ---- */

static uint32_t place_of(const struct tickets *t, const struct ticket *ticket) {
  return (uint32_t)(ticket - t->all);
}

static struct ticket *place_take(struct tickets *t) {
  struct ticket *ticket = NULL;
  if (t->free != 0) {
    ticket = &t->all[t->free];
    t->free = ticket->next;
  } else if (t->used < t->max) {
    ticket = &t->all[++t->used];
  }
  return ticket;
}

/* An id is the place, and a serial number above it. */
struct ticket *ticket_new(struct tickets *t, bool claimed) {
  struct ticket *ticket = place_take(t);
  if (ticket == NULL) return NULL;
  const uint64_t id = ++t->serial * t->max + place_of(t, ticket) - 1;
  *ticket =
      (struct ticket){.state = TICKET_SENDING, .claims = claimed ? 1 : 0, .outcome.ticket = id};
  t->under_way++;
  if (!claimed) t->unclaimed++;
  return ticket;
}

struct ticket *ticket_find(const struct tickets *t, shmq_farm_ticket id) {
  if (id == 0 || t->all == NULL) return NULL;
  struct ticket *ticket = &t->all[id % t->max + 1];
  return ticket->state != TICKET_FREE && ticket->outcome.ticket == id ? ticket : NULL;
}

struct ticket *ticket_asked(const struct tickets *t, shmq_farm_ticket id) {
  struct ticket *ticket = ticket_find(t, id);
  return ticket != NULL && !ticket->forgotten ? ticket : NULL;
}

/* ---- The list of those finished ---- */

static void list_add(struct tickets *t, struct ticket *ticket) {
  const uint32_t place = place_of(t, ticket);
  ticket->next = 0;
  ticket->prev = t->all[0].prev;
  t->all[ticket->prev].next = place;
  t->all[0].prev = place;
}

static void list_remove(struct tickets *t, const struct ticket *ticket) {
  t->all[ticket->prev].next = ticket->next;
  t->all[ticket->next].prev = ticket->prev;
}

struct ticket *ticket_first(const struct tickets *t) {
  const uint32_t place = t->all[0].next;
  return place != 0 ? &t->all[place] : NULL;
}

/* ---- States ---- */

void ticket_sent(struct ticket *ticket) {
  if (ticket->state == TICKET_SENDING) ticket->state = TICKET_UNDER_WAY;
}

/* It is not under way any more. */
static void ticket_arrive(struct tickets *t, const struct ticket *ticket) {
  t->under_way--;
  if (ticket->given_up != 0) t->given_up--;
}

void ticket_give_up(struct tickets *t, struct ticket *ticket, int64_t now) {
  if (ticket->given_up != 0) return;
  ticket->given_up = now;
  t->given_up++;
}

void ticket_remove(struct tickets *t, struct ticket *ticket) {
  if (ticket->state != TICKET_FINISHED) {
    ticket_arrive(t, ticket);
  } else if (ticket->claims == 0) {
    list_remove(t, ticket);
  }
  if (ticket->claims == 0) t->unclaimed--;
  *ticket = (struct ticket){.state = TICKET_FREE, .next = t->free};
  t->free = place_of(t, ticket);
}

static void ticket_drop(struct tickets *t, struct ticket *ticket) {
  free(ticket->outcome.data);
  ticket_remove(t, ticket);
}

void ticket_claim(struct tickets *t, struct ticket *ticket) {
  if (ticket->claims++ > 0) return;
  t->unclaimed--;
  if (ticket->state == TICKET_FINISHED) list_remove(t, ticket);
}

void ticket_unclaim(struct tickets *t, struct ticket *ticket) {
  if (--ticket->claims > 0) return;
  t->unclaimed++;
  if (ticket->state == TICKET_FINISHED) list_add(t, ticket);
}

void ticket_finish(struct tickets *t, struct ticket *ticket) {
  ticket_arrive(t, ticket);
  ticket->state = TICKET_FINISHED;
  if (ticket->claims == 0) list_add(t, ticket);
  if (ticket->forgotten) ticket_drop(t, ticket);
}

void ticket_forget(struct tickets *t, struct ticket *ticket) {
  if (ticket->state == TICKET_FINISHED) {
    ticket_drop(t, ticket);
  } else {
    ticket_claim(t, ticket);
    ticket->forgotten = true;
  }
}

void tickets_each(struct tickets *t, void (*act)(struct tickets *, struct ticket *, int64_t),
                  int64_t argument) {
  for (uint32_t i = 1; i <= t->used; i++) {
    if (t->all[i].state != TICKET_FREE) act(t, &t->all[i], argument);
  }
}
