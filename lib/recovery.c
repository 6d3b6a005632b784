/* SPDX-License-Identifier: Apache-2.0 */
#include "recovery.h"

#include <errno.h>

#include "event_count.h"
#include "os/file_lock.h"
#include "probe.h"
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
  uint32_t slots = load_relaxed(&q->segment->state.process_slots);
  for (uint32_t i = 0; i < slots && i < q->geometry.max_processes; i++) {
    if (process_is_dead(q, i)) return true;
  }
  return false;
}

static void departed_find(const struct shmq *q, struct departed *d) {
  for (uint32_t i = 0; i < q->geometry.max_processes; i++) {
    if (d->slot[i] || !process_is_dead(q, i)) continue;
    d->slot[i] = true;
    d->n++;
    probe1(died, q, load_relaxed(&q->processes[i].pid));
  }
}

/*
 * We hold the registry lock: a recoverer that left its mark in a lock is dead, and a thread slot
 * of a dead process can not have been given to a living one since we looked.
 */
static bool is_departed(const struct shmq *q, const struct departed *d, uint32_t thread) {
  if (thread == 0 || thread > q->geometry.max_threads) return thread == MUTEX_RECOVERER;
  uint32_t process = thread_process(q, &q->threads[thread - 1]);
  return process < q->geometry.max_processes && (d->slot[process] || process_is_dead(q, process));
}

/* ---- The locks of the dead ---- */

static bool lock_names_departed(const struct shmq *q, const struct departed *d,
                                const struct robust_mutex *m) {
  return is_departed(q, d, mutex_word_holder(m)) || is_departed(q, d, load_acquire(&m->bias)) ||
         is_departed(q, d, load_acquire(&m->occupant));
}

/* No living thread is inside without the word, which we have. An occupant that is dead stays named
   until its side is repaired. */
static bool nobody_inside(const struct shmq *q, const struct departed *d, struct robust_mutex *m,
                          int64_t ns) {
  return mutex_evict(q, m, 0) || is_departed(q, d, load_acquire(&m->occupant)) ||
         mutex_evict(q, m, ns);
}

/* A word that came from the dead is not dropped before its side is repaired: should we have to
   leave it, the next recoverer finds our mark. */
static bool lock_try(const struct shmq *q, const struct departed *d, struct robust_mutex *m,
                     int64_t ns) {
  uint32_t holder = mutex_word_holder(m);
  bool from_dead = is_departed(q, d, holder);
  bool ours = from_dead ? mutex_inherit(m, holder, MUTEX_RECOVERER)
                        : mutex_wait_word(m, MUTEX_RECOVERER, ns, false);
  if (!ours || nobody_inside(q, d, m, ns)) return ours;
  if (!from_dead) mutex_drop(m);
  return false;
}

/* Kept by nobody who could ever let go of it: damage. That is certain, as we hold the registry
   lock: who took the lock had a slot before, and nobody else frees slots. */
static bool kept_by_nobody(const struct shmq *q, const struct departed *d,
                           const struct robust_mutex *m) {
  if (mutex_waits_for_nobody(m)) return true;
  uint32_t keeper = mutex_word_holder(m);
  if (keeper == 0 || is_departed(q, d, keeper)) keeper = load_acquire(&m->occupant);
  return keeper != 0 && holder_liveness(q, keeper) == NOBODY;
}

/* Once, however late: who is not scheduled for so long must not leave the dead where they are. */
static int lock_for_repair(const struct shmq *q, const struct departed *d, struct robust_mutex *m,
                           struct timeout *t) {
  for (;;) {
    int64_t left = timeout_left(t, LOCK_SLICE);
    if (lock_try(q, d, m, left > 0 ? left : 0)) return 0;
    if (kept_by_nobody(q, d, m)) return -EBADMSG;
    if (left <= 0) return timeout_error(t);
  }
}

static void unlock_repaired(struct robust_mutex *m) {
  store_release(&m->occupant, 0u);
  mutex_drop(m);
}

/* ---- The producer's side ---- */

static int producer_release(struct shmq *q, const struct departed *d, struct timeout *t) {
  struct producer_side *p = &q->segment->producer;
  if (!lock_names_departed(q, d, &p->lock)) return 0;
  int r = lock_for_repair(q, d, &p->lock, t);
  if (r != 0) return r;
  trace("producer lock released after %llu items", (unsigned long long)cursor_items(&p->tail));
  unlock_repaired(&p->lock);
  return 0;
}

/* ---- The consumer's side ---- */

/* Was the last discarding, whose counts may be open, committed? */
static void consumer_repair(struct shmq *q) {
  struct consumer_side *c = &q->segment->consumer;
  if (ring_head(q) == load_acquire(&c->discard_head)) {
    store_release(&c->discarded, load_acquire(&c->next_discarded));
  } else {
    store_release(&c->next_discarded, load_acquire(&c->discarded));
  }
}

