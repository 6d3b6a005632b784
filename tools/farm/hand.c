/* SPDX-License-Identifier: Apache-2.0 */
#include "hand.h"

#include <errno.h>
#include <inttypes.h>

#include "../command.h"
#include "clock.h"
#include "order.h"
#include "print.h"

/* How often to look whether others have printed what is held. */
#define PRINTED_LOOK (20 * MS)

bool hand_has_room(const struct worker *worker) {
  return worker->held_count < worker->farm->hand_max;
}

void hand_hold(struct worker *worker, const struct shmq_lease *lease, shmq_ns due) {
  worker->held[worker->held_count++] = (struct held){*lease, due};
}

bool item_is_last(const struct worker *worker, const struct shmq_lease *lease) {
  uint32_t max = worker->farm->limits.max_attempts;
  return max != 0 && lease->attempt >= max;
}

/* ---- The ends of a lease ------------------------------------------------------------------------
 */

static void check_lease(const struct farm *farm, const struct shmq_lease *lease, int error) {
  if (error == 0) return;
  if (error != -ESTALE)
    worker_fail(farm, status_of(error), "%s: %s", farm->plan.queue, explain(error));
  complain("%s: item %" PRIu64
           ": its lease ran out meanwhile, it is delivered again; see"
           " --lease-timeout of create",
           farm->plan.queue, lease->id);
}

void item_done(struct worker *worker, const struct shmq_lease *lease) {
  const struct farm *farm = worker->farm;
  check_lease(farm, lease, shmq_done(farm->queue, lease));
  if (farm->plan.keep_order) order_leave(farm, lease->id);
  atomic_fetch_sub(&worker->slot->in_hand, 1);
  atomic_fetch_add(&worker->slot->finished, 1);
}

void item_back(struct worker *worker, const struct shmq_lease *lease) {
  const struct farm *farm = worker->farm;
  check_lease(farm, lease, shmq_give_back(farm->queue, lease));
  if (farm->plan.keep_order) order_return(farm, worker->number, lease->id);
  atomic_fetch_sub(&worker->slot->in_hand, 1);
}

/* ---- Tending ------------------------------------------------------------------------------------
 */

/* Ends the lease of what need not be held any longer. */
static bool let_go(struct worker *worker, const struct held *held, shmq_ns time) {
  if (held->due) {
    if (held->due > time) return false;
    item_back(worker, &held->lease);
    return true;
  }
  if (!order_is_printed(worker->farm, held->lease.id)) return false;
  item_done(worker, &held->lease);
  return true;
}

static void let_go_until(struct worker *worker, shmq_ns time) {
  for (uint32_t i = 0; i < worker->held_count;)
    if (let_go(worker, &worker->held[i], time))
      worker->held[i] = worker->held[--worker->held_count];
    else
      i++;
}

/* One that has run out already is noticed when it ends. */
static void renew(struct worker *worker, shmq_ns time) {
  shmq *queue = worker->farm->queue;
  for (size_t i = 0; i < worker->task.count; i++)
    shmq_touch(queue, &worker->task.items[i]);
  for (uint32_t i = 0; i < worker->held_count; i++)
    shmq_touch(queue, &worker->held[i].lease);
  worker->renewal = time + worker->farm->limits.lease_timeout / 3;
}

/* What others have given back may be in other hands now: its turn is over, and ours has come. */
static void print_finished(struct worker *worker) {
  for (uint32_t i = 0; i < worker->held_count; i++)
    if (worker->held[i].due == 0) {
      print_turns(worker);
      return;
    }
}

void hand_tend(struct worker *worker) {
  if (worker->held_count == 0 && worker->renewal == NEVER) return;
  shmq_ns time = now();
  if (time >= worker->renewal) renew(worker, time);
  print_finished(worker);
  let_go_until(worker, time);
}

shmq_ns hand_next(const struct worker *worker) {
  shmq_ns next = worker->renewal;
  for (uint32_t i = 0; i < worker->held_count; i++)
    next = earlier(next, worker->held[i].due ? worker->held[i].due : now() + PRINTED_LOOK);
  return next;
}

void hand_give_back(struct worker *worker) {
  for (uint32_t i = 0; i < worker->held_count; i++)
    if (worker->held[i].due) worker->held[i].due = 1;
  hand_tend(worker);
}
