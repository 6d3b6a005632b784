/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "probe.h"
#include "wait.h"

/* Items to put, and how many of them are in. */
struct batch {
  const struct iovec *items;
  size_t n, done;
};

static inline void probe_items(const struct shmq *q, const struct iovec *items, size_t n) {
  for (size_t i = 0; i < n; i++)
    probe1(put, q, items[i].iov_len);
}

static inline ssize_t put_attempt(struct shmq *q, struct thread *me, void *arguments) {
  struct batch *b = arguments;
  if (unlikely(load_relaxed(&q->segment->state.shut_down))) return -ESHUTDOWN;
  ssize_t n = ring_append(q, b->items + b->done, b->n - b->done);
  if (unlikely(n <= 0)) return n;
  probe_items(q, b->items + b->done, (size_t)n);
  b->done += (size_t)n;
  me->items += (uint32_t)n;
  return n;
}

static ssize_t put_some(struct shmq *q, struct batch *b, shmq_ns timeout) {
  ssize_t n = attempt_until(q, producer_side, put_attempt, b, timeout);
  if (likely(n > 0)) event_notify(&q->segment->not_empty, &q->segment->state, (int)n);
  return n;
}

/* ---- One item ---- */

static __attribute__((noinline)) int put_patiently(struct shmq *q, const void *item, size_t size,
                                                   shmq_ns timeout) {
  struct iovec vector = {.iov_base = (void *)(uintptr_t)item, .iov_len = size};
  ssize_t n = put_some(q, &(struct batch){&vector, 1, 0}, timeout);
  return n > 0 ? 0 : (int)n;
}

static __attribute__((noinline)) int put_then_look(struct shmq *q, struct thread *me) {
  event_notify(&q->segment->not_empty, &q->segment->state, 1);
  if (me->calls_to_look == 0) look_around(q, me, PRODUCER, 1);
  return 0;
}

/* The fast path: no call but in the place of a return, and no store that is not needed. */
ALWAYS_INLINE int put_one(struct shmq *q, const void *item, size_t size, shmq_ns timeout,
                          copy_fn *copy) {
  struct thread *me = enter_biased(q, PRODUCER);
  if (unlikely(me == NULL)) return put_patiently(q, item, size, timeout);
  uint64_t place = ring_tail(q);
  if (unlikely(load_relaxed(&q->segment->state.shut_down) || !ring_room(q, place, size))) {
    leave_biased(me, PRODUCER);
    return put_patiently(q, item, size, timeout);
  }
  ring_write(q, place, item, size, copy);
  ring_commit_tail(q, place_beyond(place, size));
  probe1(put, q, size);
  leave_biased(me, PRODUCER);
  me->items++;
  bool awaited = event_is_awaited(&q->segment->not_empty, &q->segment->state);
  return unlikely(time_to_look(me) | awaited) ? put_then_look(q, me) : 0;
}

static __attribute__((noinline)) int put_large(struct shmq *q, const void *item, size_t size,
                                               shmq_ns timeout) {
  return put_one(q, item, size, timeout, copy_large);
}

int shmq_put(struct shmq *q, const void *item, size_t size, shmq_ns timeout) {
  if (unlikely(size > q->geometry.item_max)) return -EMSGSIZE;
  if (size > SMALL_ITEM) return put_large(q, item, size, timeout);
  return put_one(q, item, size, timeout, copy_small);
}

/* ---- Many ---- */

static bool all_fit(const struct shmq *q, const struct iovec *items, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (items[i].iov_len > q->geometry.item_max) return false;
  }
  return true;
}

/* What is left of the time, for the next run of a batch. */
static shmq_ns remaining(shmq_ns timeout, int64_t deadline) {
  if (timeout <= 0) return timeout;
  int64_t left = deadline - clock_now();
  return left > 0 ? left : 1;
}

ssize_t shmq_put_many(struct shmq *q, const struct iovec *items, size_t n, shmq_ns timeout) {
  if (!all_fit(q, items, n)) return -EMSGSIZE;
  struct batch b = {items, n, 0};
  int64_t deadline = timeout > 0 ? clock_deadline(timeout) : NEVER;
  ssize_t r = 0;
  while (r >= 0 && b.done < n)
    r = put_some(q, &b, remaining(timeout, deadline));
  return b.done > 0 ? (ssize_t)b.done : r;
}
