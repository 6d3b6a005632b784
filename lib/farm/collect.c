/* SPDX-License-Identifier: Apache-2.0 */
#include "collect.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "team.h"

/* How long a ticket that was given up waits for the word of how its worker died. It comes at once,
   if the supervisor lives. */
#define GRACE NS_PER_S

/* ---- From reports to outcomes ---- */

static void set_data(struct shmq_farm_outcome *outcome, const void *data, size_t size) {
  char *copy = malloc(size + 1);
  free(outcome->data);
  outcome->data = copy;
  outcome->size = copy != NULL ? size : 0;
  if (copy == NULL) {
    outcome->code = -ENOMEM;
  } else {
    memcpy(copy, data, size);
    copy[size] = '\0';
  }
}

static void set_sentence(struct shmq_farm_outcome *outcome, const char *sentence) {
  set_data(outcome, sentence, strlen(sentence));
}

/* One that comes for a ticket that is finished or gone came twice, or nobody wants it. */
static void take_in(struct shmq_farm *farm, const struct report *report, size_t data_size) {
  struct ticket *ticket = ticket_find(&farm->tickets, report->ticket);
  if (ticket == NULL || ticket->state == TICKET_FINISHED) return;
  struct shmq_farm_outcome *outcome = &ticket->outcome;
  outcome->attempt = report->attempt;
  if (report->kind == REPORT_GIVEN_UP) {
    ticket_give_up(&farm->tickets, ticket, clock_now());
    return;
  }
  outcome->code = report->code;
  outcome->signal = report->signal;
  set_data(outcome, report + 1, data_size);
  const bool more = report->kind == REPORT_CRASH && report->attempt < farm->options.max_attempts;
  if (!more) ticket_finish(&farm->tickets, ticket);
}

static ssize_t take_in_some(struct shmq_farm *farm, const struct iovec *reports, ssize_t n) {
  for (ssize_t i = 0; i < n; i++) {
    const size_t size = reports[i].iov_len;
    if (size >= sizeof(struct report)) {
      take_in(farm, reports[i].iov_base, size - sizeof(struct report));
    }
    shmq_task_done(farm->submitter.results);
  }
  return n;
}

static ssize_t receive(struct shmq_farm *farm, struct iovec *reports, shmq_ns timeout) {
  const struct submitter *submitter = &farm->submitter;
  for (size_t i = 0; i < REPORTS; i++) {
    reports[i].iov_base = submitter->buffer + i * submitter->report_max;
    reports[i].iov_len = submitter->report_max;
  }
  return shmq_get_many(submitter->results, reports, REPORTS, timeout);
}

static void take_in_all(struct shmq_farm *farm) {
  struct iovec reports[REPORTS];
  while (take_in_some(farm, reports, receive(farm, reports, SHMQ_NOWAIT)) > 0) {
  }
}

/* ---- What goes wrong ---- */

static void finish_if_silent(struct tickets *tickets, struct ticket *ticket, int64_t now) {
  struct shmq_farm_outcome *outcome = &ticket->outcome;
  if (ticket->given_up == 0 || ticket->state == TICKET_FINISHED) return;
  if (now - ticket->given_up < GRACE) return;
  outcome->code = -EOWNERDEAD;
  if (outcome->data == NULL) set_sentence(outcome, "its worker died, and so did its supervisor");
  ticket_finish(tickets, ticket);
}

static void finish_if_lost(struct tickets *tickets, struct ticket *ticket, int64_t unused) {
  (void)unused;
  if (ticket->state != TICKET_UNDER_WAY || ticket->given_up != 0) return;
  ticket->outcome.code = -ECANCELED;
  set_sentence(&ticket->outcome, "discarded before it began");
  ticket_finish(tickets, ticket);
}

/* If no task is left at all, and no report: those under way were discarded by somebody. A report is
   put before its task is finished; and it may be there though we get none, while somebody has the
   lock of its queue. */
static void find_lost(struct shmq_farm *farm) {
  if (farm->tickets.under_way == farm->tickets.given_up) return;
  if (shmq_join(farm->tasks, SHMQ_NOWAIT) != 0) return;
  take_in_all(farm);
  if (!shmq_empty(farm->submitter.results)) return;
  tickets_each(&farm->tickets, finish_if_lost, 0);
}

void look_after(struct shmq_farm *farm) {
  farm->looked = clock_now();
  team_watch(farm);
  if (farm->submitter.results == NULL || farm->collecting) return;
  if (farm->tickets.given_up > 0) tickets_each(&farm->tickets, finish_if_silent, clock_now());
  find_lost(farm);
}

/* ---- Waiting ---- */

static void await_collector(struct shmq_farm *farm, shmq_ns timeout) {
  const int64_t end = clock_now() + timeout;
  const struct timespec until = {.tv_sec = end / NS_PER_S, .tv_nsec = end % NS_PER_S};
  pthread_cond_timedwait(&farm->news, &farm->mutex, &until);
}

/* One thread sleeps at the queue of results, without the mutex; the others wait for it. */
static ssize_t collect(struct shmq_farm *farm, shmq_ns timeout) {
  struct iovec reports[REPORTS];
  if (farm->collecting) return await_collector(farm, timeout), 0;
  farm->collecting = true;
  pthread_mutex_unlock(&farm->mutex);
  const ssize_t n = receive(farm, reports, timeout);
  pthread_mutex_lock(&farm->mutex);
  farm->collecting = false;
  take_in_some(farm, reports, n);
  /* Also while reports never cease to come, or nobody sleeps until one does. */
  if (clock_now() - farm->looked >= SLICE) look_after(farm);
  pthread_cond_broadcast(&farm->news);
  return n == -EAGAIN || n == -ETIMEDOUT ? 0 : n;
}

int collect_until(struct shmq_farm *farm, bool (*ready)(struct shmq_farm *, uint64_t),
                  uint64_t argument, const struct deadline *deadline) {
  for (bool last = false; !ready(farm, argument);) {
    if (last) return deadline_error(deadline);
    const shmq_ns left = deadline_left(deadline);
    const ssize_t n = collect(farm, left);
    if (n < 0) return (int)n;
    last = left == 0;
  }
  return 0;
}

/* ---- The end of the team ---- */

static bool team_is_here(struct shmq_farm *farm) {
  look_after(farm);
  if (farm->submitter.results != NULL && !farm->collecting) take_in_all(farm);
  pthread_cond_broadcast(&farm->news);
  return farm->team.workers != 0;
}

int await_team(struct shmq_farm *farm, shmq_ns timeout) {
  const struct deadline deadline = deadline_of(timeout);
  pthread_mutex_lock(&farm->mutex);
  int error = 0;
  while (error == 0 && team_is_here(farm)) {
    struct pollfd supervisor = {.fd = farm->team.supervisor, .events = POLLIN};
    const shmq_ns left = deadline_left(&deadline);
    if (left == 0) error = deadline_error(&deadline);
    pthread_mutex_unlock(&farm->mutex);
    if (error == 0) poll(&supervisor, 1, (int)(left / NS_PER_MS) + 1);
    pthread_mutex_lock(&farm->mutex);
  }
  pthread_mutex_unlock(&farm->mutex);
  return error;
}
