/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "probe.h"
#include "wait.h"

static inline void not_full(struct shmq *q, size_t n) {
  event_notify(&q->segment->not_full, &q->segment->state, (int)n);
}

static int consumer_shut_down(struct shmq *q) {
  discard_if_shut_down(q);
  return anything_waits(q) ? 0 : -ESHUTDOWN;
}

/* What a consumer does first. Returns 0, or -ESHUTDOWN when nothing is left. */
static inline int consumer_begin(struct shmq *q) {
  if (unlikely(q->geometry.lease_timeout != 0)) leases_expire(q);
  return likely(!load_acquire(&q->segment->state.shut_down)) ? 0 : consumer_shut_down(q);
}

/* ---- Get: the item leaves the queue and counts as this thread's until task_done ---- */

/* Buffers to fill, and how many are filled. */
struct buffers {
  struct iovec *items;
  size_t n;
};

static inline int copy_out(struct iovec *buffer, const struct ring_item *item) {
  if (unlikely(item->size > buffer->iov_len)) return -EMSGSIZE;
  copy_any(buffer->iov_base, item->data, item->size);
  buffer->iov_len = item->size;
  return 0;
}

/*
 * got counts before the commit, so that at every moment the item is seen by join(): in the ring, or
 * with us. If we die before the commit, recovery puts undo_got back; undo_head is written before
 * got, and is more than the items that left the ring until then.
 */
static inline void count_got(const struct shmq *q, struct thread_slot *slot, uint64_t n,
                             uint64_t place) {
  uint64_t got = load_relaxed(&slot->got);
  store_release(&slot->undo_got, got);
  store_release(&slot->undo_head, items_before(&q->segment->consumer.head, place));
  store_release(&slot->got, got + n);
}

static ssize_t get_from_ring(struct shmq *q, struct thread *me, const struct buffers *b) {
  uint64_t place = ring_head(q);
  struct iovec *buffer = b->items;
  struct ring_item item;
  int r = 0;
  for (; buffer < b->items + b->n; buffer++) {
    r = ring_look(q, place, &item);
    if (likely(r == 0)) r = copy_out(buffer, &item);
    if (unlikely(r != 0)) break;
    place = place_beyond(place, item.size);
  }
  size_t n = (size_t)(buffer - b->items);
  if (n == 0) return r;
  count_got(q, me->slot, n, place);
  ring_commit_head(q, place);
  me->items += (uint32_t)n;
  for (size_t i = 0; i < n; i++)
    probe1(got, q, b->items[i].iov_len);
  return (ssize_t)n;
}

/* The same for an item that came back: its cell is freed by the store that commits. */
static ssize_t get_returned(struct shmq *q, struct thread *me, const struct buffers *b) {
  struct ring_item item;
  struct thread_slot *slot = me->slot;
  uint32_t cell;
  int r = returned_look(q, &cell, &item);
  if (r == 0) r = copy_out(&b->items[0], &item);
  if (r != 0) return r;
  store_release(&slot->undo_got, load_relaxed(&slot->got));
  store_release(&slot->undo_word, load_relaxed(&q->cells[cell].word));
  store_release(&slot->undo_cell, cell + 1);
  store_release(&slot->got, load_relaxed(&slot->got) + 1);
  returned_free(q, cell);
  store_release(&slot->undo_cell, 0u);
  probe1(got, q, item.size);
  return 1;
}

static ssize_t get_attempt(struct shmq *q, struct thread *me, void *arguments) {
  int r = consumer_begin(q);
  if (unlikely(r != 0)) return r;
  if (unlikely(anything_returned(q))) return get_returned(q, me, arguments);
  return get_from_ring(q, me, arguments);
}

static ssize_t get_some(struct shmq *q, struct iovec *items, size_t n, shmq_ns timeout) {
  struct buffers b = {items, n};
  ssize_t got = attempt_until(q, consumer_side, get_attempt, &b, timeout);
  if (likely(got > 0)) not_full(q, (size_t)got);
  return got;
}

