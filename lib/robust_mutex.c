/* SPDX-License-Identifier: Apache-2.0 */
#include "robust_mutex.h"

#include "os/futex.h"

/* As long as a critical section with a large item in it takes, a microsecond or two. */
#define SPINS 100

static bool spin_for(struct robust_mutex *m, uint32_t me) {
  for (int i = 0; i < SPINS; i++) {
    if (mutex_try(m, me)) return true;
    cpu_relax();
  }
  return false;
}

/* Who slept once does not know whether others still do, and so takes it with the waiters' bit. */
static bool try_as_waiter(struct robust_mutex *m, uint32_t me) {
  uint32_t free = 0;
  return cas_acq_rel(&m->word, &free, me | MUTEX_WAITERS);
}

bool mutex_wait(struct robust_mutex *m, uint32_t me, int64_t ns, bool spin, uint32_t *holder) {
  if (spin && spin_for(m, me)) return true;
  if (try_as_waiter(m, me)) return true;
  uint32_t word = load_relaxed(&m->word);
  *holder = word & ~MUTEX_WAITERS;
  if (*holder == 0) return try_as_waiter(m, me);
  if (!(word & MUTEX_WAITERS) && !cas_acq_rel(&m->word, &word, word | MUTEX_WAITERS)) return false;
  futex_wait(&m->word, *holder | MUTEX_WAITERS, ns);
  return try_as_waiter(m, me);
}

bool mutex_inherit(struct robust_mutex *m, uint32_t dead, uint32_t me) {
  uint32_t word = load_acquire(&m->word);
  return (word & ~MUTEX_WAITERS) == dead && cas_acq_rel(&m->word, &word, me | MUTEX_WAITERS);
}

void mutex_wake(struct robust_mutex *m) {
  futex_wake(&m->word, 1);
}
