/* SPDX-License-Identifier: Apache-2.0 */
#include "bury.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "segment.h"
#include "wait.h"

/* NAME.dead has its queue's sizes and permissions, and no attempts to count. */
static struct shmq_options dead_options(const struct shmq *q) {
  struct shmq_options o;
  struct stat st;
  shmq_options_init(&o);
  o.capacity = q->geometry.capacity;
  o.item_max = q->geometry.item_max;
  if (fstat(q->fd, &st) == 0) o.mode = st.st_mode & 0777;
  return o;
}

static int dead_open(const struct shmq *q, struct shmq **dead, struct timeout *t) {
  char name[sizeof q->name + sizeof ".dead"];
  struct shmq_options options = dead_options(q);
  snprintf(name, sizeof name, "%s.dead", q->name);
  return segment_open_or_create(dead, name, &options, t);
}

/*
 * Copy a cell that we hold as BURYING into NAME.dead, then free it. Killed in between, the item is
 * in both, and is buried once more: it is there twice only because its holder died.
 */
static int cell_bury(struct shmq *q, struct shmq *dead, uint32_t i, uint64_t word) {
  uint64_t size = load_relaxed(&q->cells[i].size);
  if (size > q->geometry.item_max) return -EBADMSG;
  int r = shmq_put(dead, payload_of(q, i), size, SHMQ_NOWAIT);
  if (r != 0) return r;
  cell_end(q, i, word, CELL_BURIED);
  cell_freed(q);
  return 0;
}

/* 1: moved; 0: not doomed; or a negative errno. */
static int bury_if_doomed(struct shmq *q, struct shmq *dead, uint32_t i) {
  uint64_t word = load_acquire(&q->cells[i].word);
  uint64_t mine = cell_word_as(word, CELL_BURYING, q->process + 1);
  if (cell_state(word) != CELL_DOOMED || !cell_move(q, i, word, mine)) return 0;
  int r = cell_bury(q, dead, i, mine);
  if (r == 0) return 1;
  cell_move(q, i, mine, word);
  store_release(&q->segment->state.doomed, 1u);
  return r;
}

/* The child of a fork may look around before its first call: it has no slot yet to hold a cell
   with. Killed after the flag is cleared: recovery finds the doomed cells and sets it again. */
bool bury_doomed(struct shmq *q, struct timeout *t) {
  struct shmq *dead;
  struct thread *me;
  if (likely(!load_relaxed(&q->segment->state.doomed))) return false;
  struct timeout limit = timeout_limited(t, LOCK_PATIENCE);
  if (enter(q, &limit, &me) != 0 || dead_open(q, &dead, &limit) != 0) return false;
  atomic_exchange_explicit(&q->segment->state.doomed, 0, memory_order_acq_rel);
  bool moved = false;
  int r = 0;
  for (uint32_t i = 0; i < q->geometry.max_leases && r >= 0; i++) {
    r = bury_if_doomed(q, dead, i); /* one that is refused is enough: NAME.dead is full, or busy */
    moved |= r > 0;
  }
  segment_close(dead, &limit);
  return moved;
}

int shmq_bury(struct shmq *q, const struct shmq_lease *lease) {
  struct shmq *dead;
  struct thread *me;
  struct timeout t = {.ns = SHMQ_FOREVER};
  int r = enter(q, &t, &me);
  if (r != 0) return r;
  uint64_t word = lease_word(q, lease);
  uint64_t mine = cell_word_as(word, CELL_BURYING, q->process + 1);
  if (word == 0) return -ESTALE;
  r = dead_open(q, &dead, &t);
  if (r != 0) return r;
  r = cell_move(q, lease->cell, word, mine) ? cell_bury(q, dead, lease->cell, mine) : -ESTALE;
  if (r != 0 && r != -ESTALE) cell_move(q, lease->cell, mine, word);
  shmq_close(dead);
  return r;
}
