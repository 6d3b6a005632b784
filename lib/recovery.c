/* SPDX-License-Identifier: Apache-2.0 */
#include "recovery.h"

#include <errno.h>

#include "event_count.h"
#include "os/file_lock.h"
#include "robust_mutex.h"
#include "trace.h"

/* How long to wait for a lock before asking again whether its holder lives; and how long at all,
   since those who want to attach wait for us meanwhile. */
#define LOCK_SLICE (5 * NS_PER_MS)
#define LOCK_LIMIT (50 * NS_PER_MS)

/* The processes to clean up after. Fixed under the registry lock. */
struct departed {
  uint32_t n;
  bool slot[MAX_PROCESSES];
};

static bool process_is_dead(const struct shmq *q, uint32_t i) {
  return load_acquire(&q->processes[i].used) && !process_is_alive(q, i);
}

bool anybody_died(const struct shmq *q) {
  for (uint32_t i = 0; i < q->geometry.max_processes; i++) {
    if (process_is_dead(q, i)) return true;
  }
  return false;
}

static void departed_find(const struct shmq *q, struct departed *d) {
  for (uint32_t i = 0; i < q->geometry.max_processes; i++) {
    if (d->slot[i] || !process_is_dead(q, i)) continue;
    d->slot[i] = true;
    d->n++;
  }
}

/*
 * We hold the registry lock: a recoverer that left its mark in a lock is dead, and a thread slot
 * of a dead process can not have been given to a living one since we looked.
 */
static bool holder_is_dead(const struct shmq *q, uint32_t holder) {
  return holder == MUTEX_RECOVERER || (holder != 0 && holder_liveness(q, holder) == DEAD);
}

/* ---- The producer's side: nothing to wait for, since its holder is dead ---- */

static void producer_release(struct shmq *q) {
  struct producer_side *p = &q->segment->producer;
  uint32_t holder = mutex_holder(&p->lock);
  if (!holder_is_dead(q, holder) || !mutex_inherit(&p->lock, holder, MUTEX_RECOVERER)) return;
  trace("producer lock inherited from thread %u", holder);
  cursor_repair(&p->tail, &p->journal);
  mutex_unlock(&p->lock);
}

/* ---- The consumer's side ---- */

static bool consumer_try(struct shmq *q) {
  struct robust_mutex *lock = &q->segment->consumer.lock;
  uint32_t holder = mutex_holder(lock);
  if (holder == 0) return mutex_try(lock, MUTEX_RECOVERER);
  if (!holder_is_dead(q, holder)) return false;
  trace("consumer lock inherited from thread %u", holder);
  return mutex_inherit(lock, holder, MUTEX_RECOVERER);
}

static int consumer_lock(struct shmq *q, struct timeout *t) {
  uint32_t holder;
  while (!consumer_try(q)) {
    int64_t left = timeout_left(t, LOCK_SLICE);
    if (left <= 0) return timeout_error(t);
    if (mutex_wait(&q->segment->consumer.lock, MUTEX_RECOVERER, left, false, &holder)) break;
  }
  return 0;
}

static void consumer_repair(struct shmq *q) {
  struct consumer_side *c = &q->segment->consumer;
  cursor_repair(&c->head, &c->journal);
  bool moved = load_acquire(&c->head.position) == load_acquire(&c->journal.next_position);
  if (moved) {
    store_release(&c->discarded, load_acquire(&c->next_discarded));
  } else {
    store_release(&c->next_discarded, load_acquire(&c->discarded));
  }
}

/* A lease whose item the head never passed was not taken: the item is still in the ring. */
static void lease_return(struct shmq *q, uint32_t i, uint64_t word) {
  const uint64_t head = load_acquire(&q->segment->consumer.head.position);
  if (cell_state(word) == CELL_BURYING) {
    cell_move(q, i, word, cell_word_as(word, CELL_DOOMED, 0));
  } else if (load_relaxed(&q->cells[i].position) >= head) {
    cell_move(q, i, word, 0);
  } else {
    cell_give_back(q, i, word);
  }
}

static void leases_return(struct shmq *q, const struct departed *d) {
  for (uint32_t i = 0; i < q->geometry.max_leases; i++) {
    uint64_t word = load_acquire(&q->cells[i].word);
    enum cell_state state = cell_state(word);
    if (state != CELL_LEASED && state != CELL_BURYING) continue;
    uint32_t owner = cell_owner(word) - 1;
    if (owner < q->geometry.max_processes && d->slot[owner]) lease_return(q, i, word);
  }
}

