/* SPDX-License-Identifier: Apache-2.0 */
#include "leases.h"

#include <errno.h>

#include "os/clock.h"
#include "probe.h"

/* ---- The heap of returned cells: an index, rebuilt from the cells after any death ---- */

/* An entry that is out of range leads to some cell; what is done with it checks that cell. */
static uint32_t heap_at(const struct shmq *q, uint32_t i) {
  uint32_t cell = load_relaxed(&q->returned[i]);
  return cell < q->geometry.max_leases ? cell : 0;
}

static bool heap_before(const struct shmq *q, uint32_t a, uint32_t b) {
  return load_relaxed(&q->cells[heap_at(q, a)].id) < load_relaxed(&q->cells[heap_at(q, b)].id);
}

static void heap_swap(struct shmq *q, uint32_t a, uint32_t b) {
  uint32_t cell = heap_at(q, a);
  store_relaxed(&q->returned[a], heap_at(q, b));
  store_relaxed(&q->returned[b], cell);
}

static void heap_sift_down(struct shmq *q, uint32_t length) {
  for (uint32_t i = 0, child; (child = 2 * i + 1) < length; i = child) {
    if (child + 1 < length && heap_before(q, child + 1, child)) child++;
    if (!heap_before(q, child, i)) return;
    heap_swap(q, i, child);
  }
}

static uint32_t heap_length(const struct shmq *q) {
  uint32_t length = load_relaxed(&q->segment->consumer.returned);
  return length <= q->geometry.max_leases ? length : q->geometry.max_leases;
}

static void heap_push(struct shmq *q, uint32_t cell) {
  const uint32_t length = heap_length(q);
  if (length == q->geometry.max_leases) return; /* damaged: there are no more cells than that */
  store_relaxed(&q->returned[length], cell);
  uint32_t i = length;
  for (uint32_t up; i > 0 && heap_before(q, i, up = (i - 1) / 2); i = up)
    heap_swap(q, i, up);
  store_release(&q->segment->consumer.returned, length + 1);
}

static void heap_pop(struct shmq *q) {
  const uint32_t length = heap_length(q);
  if (length == 0) return; /* damaged: we looked at an entry just now */
  const uint32_t last = length - 1;
  heap_swap(q, 0, last);
  heap_sift_down(q, last);
  store_release(&q->segment->consumer.returned, last);
}

void returned_rebuild(struct shmq *q) {
  store_release(&q->segment->consumer.returned, 0u);
  for (uint32_t i = 0; i < q->geometry.max_leases; i++) {
    enum cell_state state = cell_state(load_acquire(&q->cells[i].word));
    if (state == CELL_READY) heap_push(q, i);
    if (state == CELL_DOOMED) store_release(&q->segment->state.doomed, 1u);
  }
}

/* ---- Leases begin ---- */

/* The cell that this thread freed last, else the next free one; max_leases: there is none. */
static uint32_t cell_find(struct shmq *q, const struct thread *me) {
  const uint32_t n = q->geometry.max_leases;
  if (likely(me->cell_hint < n) && cell_is_free(q, me->cell_hint)) return me->cell_hint;
  uint32_t cell = load_relaxed(&q->segment->consumer.cell_cursor);
  for (uint32_t tries = 0; tries < n; tries++) {
    cell = cell + 1 < n ? cell + 1 : 0;
    if (!cell_is_free(q, cell)) continue;
    store_relaxed(&q->segment->consumer.cell_cursor, cell);
    return cell;
  }
  return n;
}

/* When a lease that begins now runs out; remembers the earliest such time. */
static uint64_t lease_deadline(struct shmq *q) {
  if (q->geometry.lease_timeout == 0) return 0;
  uint64_t deadline = (uint64_t)clock_deadline(q->geometry.lease_timeout);
  _Atomic uint64_t *next = &q->segment->consumer.next_expiry;
  if (load_relaxed(next) > deadline) store_relaxed(next, deadline);
  return deadline;
}

int lease_from_ring(struct shmq *q, struct thread *me, const struct ring_item *item,
                    struct shmq_lease *lease) {
  uint32_t i = cell_find(q, me);
  if (unlikely(i == q->geometry.max_leases)) return -ENOBUFS;
  store_relaxed(&q->cells[i].deadline, lease_deadline(q));
  lease_begin(q, me, i, item, lease, copy_any);
  return 0;
}

int returned_look(struct shmq *q, uint32_t *cell, struct ring_item *item) {
  *cell = heap_at(q, 0);
  const struct cell *c = &q->cells[*cell];
  if (cell_state(load_acquire(&c->word)) != CELL_READY) return -EBADMSG; /* C */
  item->size = load_relaxed(&c->size);
  if (item->size > q->geometry.item_max) return -EBADMSG;
  item->data = payload_of(q, *cell);
  return 0;
}

