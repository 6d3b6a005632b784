/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting elsewhere than in a call of the queue: for several queues, or beside descriptors. These
 * sleepers, too, set the bit, make a barrier and look once more before they sleep (event_count.h,
 * pair E), and look again ten times a second.
 */
#include <errno.h>

#include "join.h"
#include "os/futex.h"
#include "os/membarrier.h"
#include "wait.h"

/* ---- What there is to wait for ---- */

static bool is_shut_down(const struct shmq *q) {
  return load_acquire(&q->segment->state.shut_down) != 0;
}

static bool holds(const struct shmq *q, enum shmq_event event) {
  if (event == SHMQ_FINISHED) return all_finished(q);
  return is_shut_down(q) || (event == SHMQ_NOT_EMPTY ? anything_waits(q) : ring_has_room(q));
}

static struct event_count *count_of(const struct shmq *q, enum shmq_event event) {
  struct segment *s = q->segment;
  if (event == SHMQ_FINISHED) return &s->finished;
  return event == SHMQ_NOT_EMPTY ? &s->not_empty : &s->not_full;
}

/* Without a descriptor we see nobody's death, and would look around in place of those who do. */
static int refusal(const struct shmq *q, enum shmq_event event) {
  if (q->readonly) return -EPERM;
  if (q->fd < 0) return q->fd;
  return (unsigned)event <= SHMQ_FINISHED ? 0 : -EINVAL;
}

/* ---- One event, for those who sleep by other means ---- */

static void pass_on(const struct shmq *q, enum shmq_event event) {
  event_notify(count_of(q, event), &q->segment->state, 1);
}

/* The word as it was a step ago: the kernel lets nobody sleep on that. */
static uint32_t stale(const struct shmq *q, enum shmq_event event) {
  return load_relaxed(&count_of(q, event)->word) - EVENT_STEP;
}

static bool arm(const struct shmq *q, enum shmq_event event, uint32_t *seen) {
  if (holds(q, event)) return false;
  *seen = event_prepare(count_of(q, event), &q->segment->state, true);
  return !holds(q, event);
}

int shmq_event_arm(struct shmq *q, enum shmq_event event, struct shmq_futex *futex) {
  int r = refusal(q, event);
  if (r != 0) return r;
  futex->word = (const uint32_t *)&count_of(q, event)->word;
  if (arm(q, event, &futex->seen)) return 0;
  pass_on(q, event);
  futex->seen = stale(q, event);
  return 1;
}

/* A waker that died may have left sleepers behind, even with the bit cleared (event_wake()): then
   set it anew. */
int shmq_look(struct shmq *q, enum shmq_event event) {
  int r = refusal(q, event);
  if (r != 0) return r;
  struct event_count *e = count_of(q, event);
  reap(q, &(struct timeout){.ns = SHMQ_NOWAIT});
  if (!(load_relaxed(&e->word) & EVENT_ASLEEP)) event_prepare(e, &q->segment->state, true);
  if (holds(q, event)) event_wake(e, EVENT_ALL);
  return 0;
}

/* ---- Several queues ---- */

_Static_assert(SHMQ_WAIT_MAX == FUTEX_WAITV_MAX, "as many as the kernel takes");

struct several {
  struct shmq *const *queues;
  const enum shmq_event *events;
  size_t n;
};

static int several_refusal(const struct several *s) {
  if (s->n == 0 || s->n > SHMQ_WAIT_MAX) return -EINVAL;
  int r = 0;
  for (size_t i = 0; r == 0 && i < s->n; i++)
    r = refusal(s->queues[i], s->events[i]);
  return r;
}

/* The first that holds, behind turn and then from the start, or -1. */
static int find_ready(const struct several *s, size_t turn) {
  for (size_t i = 1; i <= s->n; i++) {
    size_t at = (turn + i) % s->n;
    if (holds(s->queues[at], s->events[at])) return (int)at;
  }
  return -1;
}

/* event_prepare() for all: all bits, then one barrier. */
static void announce_all(const struct several *s, struct futex_waitv *words) {
  for (size_t i = 0; i < s->n; i++) {
    _Atomic uint32_t *word = &count_of(s->queues[i], s->events[i])->word;
    words[i] = (struct futex_waitv){
        .val = atomic_fetch_or(word, EVENT_ASLEEP) | EVENT_ASLEEP,
        .uaddr = (uintptr_t)word,
        .flags = FUTEX_32,
    };
  }
  bool reached_all = membarrier_all();
  for (size_t i = 0; !reached_all && i < s->n; i++)
    store_release(&s->queues[i]->segment->state.fence_needed, 1u);
  full_fence();
}

static bool reap_all(const struct several *s, struct timeout *t) {
  bool changed = false;
  for (size_t i = 0; i < s->n; i++)
    changed |= reap(s->queues[i], t);
  return changed;
}

/* Returns 0 when it is worth looking again. */
static int sleep_at_all(const struct several *s, struct timeout *t) {
  struct futex_waitv words[SHMQ_WAIT_MAX];
  if (t->ns == SHMQ_NOWAIT) return reap_all(s, t) ? 0 : -EAGAIN;
  int64_t left = timeout_left(t, EVENT_SLICE);
  if (left <= 0) return timeout_error(t);
  announce_all(s, words);
  if (find_ready(s, 0) >= 0) return 0;
  int r = futex_wait_any(words, s->n, left);
  reap_all(s, t);
  return r;
}

int shmq_wait_any(struct shmq *const *queues, const enum shmq_event *events, size_t n,
                  shmq_ns timeout) {
  static _Thread_local size_t turn; /* so that a busy queue does not starve those behind it */
  const struct several s = {queues, events, n};
  struct timeout t = {.ns = timeout};
  int found = -1, r = several_refusal(&s);
  while (r == 0 && (found = find_ready(&s, turn)) < 0)
    r = sleep_at_all(&s, &t);
  if (r != 0) return r;
  turn = (size_t)found;
  return found;
}
