/* SPDX-License-Identifier: Apache-2.0 */
/* Watching: nothing here takes a lock or writes to the segment. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "history.h"
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

/* What is in the cells. */
struct in_cells {
  uint64_t in_use, leased;
  uint64_t oldest_lease;           /* when it began, ms; UINT64_MAX: there is none */
  uint64_t oldest_ready;           /* the smallest id of those that came back; likewise */
  uint64_t oldest_ready_last_seen; /* when that one's last lease began, ms */
};

static void count_leased(struct in_cells *c, const struct cell *cell) {
  uint64_t taken = load_relaxed(&cell->taken);
  c->leased++;
  if (taken < c->oldest_lease) c->oldest_lease = taken;
}

static void count_ready(struct in_cells *c, const struct cell *cell) {
  uint64_t id = load_relaxed(&cell->id);
  if (id >= c->oldest_ready) return;
  c->oldest_ready = id;
  c->oldest_ready_last_seen = load_relaxed(&cell->taken);
}

/* Of one process, or of all (process == max_processes). */
static struct in_cells look_at_cells(const struct shmq *q, uint32_t process) {
  struct in_cells c = {.oldest_lease = UINT64_MAX, .oldest_ready = UINT64_MAX};
  for (uint32_t i = 0; i < q->geometry.max_leases; i++) {
    uint64_t word = load_acquire(&q->cells[i].word);
    enum cell_state state = cell_state(word);
    bool counts = process == q->geometry.max_processes || cell_owner(word) == process + 1;
    if (state == CELL_FREE || !counts) continue;
    c.in_use++;
    if (state == CELL_LEASED || state == CELL_BURYING) count_leased(&c, &q->cells[i]);
    if (state == CELL_READY) count_ready(&c, &q->cells[i]);
  }
  return c;
}

/* So long ago something was that is there; 0 is left to what is not. What lies ahead was written by
   another clock, or is damage. */
static shmq_ns age_of(int64_t now, int64_t then) {
  return now > then ? now - then : 1;
}

static int64_t from_ms(uint64_t ms) {
  return ms < (uint64_t)(NEVER / NS_PER_MS) ? (int64_t)ms * NS_PER_MS : NEVER;
}

static shmq_ns oldest_lease(const struct in_cells *c) {
  return c->leased != 0 ? age_of(clock_now(), from_ms(c->oldest_lease)) : 0;
}

/* What came back goes first. */
static shmq_ns oldest_waiting(const struct shmq *q, const struct in_cells *c) {
  int64_t now = clock_now();
  if (c->oldest_ready != UINT64_MAX) {
    int64_t put = history_before(q, c->oldest_ready, now);
    return age_of(now, put != 0 ? put : from_ms(c->oldest_ready_last_seen));
  }
  if (ring_is_empty(q)) return 0;
  return age_of(now, history_before(q, cursor_items(&q->segment->consumer.head), now));
}

/* What ended in the cells. */
static void sum_cells(const struct shmq *q, uint64_t *buried, uint64_t *dropped) {
  *buried = *dropped = 0;
  for (uint32_t i = 0; i < q->geometry.max_leases; i++) {
    *buried += load_acquire(&q->cells[i].buried);
    *dropped += load_acquire(&q->cells[i].dropped);
  }
}

/* The thread that has the slot: 0: none. */
static pid_t thread_tid(const struct thread_slot *slot) {
  return (pid_t)(load_acquire(&slot->owner) >> 32);
}

/* Of the dead, none sleeps. */
static void count_waiting(const struct shmq *q, const struct thread_slot *slot,
                          struct shmq_stats *s) {
  uint64_t activity = load_relaxed(&slot->activity);
  uint32_t process = thread_process(q, slot);
  if (!activity_waits(activity) || process == q->geometry.max_processes) return;
  if (!process_is_alive(q, process)) return;
  enum shmq_activity what = activity_what(activity);
  s->putters_waiting += what == SHMQ_WAITS_FOR_ROOM;
  s->getters_waiting += what == SHMQ_WAITS_FOR_ITEM || what == SHMQ_WAITS_FOR_LEASE;
  s->joiners_waiting += what == SHMQ_WAITS_FOR_JOIN;
}

