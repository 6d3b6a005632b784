/* SPDX-License-Identifier: Apache-2.0 */
#include "wait.h"

#include <errno.h>

#include "bury.h"
#include "history.h"
#include "os/file_lock.h"
#include "probe.h"

#define REAP_INTERVAL_MS 50u
/* A reaper who cannot have a lock in this time leaves the rest to the next one. */
#define REAP_LIMIT       (50 * NS_PER_MS)
#define RECOVER_LIMIT    (100 * NS_PER_MS)
#define CALLS_TO_LOOK    32u
#define LOOKS_OF_BUSY    64u
#define LOCK_FIRST_SLICE NS_PER_MS
#define LOCK_LAST_SLICE  (32 * NS_PER_MS)
#define NOBODY_STRIKES   3

/* Of spinning, in pauses of some 30 ns: between two looks, and in all. To be woken takes some 50 us
   where there is a hypervisor: to spin for less would not keep two that wait for each other awake.
 */
#define STREAM_ITEMS 4
#define PAUSES_MAX   255
#define SPIN_SHORT   64
#define SPIN_LONG    4096
#define VAIN_MAX     6

/* Others carry a stream: so many items went by from one sleep of a thread to the next, within this
   time, and most without it. */
#define STREAM_OF_OTHERS 1024
#define STREAM_TIME      (10 * NS_PER_MS)
#define REST             (2 * NS_PER_MS)

static int attach(struct shmq *q, struct timeout *t, struct thread **me) {
  int r = load_acquire(&q->attachment) == 0 ? process_attach(q, t) : 0;
  return r == 0 ? thread_attach(q, me) : r;
}

/* A recovery gives up soon where a living process keeps a lock; who needs it does not. */
static int recover_patiently(struct shmq *q, struct timeout *t) {
  int r;
  do {
    r = recover(q, t);
  } while (r == -ETIMEDOUT && timeout_left(t, 1) > 0);
  return r;
}

int enter_slow(struct shmq *q, struct timeout *t, struct thread **me) {
  if (q->readonly) return -EPERM;
  int r = attach(q, t, me);
  if (r != -EUSERS) return r;
  /* The dead may have some; and if nobody is dead now, somebody else has just cleaned up. */
  int recovered = recover_patiently(q, t);
  if (recovered == -EBADMSG) return recovered;
  return recovered >= 0 ? attach(q, t, me) : r;
}

/* We hold nothing. */
static bool word_is_damaged(const struct robust_mutex *lock, uint32_t me) {
  return mutex_word_holder(lock) == me || mutex_waits_for_nobody(lock);
}

/* A word that names nobody will never be unlocked. A thread may just have left its slot, or taken
   one; so believe it only after some looks, with sleeps between them. */
static bool holder_is_missing(enum liveness liveness, int *strikes) {
  *strikes = liveness == NOBODY ? *strikes + 1 : 0;
  return *strikes >= NOBODY_STRIKES;
}

/* Who holds the lock now: MUTEX_RECOVERER lives as long as somebody holds the registry lock. */
static enum liveness lock_liveness(const struct shmq *q, uint32_t holder) {
  if (holder != MUTEX_RECOVERER) return holder_liveness(q, holder);
  return file_lock_held(q->fd, REGISTRY_BYTE) ? LIVES : DEAD;
}

/* Not for ever: a recoverer that gave our lock back may be stopped with the registry lock. */
static void recover_for_a_while(struct shmq *q, struct timeout *t) {
  struct timeout limit = timeout_limited(t, RECOVER_LIMIT);
  recover(q, &limit);
}

static int lock_patiently(struct shmq *q, struct robust_mutex *lock, uint32_t me,
                          struct timeout *t) {
  int strikes = 0;
  for (int64_t slice = LOCK_FIRST_SLICE;;
       slice = 2 * slice <= LOCK_LAST_SLICE ? 2 * slice : slice) {
    int64_t left = timeout_left(t, slice);
    if (mutex_wait(q, lock, me, left > 0 ? left : 0)) return 0;
    if (left <= 0) return timeout_error(t);
    if (slice == LOCK_FIRST_SLICE) {
      activity_begin(&q->threads[me - 1].activity, SHMQ_WAITS_FOR_LOCK, clock_coarse());
    }
    uint32_t holder = mutex_holder(lock);
    if (word_is_damaged(lock, me)) return -EBADMSG;
    if (holder == 0) continue;
    enum liveness liveness = lock_liveness(q, holder);
    if (holder_is_missing(liveness, &strikes)) return -EBADMSG;
    if (liveness == DEAD) recover_for_a_while(q, t);
  }
}

int side_lock_slow(struct shmq *q, struct robust_mutex *lock, uint32_t me, struct timeout *t) {
  _Atomic uint64_t *activity = &q->threads[me - 1].activity;
  uint64_t before = load_relaxed(activity);
  int r = lock_patiently(q, lock, me, t);
  if (load_relaxed(activity) != before) store_relaxed(activity, before);
  return r;
}