static __attribute__((noinline)) ssize_t get_patiently(struct shmq *q, void *buf, size_t cap,
                                                       shmq_ns timeout) {
  struct iovec buffer = {.iov_base = buf, .iov_len = cap};
  ssize_t n = get_some(q, &buffer, 1, timeout);
  return n > 0 ? (ssize_t)buffer.iov_len : n;
}

static __attribute__((noinline)) ssize_t get_then_look(struct shmq *q, struct thread *me,
                                                       ssize_t size) {
  not_full(q, 1);
  if (me->calls_to_look == 0) look_around(q, me, CONSUMER, 0);
  return size;
}

/* Does the next item come from the ring, and have we seen it there? */
static inline bool ring_is_next(const struct shmq *q, uint64_t place) {
  return load_relaxed(&q->segment->state.shut_down) == 0 && !anything_returned(q) &&
         q->geometry.lease_timeout == 0 && !ring_is_used_up(q, place);
}

typedef ssize_t get_fn(struct shmq *q, void *buf, size_t cap, shmq_ns timeout);

/* The fast path: see put_one(). Items that are larger than limit are left to otherwise. */
ALWAYS_INLINE ssize_t get_one(struct shmq *q, void *buf, size_t cap, shmq_ns timeout, size_t limit,
                              copy_fn *copy, get_fn *otherwise) {
  struct thread *me = enter_biased(q, CONSUMER);
  if (unlikely(me == NULL)) return get_patiently(q, buf, cap, timeout);
  uint64_t place = ring_head(q);
  struct ring_item item;
  if (unlikely(!ring_is_next(q, place)) || unlikely(ring_read(q, place, &item) != 0) ||
      unlikely(item.size > limit)) {
    leave_biased(me, CONSUMER);
    return otherwise(q, buf, cap, timeout);
  }
  copy(buf, item.data, item.size);
  place = place_beyond(place, item.size);
  count_got(q, me->slot, 1, place);
  ring_commit_head(q, place);
  probe1(got, q, item.size);
  leave_biased(me, CONSUMER);
  me->items++;
  bool awaited = event_is_awaited(&q->segment->not_full, &q->segment->state);
  if (unlikely(time_to_look(me) | awaited)) return get_then_look(q, me, (ssize_t)item.size);
  return (ssize_t)item.size;
}

static __attribute__((noinline)) ssize_t get_large(struct shmq *q, void *buf, size_t cap,
                                                   shmq_ns timeout) {
  return get_one(q, buf, cap, timeout, cap, copy_any, get_patiently);
}

ssize_t shmq_get(struct shmq *q, void *buf, size_t cap, shmq_ns timeout) {
  size_t limit = cap < SMALL_ITEM ? cap : SMALL_ITEM;
  return get_one(q, buf, cap, timeout, limit, copy_small, get_large);
}

ssize_t shmq_get_many(struct shmq *q, struct iovec *items, size_t n, shmq_ns timeout) {
  return n > 0 ? get_some(q, items, n, timeout) : 0;
}

/* ---- Peek ---- */

static ssize_t peek_attempt(struct shmq *q, struct thread *me, void *arguments) {
  (void)me;
  const struct iovec *buffer = arguments;
  struct ring_item item;
  uint32_t cell;
  int r = consumer_begin(q);
  if (r == 0) {
    r = anything_returned(q) ? returned_look(q, &cell, &item) : ring_look(q, ring_head(q), &item);
  }
  if (r != 0) return r;
  size_t n = item.size < buffer->iov_len ? item.size : buffer->iov_len;
  if (n > 0) memcpy(buffer->iov_base, item.data, n);
  return (ssize_t)item.size;
}

ssize_t shmq_peek(struct shmq *q, void *buf, size_t cap) {
  struct iovec buffer = {.iov_base = buf, .iov_len = cap};
  return attempt_until(q, consumer_side, peek_attempt, &buffer, SHMQ_NOWAIT);
}

/* ---- Take: the item goes into a cell that this process holds ---- */

struct leases {
  struct shmq_lease *leases;
  size_t n;
};

