/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "wait.h"

/* Under the producer lock, so that no put is under way, and none succeeds afterwards. */
static ssize_t refuse_puts(struct shmq *q, struct thread *me, void *arguments) {
  (void)me;
  const uint32_t *how = arguments;
  _Atomic uint32_t *shut_down = &q->segment->state.shut_down;
  if (load_relaxed(shut_down) < *how) store_release(shut_down, *how);
  return 0;
}

/* Killed before this, the next consumer discards for us: consumer_begin() in get.c. */
static ssize_t discard_attempt(struct shmq *q, struct thread *me, void *arguments) {
  (void)me, (void)arguments;
  discard_if_shut_down(q);
  return 0;
}

int shmq_shutdown(struct shmq *q, unsigned flags) {
  if (flags & ~SHMQ_NOW) return -EINVAL;
  uint32_t how = flags & SHMQ_NOW ? SHUT_DOWN_NOW : SHUT_DOWN_DRAIN;
  ssize_t r = attempt_until(q, producer_side, refuse_puts, &how, SHMQ_FOREVER);
  if (r != 0) return (int)r;
  r = attempt_until(q, consumer_side, discard_attempt, NULL, SHMQ_FOREVER);
  wake_everybody(q);
  return (int)r;
}
