/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "registry.h"
#include "team.h"

/* Submitters whose queues a worker keeps open. */
enum { CLIENTS = 8 };

struct client {
  struct submitter_id id;
  shmq *results; /* NULL: unused */
  struct board board;
  size_t room;   /* for a result */
  uint64_t used; /* when; counts tasks */
};

struct worker {
  struct shmq_farm *farm;
  struct desk *desk;
  struct client clients[CLIENTS];
  uint64_t now; /* counts tasks */
  struct report *report;
  size_t room; /* for a result in report */
};

/* ---- Clients ---- */

static void client_close(struct client *c) {
  if (c->results == NULL) return;
  shmq_close(c->results);
  board_close(&c->board);
  *c = (struct client){0};
}

static int client_open(struct client *c, const char *farm, const struct submitter_id *id) {
  struct shmq_stats stats;
  int error = shmq_open(&c->results, results_name(farm, id).text);
  if (error != 0) return c->results = NULL, error;
  error = board_open(&c->board, board_path(farm, id).text);
  if (error != 0) return shmq_close(c->results), c->results = NULL, error;
  error = shmq_stat(c->results, &stats);
  if (error == 0 && stats.item_max < sizeof(struct report) + SENTENCE_MAX) error = -EPROTO;
  if (error != 0) return client_close(c), error;
  c->id = *id;
  c->room = stats.item_max - sizeof(struct report);
  return 0;
}

static bool client_is(const struct client *c, const struct submitter_id *id) {
  return c->results != NULL && c->id.key == id->key && c->id.pid == id->pid;
}

/* Errors that are not the submitter's end, but ours. */
static bool is_our_own(int error) {
  return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -EUSERS;
}

/* NULL: the submitter has left. Where we cannot go on, another worker is to try. */
static struct client *client_find(struct worker *w, const struct submitter_id *id) {
  struct client *oldest = &w->clients[0];
  for (struct client *c = w->clients; c < w->clients + CLIENTS; c++) {
    if (client_is(c, id)) return c;
    if (c->used < oldest->used) oldest = c;
  }
  client_close(oldest);
  const int error = client_open(oldest, w->farm->name, id);
  if (is_our_own(error)) _exit(1);
  return error == 0 ? oldest : NULL;
}

/* Let the memory of those who have left go. */
static void clients_prune(struct worker *w) {
  for (struct client *c = w->clients; c < w->clients + CLIENTS; c++) {
    if (c->results != NULL && board_is_removed(&c->board)) client_close(c);
  }
}

/* There is room, unless its tasks were run twice. */
static void client_send(struct client *c, const struct report *report, size_t size) {
  while (shmq_put(c->results, report, sizeof *report + size, SLICE) == -ETIMEDOUT &&
         submitter_lives(c->results, &c->id)) {
  }
}

/* ---- Tasks ---- */

ssize_t shmq_farm_fail(void *result, size_t room, int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(result, room, format, arguments);
  va_end(arguments);
  return code;
}

/* Returns what the function does; what it writes is in the report. */
static ssize_t call(const struct worker *w, const struct task_message *task, size_t size,
                    size_t room) {
  char *result = (char *)(w->report + 1);
  shmq_farm_task *function = registry_find(w->farm, task->name);
  if (function == NULL) {
    return shmq_farm_fail(result, room, -ENOSYS, "no task \"%s\" is registered", task->name);
  }
  result[0] = '\0';
  const ssize_t length = function(task->argument, size - sizeof *task, result, room);
  if (length <= (ssize_t)room) return length;
  return shmq_farm_fail(result, room, -EMSGSIZE, "a result of %zd bytes, room for %zu", length,
                        room);
}

static void sit_down(struct desk *desk, const struct task_message *task, uint32_t attempt) {
  desk->ticket = task->ticket;
  desk->submitter = task->submitter;
  desk->attempt = attempt;
  atomic_store_explicit(&desk->busy, 1, memory_order_release);
}

/* See to it that there is room for a result. */
static void report_reserve(struct worker *w, size_t room) {
  if (w->report != NULL && room <= w->room) return;
  struct report *larger = realloc(w->report, sizeof *larger + room);
  if (larger == NULL) _exit(1);
  w->report = larger;
  w->room = room;
}

static void report_send(struct worker *w, struct client *c, const struct task_message *task,
                        uint32_t attempt, enum report_kind kind, ssize_t result) {
  struct report *r = w->report;
  size_t size = (size_t)result;
  if (kind != REPORT_ENDED) size = 0;
  if (kind == REPORT_ENDED && result < 0) size = strnlen((const char *)(r + 1), c->room);
  r->ticket = task->ticket;
  r->attempt = attempt;
  r->kind = kind;
  r->code = result < 0 ? (int32_t)result : 0;
  r->signal = 0;
  client_send(c, r, size);
}

static void run(struct worker *w, struct client *c, const struct shmq_lease *lease) {
  const struct task_message *task = lease->data;
  sit_down(w->desk, task, lease->attempt);
  const ssize_t result = call(w, task, lease->size, c != NULL ? c->room : SENTENCE_MAX);
  if (c != NULL) report_send(w, c, task, lease->attempt, REPORT_ENDED, result);
  shmq_done(w->farm->tasks, lease);
  atomic_store_explicit(&w->desk->busy, 0, memory_order_release);
}

/* Its worker died too often. Where there is nobody to tell, it is kept in NAME.dead. */
static void give_up(struct worker *w, struct client *c, const struct shmq_lease *lease) {
  if (c == NULL && shmq_bury(w->farm->tasks, lease) == 0) return;
  if (c != NULL) report_send(w, c, lease->data, lease->attempt - 1, REPORT_GIVEN_UP, -EOWNERDEAD);
  shmq_done(w->farm->tasks, lease);
}

static bool is_task(const struct shmq_lease *lease) {
  const struct task_message *task = lease->data;
  return lease->size >= sizeof *task && memchr(task->name, '\0', sizeof task->name) != NULL;
}

static void attempt(struct worker *w, const struct shmq_lease *lease) {
  const struct task_message *task = lease->data;
  struct client *c = NULL;
  if (task->ticket != 0) c = client_find(w, &task->submitter);
  if (c != NULL) c->used = ++w->now;
  report_reserve(w, c != NULL ? c->room : SENTENCE_MAX);
  if (c != NULL && !board_begin(&c->board, task->ticket)) {
    shmq_done(w->farm->tasks, lease);
  } else if (lease->attempt > task->max_attempts) {
    give_up(w, c, lease);
  } else {
    run(w, c, lease);
  }
}

static void serve(struct worker *w, const struct shmq_lease *lease) {
  if (is_task(lease)) {
    attempt(w, lease);
  } else {
    give_up(w, NULL, lease);
  }
}

/* ---- The worker ---- */

_Noreturn void worker_run(struct shmq_farm *farm, struct desk *desk) {
  struct worker w = {.farm = farm, .desk = desk};
  struct shmq_lease lease;
  int result = 0;
  while (!atomic_load_explicit(&farm->team.shop->stop, memory_order_relaxed)) {
    result = shmq_take(farm->tasks, &lease, SLICE);
    if (result == 0) serve(&w, &lease);
    if (result == -ETIMEDOUT) clients_prune(&w);
    if (result != 0 && result != -ETIMEDOUT) break;
  }
  fflush(stdout);
  _exit(result == 0 || result == -ETIMEDOUT || result == -ESHUTDOWN ? 0 : 1);
}
