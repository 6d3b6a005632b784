/* SPDX-License-Identifier: Apache-2.0 */
#include "robust_mutex.h"

#include "os/futex.h"
#include "os/membarrier.h"

/* As long as a critical section with a large item in it takes, a microsecond or two. */
#define SPINS 100

/* A biased thread leaves without waking anybody: it is inside for a fraction of this, unless it was
   preempted there. */
#define EVICT_NAP   (50 * 1000)
#define EVICT_LIMIT NS_PER_MS

/* No store stays in a processor's store buffer as long as this. */
#define STORE_BUFFER_DRAIN NS_PER_MS

static bool is_outside(const _Atomic uint32_t *inside) {
  for (int i = 0; i < SPINS; i++) {
    if (load_acquire(inside) == 0) return true; /* M */
    cpu_relax();
  }
  return false;
}

/* From the bias to the occupant. Killed between the stores, both name the thread: it is done again.
 */
static void bias_clear(struct robust_mutex *m) {
  uint32_t biased = load_relaxed(&m->bias);
  if (biased == 0) return;
  store_release(&m->occupant, biased);
  store_release(&m->bias, 0u);
}

bool mutex_evict(const struct shmq *q, struct robust_mutex *m, int64_t ns) {
  bias_clear(m);
  full_fence();
  if (!membarrier_all()) clock_sleep(STORE_BUFFER_DRAIN); /* B */
  uint32_t occupant = load_relaxed(&m->occupant);
  bool exists = occupant != 0 && occupant <= q->geometry.max_threads;
  int64_t end = ns > 0 ? clock_now() + ns : 0;
  while (exists && !is_outside(mutex_inside(q, m, occupant))) {
    if (clock_now() >= end) return false;
    clock_sleep(EVICT_NAP);
  }
  store_release(&m->occupant, 0u);
  return true;
}

/* Killed between the exchange and the wake-up, we leave a sleeper to the end of its slice. */
void mutex_drop(struct robust_mutex *m) {
  uint32_t old = atomic_exchange_explicit(&m->word, 0, memory_order_release); /* M */
  if (unlikely(old & MUTEX_WAITERS)) futex_wake(&m->word, 1);
}

static bool spin_for(struct robust_mutex *m, uint32_t me) {
  for (int i = 0; i < SPINS; i++) {
    if (mutex_try_word(m, me)) return true;
    cpu_relax();
  }
  return false;
}

/* Who slept once does not know whether others still do, and so takes it with the waiters' bit. */
static bool try_as_waiter(struct robust_mutex *m, uint32_t me) {
  uint32_t free = 0;
  return cas_acq_rel(&m->word, &free, me | MUTEX_WAITERS);
}

bool mutex_wait_word(struct robust_mutex *m, uint32_t me, int64_t ns, bool spin) {
  if (spin && spin_for(m, me)) return true;
  if (try_as_waiter(m, me)) return true;
  uint32_t word = load_relaxed(&m->word);
  if (word == 0) return try_as_waiter(m, me);
  uint32_t waited = word | MUTEX_WAITERS;
  if (word != waited && !cas_acq_rel(&m->word, &word, waited)) return false;
  futex_wait(&m->word, waited, ns);
  return try_as_waiter(m, me);
}

bool mutex_wait(const struct shmq *q, struct robust_mutex *m, uint32_t me, int64_t ns) {
  if (!mutex_wait_word(m, me, ns, q->may_spin)) return false;
  if (!mutex_is_biased(m) || mutex_evict(q, m, EVICT_LIMIT)) return true;
  mutex_drop(m);
  return false;
}

bool mutex_inherit(struct robust_mutex *m, uint32_t dead, uint32_t me) {
  uint32_t word = load_acquire(&m->word);
  return (word & ~MUTEX_WAITERS) == dead && cas_acq_rel(&m->word, &word, me | MUTEX_WAITERS);
}
