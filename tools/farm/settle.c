/* SPDX-License-Identifier: Apache-2.0 */
#include "settle.h"

#include <stdio.h>

#include "../command.h"
#include "clock.h"
#include "dead.h"
#include "hand.h"
#include "joblog.h"
#include "order.h"
#include "past.h"
#include "print.h"
#include "results.h"

/* ---- Finishing ----------------------------------------------------------------------------------
 */

static void finish_in_order(struct worker *worker, const struct task *task,
                            const struct outputs *outputs) {
  print_later(worker, task, outputs);
  for (size_t i = 0; i < task->count; i++)
    hand_hold(worker, &task->items[i], 0);
  hand_tend(worker);
}

static void finish(struct worker *worker, const struct task *task, const struct run *run,
                   const struct outputs *outputs) {
  const struct plan *plan = &worker->farm->plan;
  if (plan->results) report_result(worker, task, run, outputs);
  if (plan->keep_order) {
    finish_in_order(worker, task, outputs);
    return;
  }
  print(worker, task, outputs);
  for (size_t i = 0; i < task->count; i++)
    item_done(worker, &task->items[i]);
}

/* ---- Failing ------------------------------------------------------------------------------------
 */

static void describe_run(char text[REASON_MAX], const struct run *run, const struct plan *plan) {
  char status[STATUS_TEXT_MAX];
  describe_status(status, run->status);
  if (run->timed_out)
    snprintf(text, REASON_MAX, "timed out after %g s, %s", (double)plan->timeout / SECOND, status);
  else
    snprintf(text, REASON_MAX, "%s", run->why ? run->why : status);
}

/* After the queue's own last attempt it would go to NAME.dead without its reason. */
static bool may_try_again(const struct worker *worker, const struct shmq_lease *item,
                          uint32_t failures) {
  return failures <= worker->farm->plan.retries && !item_is_last(worker, item);
}

static void give_up(struct worker *worker, const struct shmq_lease *item, struct letter *letter) {
  letter->item = item;
  dead_put(worker, letter);
  past_forget(worker->farm, item->id);
  atomic_fetch_add(&worker->slot->failed, 1);
}

static void fail_item(struct worker *worker, const struct shmq_lease *item, const struct run *run,
                      const struct outputs *outputs) {
  struct letter letter = {.status = run->why ? NULL : &run->status, .err = outputs->err};
  struct task alone = {item, 1};
  letter.attempts = past_failed(worker->farm, item->id);
  if (!run->hopeless && may_try_again(worker, item, letter.attempts)) {
    hand_hold(worker, item, now() + backoff_after(worker->farm->plan.backoff, letter.attempts));
    return;
  }
  letter.attempts += past_of(worker->farm, item->id).crashes;
  describe_run(letter.reason, run, &worker->farm->plan);
  give_up(worker, item, &letter);
  finish(worker, &alone, run, outputs);
}

void settle(struct worker *worker, const struct task *task, const struct run *run,
            const struct outputs *outputs) {
  if (worker->farm->joblog >= 0) joblog_write(worker->farm, task, run, outputs->out.size);
  if (run_succeeded(run)) {
    for (size_t i = 0; i < task->count; i++)
      if (task->items[i].attempt > 1) past_forget(worker->farm, task->items[i].id);
    finish(worker, task, run, outputs);
    return;
  }
  static const struct outputs nothing;
  for (size_t i = 0; i < task->count; i++)
    fail_item(worker, &task->items[i], run, i == 0 ? outputs : &nothing);
}

bool settle_poison(struct worker *worker, const struct shmq_lease *item) {
  static const struct outputs nothing;
  if (item->attempt == 1) return false;
  struct record past = past_of(worker->farm, item->id);
  if (past.crashes < crashes_allowed(&worker->farm->plan)) return false;
  struct task task = {item, 1};
  struct run run = {.why = "it ended its workers"};
  struct letter letter = {.status = &past.status, .attempts = past.crashes + past.failures};
  char status[STATUS_TEXT_MAX];
  describe_status(status, past.status);
  snprintf(letter.reason, REASON_MAX, "ended %u workers while it ran, the last: %s", past.crashes,
           status);
  give_up(worker, item, &letter);
  finish(worker, &task, &run, &nothing);
  return true;
}