/* A get that was killed before its commit did not happen: see struct thread_slot. */
static void thread_undo(struct shmq *q, struct thread_slot *slot) {
  bool in_ring = load_acquire(&slot->undo_head) > load_acquire(&q->segment->consumer.head.position);
  uint32_t cell = load_acquire(&slot->undo_cell) - 1;
  bool in_cell = cell < q->geometry.max_leases &&
                 load_acquire(&q->cells[cell].word) == load_acquire(&slot->undo_word);
  if (in_ring || in_cell) store_release(&slot->got, load_acquire(&slot->undo_got));
}

/* The one store to abandoned both counts the items and ends them. */
static void thread_retire(struct shmq *q, struct thread_slot *slot) {
  thread_undo(q, slot);
  store_release(&slot->abandoned, load_acquire(&slot->got) - load_acquire(&slot->finished));
  store_release(&slot->undo_head, 0u);
  store_release(&slot->undo_cell, 0u);
  store_release(&slot->owner, 0u);
}

static void threads_retire(struct shmq *q, const struct departed *d) {
  for (uint32_t i = 0; i < q->geometry.max_threads; i++) {
    uint32_t process = thread_process(q, &q->threads[i]);
    if (process < q->geometry.max_processes && d->slot[process]) thread_retire(q, &q->threads[i]);
  }
}

static void processes_retire(struct shmq *q, const struct departed *d) {
  for (uint32_t i = 0; i < q->geometry.max_processes; i++) {
    if (d->slot[i]) store_release(&q->processes[i].used, 0u);
  }
}

/* ---- All of it ---- */

static void discard_returned(struct shmq *q) {
  struct consumer_side *c = &q->segment->consumer;
  for (uint32_t i = 0; i < q->geometry.max_leases; i++) {
    if (cell_state(load_acquire(&q->cells[i].word)) != CELL_READY) continue;
    store_release(&q->cells[i].word, 0);
    store_release(&c->next_discarded, load_relaxed(&c->discarded) + 1);
    store_release(&c->discarded, load_relaxed(&c->next_discarded));
  }
  store_release(&c->returned, 0u);
}

void discard_if_shut_down(struct shmq *q) {
  struct consumer_side *c = &q->segment->consumer;
  if (load_acquire(&q->segment->state.shut_down) != SHUT_DOWN_NOW) return;
  struct ring_reader end = ring_end(q);
  uint64_t waiting = end.count - load_relaxed(&c->head.count);
  if (waiting != 0) {
    store_release(&c->journal.next_position, UINT64_MAX); /* nothing is committed yet */
    store_release(&c->next_discarded, load_relaxed(&c->discarded) + waiting);
    ring_commit(q, &end);
    store_release(&c->discarded, load_relaxed(&c->next_discarded));
  }
  if (anything_returned(q)) discard_returned(q);
}

void wake_everybody(struct shmq *q) {
  struct segment *s = q->segment;
  event_wake(&s->not_empty, EVENT_ALL);
  event_wake(&s->not_full, EVENT_ALL);
  event_wake(&s->finished, EVENT_ALL);
  event_wake(&s->cell_free, EVENT_ALL);
}

/* The order matters: a thread slot is freed only when no lock word and no cell names it or its
   process any more; a process slot only when it has no threads and no leases. */
static void retire(struct shmq *q, struct departed *d) {
  departed_find(q, d); /* those who died while we waited for the lock */
  producer_release(q);
  consumer_repair(q);
  leases_return(q, d);
  returned_rebuild(q);
  threads_retire(q, d);
  processes_retire(q, d);
  discard_if_shut_down(q);
}

/* Under the registry lock. */
static int recover_departed(struct shmq *q, struct departed *d, struct timeout *t) {
  producer_release(q);
  bool locked_by_dead = holder_is_dead(q, mutex_holder(&q->segment->consumer.lock));
  if (d->n == 0 && !locked_by_dead) return 0;
  struct timeout limit = {.ns = timeout_left(t, LOCK_LIMIT)};
  int r = consumer_lock(q, &limit);
  if (r != 0) return r;
  retire(q, d);
  mutex_unlock(&q->segment->consumer.lock);
  wake_everybody(q);
  trace("cleaned up after %u processes", d->n);
  return (int)d->n;
}

int recover(struct shmq *q, struct timeout *t) {
  struct departed d = {0};
  int r = registry_lock(q, t);
  if (r != 0) return r;
  departed_find(q, &d);
  r = recover_departed(q, &d, t);
  registry_unlock(q);
  return r;
}

int recover_self(struct shmq *q, struct timeout *t) {
  struct departed d = {.n = 1};
  int r = registry_lock(q, t);
  if (r != 0) return r;
  d.slot[q->process] = true;
  r = recover_departed(q, &d, t);
  if (r >= 0) {
    store_relaxed(&q->attachment, 0);
    file_lock_release(q->fd, liveness_byte(q, q->process));
  }
  registry_unlock(q);
  return r < 0 ? r : 0;
}
