/* SPDX-License-Identifier: Apache-2.0 */
#include "event_count.h"

#include "os/futex.h"
#include "os/membarrier.h"

uint32_t event_prepare(struct event_count *e, struct state *state, bool barrier) {
  uint32_t seen = atomic_fetch_or(&e->word, EVENT_ASLEEP) | EVENT_ASLEEP;
  if (barrier && !membarrier_all()) store_release(&state->fence_needed, 1u);
  full_fence();
  return seen;
}

void event_sleep(const struct event_count *e, uint32_t seen, int64_t ns) {
  if (load_relaxed(&e->word) == seen) futex_wait(&e->word, seen, ns);
}

/*
 * When fewer slept than we meant to wake, nobody is left, and the bit can go, so that the next
 * commit costs nothing. Somebody may have gone to sleep between the wake-up and the clearing; it
 * would sleep with the bit clear, so it is woken after all.
 */
void event_wake(struct event_count *e, int n) {
  uint32_t word = atomic_fetch_add(&e->word, EVENT_STEP) + EVENT_STEP;
  if (futex_wake(&e->word, n) >= n) return;
  if (cas_acq_rel(&e->word, &word, word & ~EVENT_ASLEEP)) futex_wake(&e->word, FUTEX_ALL);
}
