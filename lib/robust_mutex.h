/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock between processes that tells who holds it. A holder that died is found out by those who
 * wait: they see its id in the word and ask whether it lives (slots.h). The mutex itself repairs
 * nothing; recovery inherits it from the dead, repairs what it guards, and unlocks it.
 *
 * The word is 0, or the holder's id with MUTEX_WAITERS beside it when others may be asleep. Ids are
 * thread slot + 1; MUTEX_RECOVERER stands for whoever holds the registry lock (slots.h).
 *
 * Lock order M: unlock's release store pairs with lock's acquire.
 */
#ifndef SHMQ_ROBUST_MUTEX_H
#define SHMQ_ROBUST_MUTEX_H

#include <stdbool.h>

#include "atomic.h"
#include "layout.h"

#define MUTEX_WAITERS   0x80000000u
#define MUTEX_RECOVERER 0x7fffffffu

/* Who holds it, 0: nobody. */
static inline uint32_t mutex_holder(const struct robust_mutex *m) {
  return load_acquire(&m->word) & ~MUTEX_WAITERS;
}

/* Take it if it is free. */
static inline bool mutex_try(struct robust_mutex *m, uint32_t me) {
  uint32_t free = 0;
  return likely(load_relaxed(&m->word) == 0) && likely(cas_acq_rel(&m->word, &free, me));
}

/*
 * Spin a little, if there is a point in spinning, then sleep for ns at most. True: it is ours.
 * False: the time was up, or it was worth looking again; *holder is who had it last.
 */
bool mutex_wait(struct robust_mutex *m, uint32_t me, int64_t ns, bool spin, uint32_t *holder);

/* Take it over from a holder that is certainly dead. False: somebody else has it. */
bool mutex_inherit(struct robust_mutex *m, uint32_t dead, uint32_t me);

/* Wake one who waits; called by mutex_unlock(). */
void mutex_wake(struct robust_mutex *m);

/* Killed between the exchange and the wake-up, we leave a sleeper to the end of its slice. */
static inline void mutex_unlock(struct robust_mutex *m) {
  uint32_t old = atomic_exchange_explicit(&m->word, 0, memory_order_release);
  if (unlikely(old & MUTEX_WAITERS)) mutex_wake(m);
}

#endif