/* A lease whose item the head never passed was not taken: the item is still in the ring. */
static void lease_return(struct shmq *q, uint32_t i, uint64_t word) {
  if (cell_state(word) == CELL_BURIED) {
    cell_count(q, i, word);
  } else if (cell_state(word) == CELL_BURYING) {
    cell_move(q, i, word, cell_word_as(word, CELL_DOOMED, 0));
  } else if (load_relaxed(&q->cells[i].id) >= cursor_items(&q->segment->consumer.head)) {
    cell_move(q, i, word, 0);
  } else {
    cell_give_back(q, i, word);
  }
}

static void leases_return(struct shmq *q, const struct departed *d) {
  for (uint32_t i = 0; i < q->geometry.max_leases; i++) {
    uint64_t word = load_acquire(&q->cells[i].word);
    enum cell_state state = cell_state(word);
    if (state == CELL_DROPPED) cell_count(q, i, word);
    if (state != CELL_LEASED && state != CELL_BURYING && state != CELL_BURIED) continue;
    uint32_t owner = cell_owner(word) - 1;
    if (owner >= q->geometry.max_processes || d->slot[owner] ||
        !load_acquire(&q->processes[owner].used)) { /* damage: held by nobody */
      lease_return(q, i, word);
    }
  }
}

/* A get that was killed before its commit did not happen: see struct thread_slot. */
static void thread_undo(struct shmq *q, struct thread_slot *slot) {
  bool in_ring = load_acquire(&slot->undo_head) > cursor_items(&q->segment->consumer.head);
  uint32_t cell = load_acquire(&slot->undo_cell) - 1;
  bool in_cell = cell < q->geometry.max_leases &&
                 load_acquire(&q->cells[cell].word) == load_acquire(&slot->undo_word);
  if (in_ring || in_cell) store_release(&slot->got, load_acquire(&slot->undo_got));
}

/* The one store to abandoned both counts the items and ends them. */
static void thread_settle(struct shmq *q, struct thread_slot *slot) {
  thread_undo(q, slot);
  store_release(&slot->abandoned, load_acquire(&slot->got) - load_acquire(&slot->finished));
  store_release(&slot->undo_head, 0u);
  store_release(&slot->undo_cell, 0u);
}

static void for_threads_of(struct shmq *q, const struct departed *d,
                           void (*act)(struct shmq *, struct thread_slot *)) {
  for (uint32_t i = 0; i < q->geometry.max_threads; i++) {
    uint32_t process = thread_process(q, &q->threads[i]);
    if (process < q->geometry.max_processes && d->slot[process]) act(q, &q->threads[i]);
  }
}

static void thread_free(struct shmq *q, struct thread_slot *slot) {
  (void)q;
  store_release(&slot->inside[0], 0u);
  store_release(&slot->inside[1], 0u);
  store_release(&slot->activity, 0u);
  store_release(&slot->owner, 0u);
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
    uint64_t word = load_acquire(&q->cells[i].word);
    if (cell_state(word) == CELL_READY) cell_end(q, i, word, CELL_DROPPED);
  }
  store_release(&c->returned, 0u);
}

void discard_if_shut_down(struct shmq *q) {
  struct consumer_side *c = &q->segment->consumer;
  if (load_acquire(&q->segment->state.shut_down) != SHUT_DOWN_NOW) return;
  uint64_t end = ring_end(q);
  uint32_t waiting = place_items(end) - place_items(ring_head(q));
  if (waiting != 0) {
    store_release(&c->discard_head, end);
    store_release(&c->next_discarded, load_relaxed(&c->discarded) + waiting);
    ring_commit_head(q, end);
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

/* Under the consumer lock: what the departed had in hand. */
static void settle(struct shmq *q, const struct departed *d) {
  consumer_repair(q);
  leases_return(q, d);
  returned_rebuild(q);
  for_threads_of(q, d, thread_settle);
  discard_if_shut_down(q);
}

/* A thread slot is freed when no lock and no cell names it or its process any more, a process slot
   when it has no threads. */
static void slots_free(struct shmq *q, const struct departed *d) {
  for_threads_of(q, d, thread_free);
  processes_retire(q, d);
}

/*
 * Under the registry lock. Those who die before we have the consumer lock are looked for again: it
 * may be one of them that we have it from, and what it had in hand must be settled before the head
 * moves on.
 */
static int recover_departed(struct shmq *q, struct departed *d, struct timeout *t) {
  struct robust_mutex *consumer = &q->segment->consumer.lock;
  struct timeout limit = timeout_limited(t, LOCK_LIMIT);
  int r = producer_release(q, d, &limit);
  if (d->n == 0 && !lock_names_departed(q, d, consumer)) return r;
  r = lock_for_repair(q, d, consumer, &limit);
  if (r != 0) return r;
  departed_find(q, d);
  settle(q, d);
  unlock_repaired(consumer);
  r = producer_release(q, d, &limit);
  if (r == 0) slots_free(q, d);
  wake_everybody(q);
  trace("cleaned up after %u processes", d->n);
  return r == 0 ? (int)d->n : r;
}

int recover(struct shmq *q, struct timeout *t) {
  struct departed d = {0};
  int r = registry_lock(q, t);
  if (r != 0) return r;
  departed_find(q, &d);
  r = recover_departed(q, &d, t);
  registry_unlock(q);
  if (r > 0) probe1(recovered, q, r);
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
