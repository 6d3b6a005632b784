/* SPDX-License-Identifier: Apache-2.0 */
#include "print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../command.h"
#include "order.h"

static void check(const struct worker *worker, const char *what, int error) {
  if (error) worker_fail(worker->farm, STATUS_FAILED, "%s: %s", what, strerror(error));
}

/* ---- Tags: the item, or the items with spaces between, and a tab --------------------------------
 */

static char printable(char c) {
  return (unsigned char)c < ' ' || c == 0x7f ? '?' : c;
}

static char *append_item(char *to, const struct shmq_lease *item) {
  const char *bytes = item->data;
  for (size_t i = 0; i < item->size; i++)
    *to++ = printable(bytes[i]);
  return to;
}

static struct tag make_tag(const struct worker *worker, const struct task *task) {
  size_t size = task->count;
  if (!worker->farm->plan.tag) return (struct tag){NULL, 0};
  for (size_t i = 0; i < task->count; i++)
    size += task->items[i].size;
  char *text = malloc(size), *end = text;
  if (!text) worker_fail(worker->farm, STATUS_FAILED, "out of memory");
  for (size_t i = 0; i < task->count; i++) {
    end = append_item(end, &task->items[i]);
    *end++ = i + 1 < task->count ? ' ' : '\t';
  }
  return (struct tag){text, size};
}

static void free_tag(struct tag *tag) {
  free((char *)tag->text);
}

/* ---- Printing -----------------------------------------------------------------------------------
 */

/* The progress bar is drawn again soon. */
static void clear_progress(const struct plan *plan) {
  if (plan->progress && isatty(STDERR_FILENO))
    (void)!write(STDERR_FILENO, CLEAR_LINE, strlen(CLEAR_LINE));
}

/* What goes to standard error is not worth failing for. */
void print(struct worker *worker, const struct task *task, const struct outputs *outputs) {
  const struct plan *plan = &worker->farm->plan;
  struct sink out = {.fd = STDOUT_FILENO}, err = {.fd = STDERR_FILENO};
  struct source none = {.size = 0};
  const struct source *printed = plan->results ? &none : &outputs->out;
  if (printed->size + outputs->err.size == 0) return;
  struct tag tag = make_tag(worker, task);
  lock_take(&worker->farm->shared->output);
  clear_progress(plan);
  copy(&out, printed, &tag);
  copy(&err, &outputs->err, &tag);
  lock_leave(&worker->farm->shared->output);
  free_tag(&tag);
  check(worker, "standard output", out.error);
}

/* The output of a run of several items is that of the first. */
void print_later(struct worker *worker, const struct task *task, const struct outputs *outputs) {
  static const struct source nothing;
  const struct farm *farm = worker->farm;
  struct tag tag = make_tag(worker, task);
  lock_take(&farm->shared->output);
  int held = order_hold(farm, task->items[0].id, &outputs->out, &outputs->err, &tag);
  for (size_t i = 1; i < task->count && held == 0; i++)
    held = order_hold(farm, task->items[i].id, &nothing, &nothing, NULL);
  lock_leave(&farm->shared->output);
  free_tag(&tag);
  check(worker, "the spool", held);
}

void print_turns(struct worker *worker) {
  lock_take(&worker->farm->shared->output);
  clear_progress(&worker->farm->plan);
  int error = order_print(worker->farm);
  lock_leave(&worker->farm->shared->output);
  check(worker, "standard output", error);
}
