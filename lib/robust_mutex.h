/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock of one side of a queue. It tells who holds it: a holder that died is found out by those
 * who wait, since they see its id and ask whether it lives (slots.h). The mutex itself repairs
 * nothing; recovery takes it from the dead, repairs what it guards, and unlocks it.
 *
 * The word is 0, or the holder's id with MUTEX_WAITERS beside it when others may be asleep. Ids are
 * thread slot + 1; MUTEX_RECOVERER stands for whoever holds the registry lock (slots.h).
 *
 * Bias. A thread that took the lock many times in a row gets it biased to itself: from then on it
 * enters without the word, by a store to a word of its own and a look at the bias, with no fence
 * and no atomic read-modify-write. Whoever else wants the lock takes the word, notes whom it evicts
 * as the occupant, clears the bias, and waits until that thread is seen outside:
 *
 *   biased thread                          evictor, with the word
 *   its inside = 1                         occupant = bias; bias = 0
 *   (nothing)                              membarrier
 *   bias still me? else inside = 0         wait for the occupant's inside == 0; occupant = 0
 *
 * Pair B: the membarrier is a full barrier on the biased thread's processor too. So either that
 * thread sees the bias cleared, or the evictor sees it inside. Bias and occupant change only under
 * the word, and a bias is granted only when there is no occupant: so at most one thread can be
 * inside without the word. One that looked at the bias long ago and comes back late marks only
 * itself.
 *
 * Pair M: the release stores of word and inside that unlock pair with the acquires that lock.
 */
#ifndef SHMQ_ROBUST_MUTEX_H
#define SHMQ_ROBUST_MUTEX_H

#include <stdbool.h>

#include "atomic.h"
#include "handle.h"

#define MUTEX_WAITERS   0x80000000u
#define MUTEX_RECOVERER 0x7fffffffu

/* So many times in a row earn the bias. Each of them waits until all its stores have arrived, some
   100 ns where the other processor is far; to take a bias away costs less than all of them, so
   little is lost however two threads alternate. Tests make it smaller. */
#ifndef MUTEX_STREAK
#define MUTEX_STREAK 1024u
#endif

/* Who has the word. */
static inline uint32_t mutex_word_holder(const struct robust_mutex *m) {
  return load_acquire(&m->word) & ~MUTEX_WAITERS;
}

/* Others wait for nobody: no store of ours leaves the word so, it is damage. */
static inline bool mutex_waits_for_nobody(const struct robust_mutex *m) {
  return load_acquire(&m->word) == MUTEX_WAITERS;
}

/* Who keeps others out: the holder of the word, or an occupant. 0: nobody. */
static inline uint32_t mutex_holder(const struct robust_mutex *m) {
  uint32_t holder = mutex_word_holder(m);
  return holder != 0 ? holder : load_acquire(&m->occupant);
}

/* Where a thread says that it is inside by bias; id is 1 to max_threads. */
static inline _Atomic uint32_t *mutex_inside(const struct shmq *q, const struct robust_mutex *m,
                                             uint32_t id) {
  return &q->threads[id - 1].inside[m == &q->segment->consumer.lock ? CONSUMER : PRODUCER];
}

/* See to it that no biased thread is inside; we have the word. Waits for ns at most. */
bool mutex_evict(const struct shmq *q, struct robust_mutex *m, int64_t ns);

/* Give the word back; wakes one who waits for it. */
void mutex_drop(struct robust_mutex *m);

static inline bool mutex_is_biased(const struct robust_mutex *m) {
  return load_relaxed(&m->bias) != 0 || load_relaxed(&m->occupant) != 0;
}

/* Killed inside, we leave our mark for recovery to find. */
static inline bool mutex_enter_biased(struct robust_mutex *m, _Atomic uint32_t *inside,
                                      uint32_t me) {
  if (load_relaxed(&m->bias) != me) return false;
  store_relaxed(inside, 1u);
  atomic_signal_fence(memory_order_seq_cst); /* B */
  if (likely(load_acquire(&m->bias) == me)) return true;
  store_release(inside, 0u);
  return false;
}

static inline bool mutex_try_word(struct robust_mutex *m, uint32_t me) {
  uint32_t free = 0;
  return likely(load_relaxed(&m->word) == 0) && likely(cas_acq_rel(&m->word, &free, me)); /* M */
}

/* Take the lock if it is free, or ours by bias. */
static inline bool mutex_try(const struct shmq *q, struct robust_mutex *m, uint32_t me) {
  if (likely(mutex_enter_biased(m, mutex_inside(q, m, me), me))) return true;
  if (!mutex_try_word(m, me)) return false;
  if (likely(!mutex_is_biased(m)) || mutex_evict(q, m, 0)) return true;
  mutex_drop(m);
  return false;
}

/*
 * Spin a little, if there is a point in spinning, then sleep for ns at most. True: it is ours.
 * False: the time was up, or it was worth looking again.
 */
bool mutex_wait(const struct shmq *q, struct robust_mutex *m, uint32_t me, int64_t ns);

/* The same for the word alone: a biased thread may still be inside. */
bool mutex_wait_word(struct robust_mutex *m, uint32_t me, int64_t ns, bool spin);

/* Take the word over from a holder that is certainly dead. False: somebody else has it. */
bool mutex_inherit(struct robust_mutex *m, uint32_t dead, uint32_t me);

/* Under the word: count the times in a row, and bias the lock to us. */
static inline void mutex_count(struct robust_mutex *m, uint32_t me) {
  uint32_t streak = load_relaxed(&m->last) == me ? load_relaxed(&m->streak) + 1 : 0;
  store_relaxed(&m->last, me);
  store_relaxed(&m->streak, streak);
  if (unlikely(streak >= MUTEX_STREAK)) store_relaxed(&m->bias, me);
}

/* Leave, by the way we came: with the word we have it still. may_bias: every process that uses the
   queue has membarrier. */
static inline void mutex_unlock(const struct shmq *q, struct robust_mutex *m, uint32_t me,
                                bool may_bias) {
  if (likely((load_relaxed(&m->word) & ~MUTEX_WAITERS) != me)) {
    store_release(mutex_inside(q, m, me), 0u); /* M */
    return;
  }
  if (likely(may_bias)) mutex_count(m, me);
  mutex_drop(m);
}

#endif