static ssize_t take_from_ring(struct shmq *q, struct thread *me, const struct leases *l) {
  uint64_t place = ring_head(q);
  struct ring_item item;
  size_t n = 0;
  int r = 0;
  for (; n < l->n; n++) {
    r = ring_look(q, place, &item);
    if (r == 0) r = lease_from_ring(q, me, &item, &l->leases[n]);
    if (r != 0) break;
    place = place_beyond(place, item.size);
  }
  if (n == 0) return r;
  ring_commit_head(q, place);
  me->items += (uint32_t)n;
  for (size_t i = 0; i < n; i++)
    probe1(taken, q, l->leases[i].id);
  return (ssize_t)n;
}

static ssize_t take_returned(struct shmq *q, const struct thread *me, const struct leases *l) {
  struct ring_item item;
  uint32_t cell;
  size_t n = 0;
  do {
    int r = returned_look(q, &cell, &item);
    if (r != 0) return n > 0 ? (ssize_t)n : r;
    returned_lease(q, me, cell, &l->leases[n]);
    probe1(taken, q, l->leases[n++].id);
  } while (n < l->n && anything_returned(q));
  return (ssize_t)n;
}

static ssize_t take_attempt(struct shmq *q, struct thread *me, void *arguments) {
  int r = consumer_begin(q);
  if (unlikely(r != 0)) return r;
  if (unlikely(anything_returned(q))) return take_returned(q, me, arguments);
  return take_from_ring(q, me, arguments);
}

static ssize_t take_some(struct shmq *q, struct shmq_lease *leases, size_t n, shmq_ns timeout) {
  struct leases l = {leases, n};
  ssize_t taken = attempt_until(q, consumer_side, take_attempt, &l, timeout);
  if (likely(taken > 0)) not_full(q, (size_t)taken);
  return taken;
}

static __attribute__((noinline)) int take_patiently(struct shmq *q, struct shmq_lease *lease,
                                                    shmq_ns timeout) {
  ssize_t n = take_some(q, lease, 1, timeout);
  return n > 0 ? 0 : (int)n;
}

typedef int take_fn(struct shmq *q, struct shmq_lease *lease, shmq_ns timeout);

/* The fast path: see put_one(). Into the cell that this thread freed last. */
ALWAYS_INLINE int take_one(struct shmq *q, struct shmq_lease *lease, shmq_ns timeout, size_t limit,
                           copy_fn *copy, take_fn *otherwise) {
  struct thread *me = enter_biased(q, CONSUMER);
  if (unlikely(me == NULL)) return take_patiently(q, lease, timeout);
  uint64_t place = ring_head(q);
  struct ring_item item;
  if (unlikely(!ring_is_next(q, place)) || unlikely(ring_read(q, place, &item) != 0) ||
      unlikely(item.size > limit) || unlikely(!cell_is_free(q, me->cell_hint))) {
    leave_biased(me, CONSUMER);
    return otherwise(q, lease, timeout);
  }
  lease_begin(q, me, me->cell_hint, &item, lease, copy);
  ring_commit_head(q, place_beyond(place, item.size));
  probe1(taken, q, lease->id);
  leave_biased(me, CONSUMER);
  me->items++;
  bool awaited = event_is_awaited(&q->segment->not_full, &q->segment->state);
  return unlikely(time_to_look(me) | awaited) ? (int)get_then_look(q, me, 0) : 0;
}

static __attribute__((noinline)) int take_large(struct shmq *q, struct shmq_lease *lease,
                                                shmq_ns timeout) {
  return take_one(q, lease, timeout, q->geometry.item_max, copy_any, take_patiently);
}

int shmq_take(struct shmq *q, struct shmq_lease *lease, shmq_ns timeout) {
  return take_one(q, lease, timeout, SMALL_ITEM, copy_small, take_large);
}

ssize_t shmq_take_many(struct shmq *q, struct shmq_lease *leases, size_t n, shmq_ns timeout) {
  return n > 0 ? take_some(q, leases, n, timeout) : 0;
}
