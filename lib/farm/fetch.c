/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "registry.h"
#include "submit.h"

static void fetch(struct shmq_farm *farm, struct ticket *ticket,
                  struct shmq_farm_outcome *outcome) {
  *outcome = ticket->outcome;
  ticket_remove(&farm->tickets, ticket);
}

void shmq_farm_free(struct shmq_farm_outcome *outcome) {
  free(outcome->data);
  outcome->data = NULL;
  outcome->size = 0;
}

/* ---- One ticket ---- */

static bool has_ended(struct shmq_farm *farm, uint64_t id) {
  const struct ticket *ticket = ticket_asked(&farm->tickets, id);
  return ticket == NULL || ticket->state == TICKET_FINISHED;
}

static int fetch_one(struct shmq_farm *farm, shmq_farm_ticket id, struct shmq_farm_outcome *outcome,
                     const struct deadline *deadline) {
  struct ticket *ticket = ticket_asked(&farm->tickets, id);
  if (ticket == NULL) return -ENOENT;
  ticket_claim(&farm->tickets, ticket);
  const int error = collect_until(farm, has_ended, id, deadline);
  if (ticket_asked(&farm->tickets, id) == NULL) return -ENOENT; /* by another thread */
  if (error == 0) {
    fetch(farm, ticket, outcome);
  } else {
    ticket_unclaim(&farm->tickets, ticket);
  }
  return error;
}

static int result(struct shmq_farm *farm, shmq_farm_ticket ticket,
                  struct shmq_farm_outcome *outcome, const struct deadline *deadline) {
  int error = farm_lock(farm);
  if (error != 0) return error;
  error = fetch_one(farm, ticket, outcome, deadline);
  farm_unlock(farm);
  return error;
}

int shmq_farm_result(struct shmq_farm *farm, shmq_farm_ticket ticket,
                     struct shmq_farm_outcome *outcome, shmq_ns timeout) {
  const struct deadline deadline = deadline_of(timeout);
  return result(farm, ticket, outcome, &deadline);
}

/* ---- Whichever is first ---- */

static bool some_has_ended(struct shmq_farm *farm, uint64_t unused) {
  (void)unused;
  return farm->tickets.unclaimed == 0 || ticket_first(&farm->tickets) != NULL;
}

static int fetch_first(struct shmq_farm *farm, struct shmq_farm_outcome *outcome,
                       const struct deadline *deadline) {
  if (farm->tickets.unclaimed == 0) return -ENOENT;
  const int error = collect_until(farm, some_has_ended, 0, deadline);
  struct ticket *ticket = error == 0 ? ticket_first(&farm->tickets) : NULL;
  if (ticket != NULL) fetch(farm, ticket, outcome);
  return error != 0 || ticket != NULL ? error : -ENOENT;
}

int shmq_farm_next(struct shmq_farm *farm, struct shmq_farm_outcome *outcome, shmq_ns timeout) {
  const struct deadline deadline = deadline_of(timeout);
  int error = farm_lock(farm);
  if (error != 0) return error;
  error = fetch_first(farm, outcome, &deadline);
  farm_unlock(farm);
  return error;
}

/* ---- All of an array ---- */

struct map {
  struct shmq_farm *farm;
  const char *task;
  const struct iovec *arguments;
  struct shmq_farm_outcome *outcomes; /* ticket: of those that are not fetched */
  size_t n, sent, fetched;
  struct deadline deadline;
};

/* As many as there are tickets for. */
static int map_send(struct map *m) {
  while (m->sent < m->n) {
    shmq_farm_ticket *ticket = &m->outcomes[m->sent].ticket;
    const struct iovec *argument = &m->arguments[m->sent];
    if (argument->iov_len > m->farm->options.argument_max) return -EMSGSIZE;
    const int error = submit_claimed(m->farm, m->task, argument, true, ticket, &m->deadline);
    if (error == -ENOBUFS && m->sent > m->fetched) return 0;
    if (error != 0) return error;
    m->sent++;
  }
  return 0;
}

static int map_run(struct map *m) {
  int error = 0;
  while (error == 0 && m->fetched < m->n) {
    struct shmq_farm_outcome *outcome = &m->outcomes[m->fetched];
    error = map_send(m);
    if (error == 0) error = result(m->farm, outcome->ticket, outcome, &m->deadline);
    if (error == 0) m->fetched++;
  }
  return error;
}

static void map_undo(struct map *m) {
  for (size_t i = 0; i < m->fetched; i++)
    shmq_farm_free(&m->outcomes[i]);
  for (size_t i = m->fetched; i < m->sent; i++)
    shmq_farm_forget(m->farm, m->outcomes[i].ticket);
}

int shmq_farm_map(struct shmq_farm *farm, const char *task, const struct iovec *arguments, size_t n,
                  struct shmq_farm_outcome *outcomes, shmq_ns timeout) {
  struct map m = {farm, task, arguments, outcomes, n, 0, 0, deadline_of(timeout)};
  if (!task_name_is_valid(task)) return -EINVAL;
  const int error = map_run(&m);
  if (error != 0) map_undo(&m);
  return error;
}