/* Perhaps no consumer comes any more to discard for us. */
static bool expire(struct shmq *q, struct timeout *t) {
  struct robust_mutex *lock = &q->segment->consumer.lock;
  struct thread *me;
  if (q->geometry.lease_timeout == 0) return false;
  struct timeout limit = timeout_limited(t, LOCK_PATIENCE);
  if (enter(q, &limit, &me) != 0 || side_lock(q, lock, me->id, &limit) != 0) return false;
  bool expired = leases_expire(q) > 0;
  discard_if_shut_down(q);
  side_unlock(q, lock, me->id);
  return expired;
}

bool reap(struct shmq *q, struct timeout *t) {
  _Atomic uint64_t *last_look = &q->segment->reaper.last_look;
  int64_t time = clock_coarse();
  uint64_t now = (uint64_t)(time / NS_PER_MS), last = load_relaxed(last_look);
  history_mark(q, 0, time);
  if (now - last < REAP_INTERVAL_MS || !cas_acq_rel(last_look, &last, now)) return false;
  struct timeout limit = timeout_limited(t, REAP_LIMIT);
  bool changed = anybody_died(q) && recover(q, &limit) > 0;
  changed |= expire(q, &limit);
  return bury_doomed(q, &limit) || changed;
}

/* Who calls often looks at the clock once in a while only; who calls seldom, at every call. Often
   is so many times in one tick of the clock: who stops then has few calls left without a look. */
void look_around(struct shmq *q, struct thread *me, int side, size_t put) {
  int64_t now = clock_coarse();
  bool again = now == me->looked;
  me->looks = again ? me->looks + 1 : 0;
  me->calls_to_look = me->looks < LOOKS_OF_BUSY ? 1 : CALLS_TO_LOOK;
  me->looked = now;
  if (again) return;
  activity_begin(&me->slot->activity, side == PRODUCER ? SHMQ_PUTS : SHMQ_GETS, now);
  history_mark(q, (uint32_t)put, now);
  reap(q, &(struct timeout){.ns = SHMQ_NOWAIT});
}

/*
 * Who looks at the other side's cursor takes its cache line away, and every look costs both sides
 * a transfer. If more than a few items went by since the last wait, this is a stream: look less
 * often, and find more. If not, every item is waited for: look at once.
 */
static void pace_adapt(struct pace *pace, uint32_t items) {
  bool streams = items - pace->items > STREAM_ITEMS;
  if (streams && pace->pauses < PAUSES_MAX) pace->pauses = 2 * pace->pauses + 1;
  if (!streams) pace->pauses /= 2;
  pace->items = items;
}

/* Long spinning that ends asleep was in vain: spin shortly the next time, the next three times, and
   so on up to 63. */
static void spin_failed(struct pace *pace) {
  if (pace->skip > 0) {
    pace->skip--;
    return;
  }
  if (pace->vain < VAIN_MAX) pace->vain++;
  pace->skip = (1u << pace->vain) - 1;
}

/* Of a call that waits for a time; the clock costs as much as a pause. */
static bool time_is_up(struct wait *w) {
  return w->timeout.ns > 0 && timeout_left(&w->timeout, 1) <= 0;
}

/* Where every item is waited for, its line comes together with the cursor's, and not after it. */
static void fetch_next(const struct shmq *q, const struct side *side, const struct pace *pace) {
  if (pace->pauses == 0) __builtin_prefetch(record_at(q, load_relaxed(&side->cursor->place)));
}

static bool spin_until_ready(struct shmq *q, struct wait *w, const struct side *side,
                             struct pace *pace) {
  pace_adapt(pace, place_items(load_relaxed(&side->cursor->place)));
  uint32_t limit = pace->skip > 0 ? SPIN_SHORT : SPIN_LONG;
  for (uint32_t spent = 0; spent < limit; spent += pace->pauses + 1) {
    for (uint32_t i = 0; i <= pace->pauses; i++)
      cpu_relax();
    fetch_next(q, side, pace);
    if (side->ready(q)) {
      if (pace->skip == 0) pace->vain = 0;
      return true;
    }
    if (time_is_up(w)) return false;
  }
  spin_failed(pace);
  return false;
}

/*
 * Who sleeps is woken at the next commit. In a stream that others carry, it comes too late for the
 * item or the room, takes the processor and the lock from those who carry it, and sleeps again. So
 * it stays out for a while, without asking anybody to wake it.
 */
static bool others_carry(const struct thread *me, const struct side *side, struct pace *pace) {
  uint32_t place = place_items(load_relaxed(&side->cursor->place));
  uint32_t all = place - pace->all, own = me->items - pace->own;
  int64_t now = clock_coarse(), time = now - pace->when;
  pace->all = place;
  pace->own = me->items;
  pace->when = now;
  return time <= STREAM_TIME && all > STREAM_OF_OTHERS && own < all / 2;
}

