/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "bury.h"
#include "probe.h"
#include "wait.h"

/* The commit is one compare-and-swap; if the lease ran out just before, it fails. */
int shmq_done(struct shmq *q, const struct shmq_lease *lease) {
  struct thread *me;
  struct timeout t = {.ns = SHMQ_FOREVER};
  int r = enter(q, &t, &me);
  if (unlikely(r != 0)) return r;
  uint64_t word = lease_word(q, lease);
  if (word == 0 || !cell_move(q, lease->cell, word, 0)) return -ESTALE;
  probe1(done, q, lease->id);
  me->cell_hint = lease->cell;
  cell_freed(q);
  return 0;
}

static ssize_t give_back_attempt(struct shmq *q, struct thread *me, void *arguments) {
  (void)me;
  const struct shmq_lease *lease = arguments;
  uint64_t word = lease_word(q, lease);
  if (word == 0 || !cell_give_back(q, lease->cell, word)) return -ESTALE;
  discard_if_shut_down(q);
  return 0;
}

int shmq_give_back(struct shmq *q, const struct shmq_lease *lease) {
  struct shmq_lease copy = *lease;
  int r = (int)attempt_until(q, consumer_side, give_back_attempt, &copy, SHMQ_FOREVER);
  if (r != 0) return r;
  event_notify(&q->segment->not_empty, &q->segment->state, 1);
  cell_freed(q);
  bury_doomed(q, &(struct timeout){.ns = NS_PER_S});
  return 0;
}

/* Under the lock, since leases run out under it. */
static ssize_t touch_attempt(struct shmq *q, struct thread *me, void *arguments) {
  (void)me;
  const struct shmq_lease *lease = arguments;
  if (lease_word(q, lease) == 0) return -ESTALE;
  lease_renew(q, lease->cell);
  return 0;
}

int shmq_touch(struct shmq *q, const struct shmq_lease *lease) {
  struct shmq_lease copy = *lease;
  return (int)attempt_until(q, consumer_side, touch_attempt, &copy, SHMQ_FOREVER);
}
