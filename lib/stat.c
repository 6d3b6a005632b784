/* SPDX-License-Identifier: Apache-2.0 */
/* Watching: nothing here takes a lock or writes to the segment. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "wait.h"

static uint64_t above(uint64_t a, uint64_t b) {
  return a > b ? a - b : 0;
}

/* How far one half of a place is ahead of another. */
static uint32_t ahead(uint32_t a, uint32_t b) {
  int32_t difference = (int32_t)(a - b);
  return difference > 0 ? (uint32_t)difference : 0;
}

struct waiting {
  uint64_t items, bytes;
};

#define LOOKS 8

/*
 * How far the head is behind the tail. The two move while we look, and we may be kept from the
 * processor between two looks: of some tries, take the one in which the head moved least.
 */
static struct waiting ring_waiting(const struct shmq *q) {
  const struct cursor *head = &q->segment->consumer.head;
  struct waiting result = {0};
  uint32_t least = UINT32_MAX;
  for (int look = 0; look < LOOKS && least != 0; look++) {
    uint64_t before = load_acquire(&head->place), end = ring_end(q);
    uint64_t after = load_acquire(&head->place);
    if (place_items(after) - place_items(before) >= least) continue;
    least = place_items(after) - place_items(before);
    result.items = ahead(place_items(end), place_items(after));
    result.bytes = (uint64_t)ahead(place_units(end), place_units(after)) * RECORD_ALIGN;
  }
  return result;
}

uint64_t shmq_qsize(struct shmq *q) {
  return ring_waiting(q).items + load_acquire(&q->segment->consumer.returned);
}

bool shmq_empty(struct shmq *q) {
  return !anything_waits(q);
}

bool shmq_full(struct shmq *q) {
  return !ring_has_room(q);
}

/* How many cells are in hand: of one process, or of all (process == max_processes). */
static uint64_t leased_by(const struct shmq *q, uint32_t process) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < q->geometry.max_leases; i++) {
    uint64_t word = load_acquire(&q->cells[i].word);
    enum cell_state state = cell_state(word);
    if (state != CELL_LEASED && state != CELL_BURYING) continue;
    if (process == q->geometry.max_processes || cell_owner(word) == process + 1) n++;
  }
  return n;
}

/* What ended in the cells. */
static void sum_cells(const struct shmq *q, uint64_t *buried, uint64_t *dropped) {
  *buried = *dropped = 0;
  for (uint32_t i = 0; i < q->geometry.max_leases; i++) {
    *buried += load_acquire(&q->cells[i].buried);
    *dropped += load_acquire(&q->cells[i].dropped);
  }
}

static uint64_t cells_in_use(const struct shmq *q) {
  uint64_t n = 0;
  for (uint32_t i = 0; i < q->geometry.max_leases; i++) {
    if (cell_state(load_acquire(&q->cells[i].word)) != CELL_FREE) n++;
  }
  return n;
}

static void sum_threads(const struct shmq *q, uint64_t *outstanding, uint64_t *abandoned) {
  *outstanding = *abandoned = 0;
  for (uint32_t i = 0; i < q->geometry.max_threads; i++) {
    *outstanding += thread_outstanding(&q->threads[i]);
    *abandoned += load_acquire(&q->threads[i].abandoned);
  }
}

static uint32_t processes_in_use(const struct shmq *q) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < q->geometry.max_processes; i++) {
    n += load_acquire(&q->processes[i].used) != 0;
  }
  return n;
}

static void stat_made(const struct shmq *q, struct shmq_stats *s) {
  const struct geometry *g = &q->geometry;
  s->maxsize = g->maxsize;
  s->capacity = g->capacity;
  s->item_max = g->item_max;
  s->max_leases = g->max_leases;
  s->max_attempts = g->max_attempts;
  s->max_processes = g->max_processes;
  s->max_threads = g->max_threads;
  s->lease_timeout = g->lease_timeout;
}

static int stat_file(const struct shmq *q, struct shmq_stats *s) {
  struct stat st;
  if (q->fd < 0) return q->fd;
  if (fstat(q->fd, &st) != 0) return -errno;
  s->mode = st.st_mode & 07777;
  s->uid = st.st_uid;
  s->gid = st.st_gid;
  return 0;
}

/* From the ring to the cells to the threads, as items move: see all_finished() in join.c. */
static void stat_items(struct shmq *q, struct shmq_stats *s) {
  const struct consumer_side *c = &q->segment->consumer;
  uint64_t outstanding, dropped;
  s->returned = load_acquire(&c->returned);
  uint64_t discarded = load_acquire(&c->discarded);
  s->redelivered = load_acquire(&c->redelivered);
  s->got = above(cursor_items(&c->head), discarded) + s->redelivered;
  struct waiting waiting = ring_waiting(q);
  s->qsize = waiting.items + s->returned;
  s->used = waiting.bytes;
  s->put = cursor_items(&q->segment->producer.tail);
  s->leased = leased_by(q, q->geometry.max_processes);
  uint64_t in_cells = cells_in_use(q);
  sum_threads(q, &outstanding, &s->abandoned);
  s->unfinished = waiting.items + in_cells + outstanding;
  sum_cells(q, &s->dead_lettered, &dropped);
  s->discarded = discarded + dropped;
  s->done = above(s->put, s->unfinished + s->abandoned + s->dead_lettered + s->discarded);
}

int shmq_stat(struct shmq *q, struct shmq_stats *s) {
  *s = (struct shmq_stats){0};
  stat_made(q, s);
  stat_items(q, s);
  s->empty = shmq_empty(q);
  s->full = shmq_full(q);
  s->shut_down = load_acquire(&q->segment->state.shut_down) != 0;
  s->processes = processes_in_use(q);
  return stat_file(q, s);
}

/* ---- Processes ---- */

static void process_threads(const struct shmq *q, uint32_t i, struct shmq_process *p) {
  for (uint32_t t = 0; t < q->geometry.max_threads; t++) {
    if (thread_process(q, &q->threads[t]) != i) continue;
    p->threads++;
    p->unfinished += thread_outstanding(&q->threads[t]);
  }
}

static void process_read(const struct shmq *q, uint32_t i, struct shmq_process *p) {
  const struct process_slot *slot = &q->processes[i];
  uint64_t name[2] = {load_relaxed(&slot->name[0]), load_relaxed(&slot->name[1])};
  *p = (struct shmq_process){.pid = (pid_t)load_relaxed(&slot->pid)};
  memcpy(p->name, name, sizeof p->name);
  p->name[sizeof p->name - 1] = '\0';
  p->alive = process_is_alive(q, i);
  p->leased = leased_by(q, i);
  p->unfinished = p->leased;
  process_threads(q, i, p);
}

ssize_t shmq_processes(struct shmq *q, struct shmq_process *processes, size_t n) {
  size_t found = 0;
  for (uint32_t i = 0; i < q->geometry.max_processes; i++) {
    if (!load_acquire(&q->processes[i].used)) continue;
    if (found < n) process_read(q, i, &processes[found]);
    found++;
  }
  return (ssize_t)found;
}