/* Returns what was got and is not finished. */
static uint64_t stat_threads(const struct shmq *q, struct shmq_stats *s) {
  uint64_t outstanding = 0;
  for (uint32_t i = 0; i < q->geometry.max_threads; i++) {
    const struct thread_slot *slot = &q->threads[i];
    outstanding += thread_outstanding(slot);
    s->abandoned += load_acquire(&slot->abandoned);
    if (thread_tid(slot) == 0) continue;
    s->threads++;
    count_waiting(q, slot, s);
  }
  return outstanding;
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
  uint64_t dropped;
  s->returned = load_acquire(&c->returned);
  uint64_t discarded = load_acquire(&c->discarded);
  s->redelivered = load_acquire(&c->redelivered);
  s->got = above(cursor_items(&c->head), discarded) + s->redelivered;
  struct waiting waiting = ring_waiting(q);
  s->qsize = waiting.items + s->returned;
  s->used = waiting.bytes;
  s->put = cursor_items(&q->segment->producer.tail);
  struct in_cells cells = look_at_cells(q, q->geometry.max_processes);
  s->leased = cells.leased;
  s->oldest_lease = oldest_lease(&cells);
  s->oldest_waiting = oldest_waiting(q, &cells);
  s->unfinished = waiting.items + cells.in_use + stat_threads(q, s);
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

/* Both are of 16 bytes, a NUL at the end among them. */
static void copy_name(char name[16], const struct process_slot *slot) {
  uint64_t words[2] = {load_relaxed(&slot->name[0]), load_relaxed(&slot->name[1])};
  memcpy(name, words, sizeof words);
  name[15] = '\0';
}

static void process_threads(const struct shmq *q, uint32_t i, struct shmq_process *p) {
  for (uint32_t t = 0; t < q->geometry.max_threads; t++) {
    if (thread_process(q, &q->threads[t]) != i) continue;
    p->threads++;
    p->unfinished += thread_outstanding(&q->threads[t]);
  }
}

static void process_read(const struct shmq *q, uint32_t i, struct shmq_process *p) {
  const struct process_slot *slot = &q->processes[i];
  struct in_cells cells = look_at_cells(q, i);
  *p = (struct shmq_process){.pid = (pid_t)load_relaxed(&slot->pid),
                             .alive = process_is_alive(q, i),
                             .leased = cells.leased,
                             .unfinished = cells.leased,
                             .oldest_lease = oldest_lease(&cells)};
  copy_name(p->name, slot);
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

/* ---- Threads ---- */

/* Is the thread with this id inside the lock? */
static bool is_inside(const struct shmq *q, const struct robust_mutex *lock, uint32_t id) {
  bool biased = load_relaxed(&lock->bias) == id && load_relaxed(mutex_inside(q, lock, id)) != 0;
  return biased || mutex_holder(lock) == id;
}

static enum shmq_inside thread_inside(const struct shmq *q, uint32_t id) {
  if (is_inside(q, &q->segment->producer.lock, id)) return SHMQ_INSIDE_PUT;
  return is_inside(q, &q->segment->consumer.lock, id) ? SHMQ_INSIDE_GET : SHMQ_OUTSIDE;
}

static void thread_read(const struct shmq *q, uint32_t i, uint32_t process, struct shmq_thread *t) {
  const struct thread_slot *slot = &q->threads[i];
  uint64_t activity = load_relaxed(&slot->activity);
  *t = (struct shmq_thread){.pid = (pid_t)load_relaxed(&q->processes[process].pid),
                            .tid = thread_tid(slot),
                            .alive = process_is_alive(q, process),
                            .activity = activity_what(activity),
                            .inside = thread_inside(q, i + 1),
                            .got = load_relaxed(&slot->got),
                            .unfinished = thread_outstanding(slot)};
  if (t->activity != SHMQ_IDLE) t->since = age_of(clock_now(), from_ms(activity_since(activity)));
  copy_name(t->name, &q->processes[process]);
}

ssize_t shmq_threads(struct shmq *q, struct shmq_thread *threads, size_t n) {
  size_t found = 0;
  for (uint32_t i = 0; i < q->geometry.max_threads; i++) {
    uint32_t process = thread_process(q, &q->threads[i]);
    if (process == q->geometry.max_processes || thread_tid(&q->threads[i]) == 0) continue;
    if (found < n) thread_read(q, i, process, &threads[found]);
    found++;
  }
  return (ssize_t)found;
}
