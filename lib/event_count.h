/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeping until something may have changed: the condition variable of this library, which nobody's
 * death can break. The word holds a sequence that only moves forward and, lowest, one bit: somebody
 * may be asleep.
 *
 *   sleeper                                    waker
 *   seen = event_prepare()   sets the bit      commit: a store to shared memory
 *   membarrier, but not the first time         (fence, only where some process has no membarrier)
 *   try once more                              event_notify(): load of the word; bit set?
 *   event_sleep(seen)                            step the sequence, futex wake
 *
 * No wake-up is lost (pair E): the membarrier stands between the sleeper's bit and its second try,
 * and acts as a full barrier between the waker's commit and its load as well. So either the second
 * try sees the commit, or the load sees the bit. In the second case the sequence moves, and a
 * sleeper that was not in the kernel yet does not go to sleep on the old one.
 *
 * A membarrier interrupts other processors and may take longer than the whole wait. So the first
 * sleep goes without it, and ends after EVENT_FIRST_SLICE: that is the price of a commit that was
 * still on its way to memory when we tried once more.
 *
 * What the dead owe is collected by the living: every sleep ends after EVENT_SLICE.
 */
#ifndef SHMQ_EVENT_COUNT_H
#define SHMQ_EVENT_COUNT_H

#include "atomic.h"
#include "layout.h"
#include "os/clock.h"

#define EVENT_FIRST_SLICE NS_PER_MS
#define EVENT_SLICE       (100 * NS_PER_MS)
#define EVENT_ASLEEP      1u
#define EVENT_STEP        2u
#define EVENT_ALL         INT32_MAX /* sleepers to wake */

/* Announce that we are about to sleep. Then try once more; then event_sleep() with the result.
   Without the barrier, for EVENT_FIRST_SLICE at most. */
uint32_t event_prepare(struct event_count *e, struct state *state, bool barrier);

/* Sleep until the event is notified, for ns at most; may end early. */
void event_sleep(const struct event_count *e, uint32_t seen, int64_t ns);

/* Step the sequence and wake up to n. */
void event_wake(struct event_count *e, int n);

/* After a commit: may anybody be asleep? Costs one plain load. */
static inline bool event_is_awaited(const struct event_count *e, const struct state *state) {
  atomic_signal_fence(memory_order_seq_cst); /* the compiler, too, keeps commit before load */
  if (unlikely(load_relaxed(&state->fence_needed))) full_fence();
  return unlikely(load_relaxed(&e->word) & EVENT_ASLEEP);
}

/* After a commit: wake up to n of those who sleep. */
static inline void event_notify(struct event_count *e, const struct state *state, int n) {
  if (event_is_awaited(e, state)) event_wake(e, n);
}

#endif
