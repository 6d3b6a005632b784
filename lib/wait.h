/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way every call goes: enter the queue, lock a side, try, unlock; where nothing could be done,
 * wait until it is worth trying again. The attempt is the only thing that differs.
 */
#ifndef SHMQ_WAIT_H
#define SHMQ_WAIT_H

#include "activity.h"
#include "event_count.h"
#include "recovery.h"
#include "robust_mutex.h"

/* What there is on one side to lock, to wait for, and to look at without the lock. */
struct side {
  struct robust_mutex *lock;
  struct event_count *event;
  const struct cursor *cursor;
  bool (*ready)(const struct shmq *);
};

static inline bool anything_waits(const struct shmq *q) {
  return !ring_is_empty(q) || anything_returned(q);
}

static inline struct side producer_side(const struct shmq *q) {
  return (struct side){&q->segment->producer.lock, &q->segment->not_full,
                       &q->segment->producer.tail, ring_has_room};
}

static inline struct side consumer_side(const struct shmq *q) {
  return (struct side){&q->segment->consumer.lock, &q->segment->not_empty,
                       &q->segment->consumer.head, anything_waits};
}

/* Which side a call works on: producer_side or consumer_side. */
typedef struct side side_fn(const struct shmq *q);

/* How far the waiting of one call has come. */
struct wait {
  struct timeout timeout;
  struct event_count *armed; /* where we are announced as a sleeper, or NULL */
  uint32_t seen;
  bool spun, reaped, slept;
  int64_t since; /* when it first slept */
};

int enter_slow(struct shmq *q, struct timeout *t, struct thread **me);

/* Is this the thread's place at this queue? */
static inline bool is_here(const struct shmq *q, const struct thread *t) {
  return t != NULL && t->attachment == load_relaxed(&q->attachment);
}

/* Get this thread's place. Errors: -EPERM, -EUSERS, -EAGAIN, -ETIMEDOUT, -ENOMEM. */
static inline int enter(struct shmq *q, struct timeout *t, struct thread **me) {
  struct thread *latest = thread_latest;
  if (likely(is_here(q, latest))) {
    *me = latest;
    return 0;
  }
  return enter_slow(q, t, me);
}

int side_lock_slow(struct shmq *q, struct robust_mutex *lock, uint32_t me, struct timeout *t);

/* Lock one side; recover if its holder died. Errors: -EAGAIN, -ETIMEDOUT, -EBADMSG. */
static inline int side_lock(struct shmq *q, struct robust_mutex *lock, uint32_t me,
                            struct timeout *t) {
  return mutex_try(q, lock, me) ? 0 : side_lock_slow(q, lock, me, t);
}

static inline void side_unlock(struct shmq *q, struct robust_mutex *lock, uint32_t me) {
  mutex_unlock(q, lock, me, likely(!load_relaxed(&q->segment->state.fence_needed)));
}

/* Nothing could be done now. Returns 0 when it is worth trying again, else what the call says. */
int wait_more(struct shmq *q, struct thread *me, struct wait *w, const struct side *side,
              struct event_count *event);

/* Twenty times a second, one of all who use the queue looks for the dead and for leases that ran
   out, and buries the doomed. Returns true if that changed anything. */
bool reap(struct shmq *q, struct timeout *t);

/* Where nobody waits, those who work look around; after a call on this side that put so many. */
void look_around(struct shmq *q, struct thread *me, int side, size_t put);

static inline bool time_to_look(struct thread *me) {
  return --me->calls_to_look == 0;
}

/* ---- The fast path: for the thread that a side is biased to ---- */

/* This thread's place, inside the side's lock; NULL: it is to go the long way, attempt_until(). */
ALWAYS_INLINE struct thread *enter_biased(struct shmq *q, int side) {
  struct thread *me = thread_latest;
  struct robust_mutex *lock =
      side == PRODUCER ? &q->segment->producer.lock : &q->segment->consumer.lock;
  if (unlikely(!is_here(q, me))) return NULL;
  return likely(mutex_enter_biased(lock, &me->slot->inside[side], me->id)) ? me : NULL;
}

ALWAYS_INLINE void leave_biased(struct thread *me, int side) {
  store_release(&me->slot->inside[side], 0u); /* M */
}

/* ---- The long way ---- */

/*
 * One try, under the lock. Returns a count or a size; -EAGAIN: wait for the side's event;
 * -ENOBUFS: wait for a free cell; any other error ends the call.
 */
typedef ssize_t attempt_fn(struct shmq *q, struct thread *me, void *arguments);

/* After an attempt under this lock that returned n. */
static inline void look_after(struct shmq *q, struct thread *me, const struct robust_mutex *lock,
                              ssize_t n) {
  bool puts = lock == &q->segment->producer.lock;
  look_around(q, me, puts ? PRODUCER : CONSUMER, puts && n > 0 ? (size_t)n : 0);
}

/* Try again and again, until it is done or the time is up. */
ssize_t attempt_patiently(struct shmq *q, side_fn *side, attempt_fn *attempt, void *arguments,
                          shmq_ns timeout);

/* Inlined into each call, with its attempt: what most calls get by with. */
__attribute__((always_inline)) static inline ssize_t attempt_until(struct shmq *q, side_fn *side,
                                                                   attempt_fn *attempt,
                                                                   void *arguments,
                                                                   shmq_ns timeout) {
  struct thread *me = thread_latest;
  struct robust_mutex *lock = side(q).lock;
  if (likely(is_here(q, me)) && likely(mutex_try(q, lock, me->id))) {
    ssize_t n = attempt(q, me, arguments);
    side_unlock(q, lock, me->id);
    if (unlikely(time_to_look(me))) look_after(q, me, lock, n);
    if (likely(n != -EAGAIN && n != -ENOBUFS)) return n;
  }
  return attempt_patiently(q, side, attempt, arguments, timeout);
}

#endif