static void count_redelivery(struct shmq *q) {
  _Atomic uint64_t *redelivered = &q->segment->consumer.redelivered;
  store_relaxed(redelivered, load_relaxed(redelivered) + 1);
}

void returned_lease(struct shmq *q, const struct thread *me, uint32_t i, struct shmq_lease *lease) {
  struct cell *cell = &q->cells[i];
  uint64_t old = load_relaxed(&cell->word);
  uint32_t attempt = cell_attempt(old) < ATTEMPT_MAX ? cell_attempt(old) + 1 : ATTEMPT_MAX;
  uint64_t id = load_relaxed(&cell->id);
  uint64_t word = cell_word(CELL_LEASED, q->process + 1, attempt, id);
  uint64_t size = load_relaxed(&cell->size);
  store_relaxed(&cell->deadline, lease_deadline(q));
  store_relaxed(&cell->taken, lease_time(q, me));
  store_release(&cell->word, word); /* commits; C */
  heap_pop(q);
  count_redelivery(q);
  *lease = (struct shmq_lease){.data = payload_of(q, i),
                               .size = size <= q->geometry.item_max ? size : 0,
                               .id = id,
                               .attempt = attempt,
                               .cell = i};
}

void returned_free(struct shmq *q, uint32_t cell) {
  store_release(&q->cells[cell].word, 0); /* commits; C */
  heap_pop(q);
  count_redelivery(q);
  event_notify(&q->segment->cell_free, &q->segment->state, 1);
}

/* ---- Leases end ---- */

static _Atomic uint64_t *cell_counter(struct cell *cell, enum cell_state how) {
  return how == CELL_BURIED ? &cell->buried : &cell->dropped;
}

bool cell_end(struct shmq *q, uint32_t i, uint64_t from, enum cell_state how) {
  struct cell *cell = &q->cells[i];
  uint64_t to = cell_word_as(from, how, cell_owner(from));
  store_release(&cell->next, load_relaxed(cell_counter(cell, how)) + 1);
  if (!cell_move(q, i, from, to)) return false;
  cell_count(q, i, to);
  return true;
}

void cell_count(struct shmq *q, uint32_t i, uint64_t word) {
  struct cell *cell = &q->cells[i];
  store_release(cell_counter(cell, cell_state(word)), load_relaxed(&cell->next));
  cell_move(q, i, word, 0);
}

void item_finished(struct shmq *q) {
  struct segment *s = q->segment;
  if (!event_is_awaited(&s->finished, &s->state)) return;
  if (ring_is_empty(q) && !anything_returned(q)) event_wake(&s->finished, EVENT_ALL);
}

void cell_freed_slow(struct shmq *q) {
  event_notify(&q->segment->cell_free, &q->segment->state, 1);
  item_finished(q);
}

bool cell_give_back(struct shmq *q, uint32_t cell, uint64_t word) {
  uint32_t limit = q->geometry.max_attempts;
  if (limit != 0 && cell_attempt(word) >= limit) {
    if (!cell_move(q, cell, word, cell_word_as(word, CELL_DOOMED, 0))) return false;
    store_release(&q->segment->state.doomed, 1u);
    return true;
  }
  if (!cell_move(q, cell, word, cell_word_as(word, CELL_READY, 0))) return false;
  heap_push(q, cell);
  probe2(returned, q, load_relaxed(&q->cells[cell].id), cell_attempt(word));
  return true;
}

void lease_renew(struct shmq *q, uint32_t cell) {
  store_relaxed(&q->cells[cell].deadline, lease_deadline(q));
}

uint32_t leases_expire(struct shmq *q) {
  _Atomic uint64_t *next_expiry = &q->segment->consumer.next_expiry;
  uint64_t now = (uint64_t)clock_now(), next = NEVER;
  uint32_t expired = 0;
  if (now < load_relaxed(next_expiry)) return 0;
  for (uint32_t i = 0; i < q->geometry.max_leases; i++) {
    uint64_t word = load_acquire(&q->cells[i].word);
    enum cell_state state = cell_state(word);
    if (state != CELL_LEASED && state != CELL_BURYING) continue;
    uint64_t deadline = load_relaxed(&q->cells[i].deadline);
    if (deadline <= now && state == CELL_BURYING) deadline = now + NS_PER_MS; /* may fail */
    if (deadline <= now) {
      expired += cell_give_back(q, i, word);
    } else if (deadline < next) {
      next = deadline;
    }
  }
  store_relaxed(next_expiry, next);
  return expired;
}
