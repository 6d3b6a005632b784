/* SPDX-License-Identifier: Apache-2.0 */
#include "join.h"

#include <errno.h>

#include "wait.h"

/* ---- task_done ---- */

/* finished is below got: no other thread may have used the difference up, hence the swap. */
static bool finish_one(struct thread_slot *slot) {
  uint64_t finished = load_relaxed(&slot->finished);
  while (finished + load_relaxed(&slot->abandoned) < load_relaxed(&slot->got)) {
    if (cas_acq_rel(&slot->finished, &finished, finished + 1)) return true;
  }
  return false;
}

/* Something that another thread of this process got. */
static bool finish_for_sibling(struct shmq *q) {
  for (uint32_t i = 0; i < q->geometry.max_threads; i++) {
    struct thread_slot *slot = &q->threads[i];
    if (thread_process(q, slot) == q->process && finish_one(slot)) return true;
  }
  return false;
}

int shmq_task_done(struct shmq *q) {
  struct thread *me;
  struct timeout t = {.ns = SHMQ_FOREVER};
  int r = enter(q, &t, &me);
  if (unlikely(r != 0)) return r;
  if (!finish_one(me->slot) && !finish_for_sibling(q)) return -EINVAL;
  item_finished(q);
  return 0;
}

/* ---- join ---- */

static bool nothing_leased(const struct shmq *q) {
  for (uint32_t i = 0; i < q->geometry.max_leases; i++) {
    if (cell_state(load_acquire(&q->cells[i].word)) != CELL_FREE) return false;
  }
  return true;
}

static bool nothing_outstanding(const struct shmq *q) {
  for (uint32_t i = 0; i < q->geometry.max_threads; i++) {
    if (thread_outstanding(&q->threads[i]) != 0) return false;
  }
  return true;
}

/*
 * Items move one way: from the ring to a cell or to a thread, from a cell to a thread; and each is
 * counted at its new place before it leaves the old one. So a look at the ring, then at the cells,
 * then at the threads misses none that was there at the first look. If nothing was put meanwhile,
 * there was a moment at which everything was finished.
 */
bool all_finished(const struct shmq *q) {
  const struct segment *s = q->segment;
  uint64_t tail = ring_end(q);
  return load_acquire(&s->consumer.head.place) == tail && nothing_leased(q) &&
         nothing_outstanding(q) && ring_end(q) == tail;
}

int shmq_join(struct shmq *q, shmq_ns timeout) {
  struct thread *me;
  struct wait w = {.timeout = {.ns = timeout}};
  const struct side nothing_to_spin_for = {0};
  int r = enter(q, &w.timeout, &me);
  while (r == 0 && !all_finished(q)) {
    r = wait_more(q, me, &w, &nothing_to_spin_for, &q->segment->finished);
  }
  return r;
}
