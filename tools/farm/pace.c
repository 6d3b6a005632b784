/* SPDX-License-Identifier: Apache-2.0 */
#include "pace.h"

#include "clock.h"

#define PAUSED_LOOK (100 * MS)

/* Turns follow each other at the interval; what was not used is not made up for. */
static shmq_ns reserve_turn(struct shared *shared, shmq_ns interval, shmq_ns time) {
  int64_t next = atomic_load(&shared->next_start), turn;
  do {
    turn = next > time ? next : time;
  } while (!atomic_compare_exchange_weak(&shared->next_start, &next, turn + interval));
  return turn;
}

static bool wait_for_turn(struct worker *worker, size_t items) {
  const struct farm *farm = worker->farm;
  shmq_ns turn = reserve_turn(farm->shared, farm->plan.interval * (shmq_ns)items, now());
  while (now() < turn && !stopping(farm))
    nap(worker, turn);
  return !stopping(farm);
}

bool may_begin(struct worker *worker, size_t items) {
  const struct farm *farm = worker->farm;
  do { /* a turn that comes in a pause is let go by */
    while (atomic_load(&farm->shared->paused) && !stopping(farm))
      nap(worker, now() + PAUSED_LOOK);
    if (stopping(farm)) return false;
    if (farm->plan.interval != 0 && !wait_for_turn(worker, items)) return false;
  } while (atomic_load(&farm->shared->paused));
  return true;
}