static int rest(struct wait *w, struct pace *pace) {
  int64_t left = timeout_left(&w->timeout, REST);
  if (left <= 0) return timeout_error(&w->timeout);
  pace->vain = VAIN_MAX;
  pace->skip = (1u << VAIN_MAX) - 1;
  clock_sleep(left);
  return 0;
}

/* To the end of the slice, or, for a consumer, until the next lease runs out. */
static int64_t sleep_slice(const struct shmq *q, const struct wait *w) {
  if (!w->slept) return EVENT_FIRST_SLICE;
  bool consumes = w->armed == &q->segment->not_empty || w->armed == &q->segment->cell_free;
  if (q->geometry.lease_timeout == 0 || !consumes) return EVENT_SLICE;
  uint64_t expiry = load_relaxed(&q->segment->consumer.next_expiry), now = (uint64_t)clock_now();
  if (expiry <= now) return NS_PER_MS;
  return expiry - now < (uint64_t)EVENT_SLICE ? (int64_t)(expiry - now) : EVENT_SLICE;
}

static enum shmq_activity waits_for(const struct shmq *q, const struct event_count *event) {
  if (event == &q->segment->not_empty) return SHMQ_WAITS_FOR_ITEM;
  if (event == &q->segment->not_full) return SHMQ_WAITS_FOR_ROOM;
  return event == &q->segment->cell_free ? SHMQ_WAITS_FOR_LEASE : SHMQ_WAITS_FOR_JOIN;
}

/* 0: not empty, 1: not full, 2: finished, 3: a free cell. For tracing. */
static size_t event_number(const struct shmq *q, const struct event_count *e) {
  return (size_t)((const char *)e - (const char *)&q->segment->not_empty) / sizeof *e;
}

/* Killed asleep, we leave word that we sleep: watchers ask who lives. */
static int wait_asleep(struct shmq *q, struct thread *me, struct wait *w) {
  int64_t left = timeout_left(&w->timeout, sleep_slice(q, w));
  if (left <= 0) return timeout_error(&w->timeout);
  if (!w->slept) w->since = clock_coarse();
  _Atomic uint64_t *activity = &me->slot->activity;
  uint64_t before = activity_begin(activity, waits_for(q, w->armed), w->since);
  probe1(slept, q, event_number(q, w->armed));
  event_sleep(w->armed, w->seen, left);
  probe(woken, q);
  store_relaxed(activity, before);
  w->armed = NULL;
  w->slept = true;
  reap(q, &w->timeout);
  return 0;
}

/* Who never sleeps looks for the dead all the same, before it says that nothing is there. */
static int wait_not(struct shmq *q, struct wait *w) {
  if (w->reaped || !reap(q, &w->timeout)) return -EAGAIN;
  w->reaped = true;
  return 0;
}

int wait_more(struct shmq *q, struct thread *me, struct wait *w, const struct side *side,
              struct event_count *event) {
  if (w->timeout.ns == SHMQ_NOWAIT) return wait_not(q, w);
  timeout_deadline(&w->timeout); /* the time runs from here, spinning included */
  if (time_is_up(w)) return timeout_error(&w->timeout);
  struct pace *pace = event == &q->segment->not_full ? &me->put : &me->get;
  if (q->may_spin && !w->spun && event == side->event) {
    w->spun = !spin_until_ready(q, w, side, pace);
    if (!w->spun) return 0;
  }
  if (w->armed == event) return wait_asleep(q, me, w);
  if (event == side->event && others_carry(me, side, pace)) return rest(w, pace);
  w->armed = event;
  w->seen = event_prepare(event, &q->segment->state, w->slept);
  return 0; /* once more, now that whoever commits will wake us */
}

/* A sleeper that was woken and leaves something behind wakes the next: one that was to be woken may
   have died on its way. */
ssize_t attempt_patiently(struct shmq *q, side_fn *side_of, attempt_fn *attempt, void *arguments,
                          shmq_ns timeout) {
  const struct side side = side_of(q);
  struct wait w = {.timeout = {.ns = timeout}};
  struct thread *me;
  int r = enter(q, &w.timeout, &me);
  while (r == 0) {
    r = side_lock(q, side.lock, me->id, &w.timeout);
    if (r != 0) break;
    ssize_t n = attempt(q, me, arguments);
    side_unlock(q, side.lock, me->id);
    if (w.slept && side.ready(q)) event_notify(side.event, &q->segment->state, 1);
    if (n != -EAGAIN && n != -ENOBUFS) {
      if (w.slept | time_to_look(me)) look_after(q, me, side.lock, n);
      return n;
    }
    r = wait_more(q, me, &w, &side, n == -EAGAIN ? side.event : &q->segment->cell_free);
  }
  return r;
}
