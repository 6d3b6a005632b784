/* SPDX-License-Identifier: Apache-2.0 */
#include "past.h"

#include <sys/random.h>

#include "clock.h"

#define WORKERS_FOR_AN_ITEM 3
#define BACKOFF_MAX         (3600 * SECOND)

static struct past *find(const struct farm *farm, uint64_t item) {
  for (uint32_t i = 0; i < farm->past_count; i++)
    if (atomic_load(&farm->pasts[i].item) == item) return &farm->pasts[i];
  return NULL;
}

static void clear(struct past *past) {
  atomic_store(&past->failures, 0);
  atomic_store(&past->crashes, 0);
  atomic_store(&past->item, 0);
}

static struct past *claim(const struct farm *farm, uint64_t item) {
  for (uint32_t i = 0; i < farm->past_count; i++) {
    uint64_t nobody = 0;
    if (atomic_compare_exchange_strong(&farm->pasts[i].item, &nobody, item)) return &farm->pasts[i];
  }
  return NULL;
}

/* Where all places are taken, some are of items that went elsewhere: one of them is forgotten. */
static struct past *find_or_claim(const struct farm *farm, uint64_t item) {
  struct past *past = find(farm, item);
  if (!past) past = claim(farm, item);
  if (past) return past;
  past = &farm->pasts[item % farm->past_count];
  clear(past);
  atomic_store(&past->item, item);
  return past;
}

struct record past_of(const struct farm *farm, uint64_t id) {
  const struct past *past = find(farm, id + 1);
  if (!past) return (struct record){0};
  return (struct record){atomic_load(&past->failures), atomic_load(&past->crashes),
                         atomic_load(&past->status)};
}

uint32_t past_failed(const struct farm *farm, uint64_t id) {
  return atomic_fetch_add(&find_or_claim(farm, id + 1)->failures, 1) + 1;
}

void past_crashed(const struct farm *farm, uint64_t id, int status) {
  struct past *past = find_or_claim(farm, id + 1);
  atomic_store(&past->status, status);
  atomic_fetch_add(&past->crashes, 1);
}

void past_forget(const struct farm *farm, uint64_t id) {
  struct past *past = find(farm, id + 1);
  if (past) clear(past);
}

uint32_t crashes_allowed(const struct plan *plan) {
  uint32_t tries = plan->retries + 1;
  return tries > WORKERS_FOR_AN_ITEM ? tries : WORKERS_FOR_AN_ITEM;
}

/* Between 0 and 1. */
static double chance(void) {
  uint32_t random = 0;
  if (getrandom(&random, sizeof random, GRND_NONBLOCK) < 0) random = (uint32_t)now();
  return random / (double)UINT32_MAX;
}

shmq_ns backoff_after(shmq_ns backoff, uint32_t failures) {
  for (uint32_t i = 1; i < failures && backoff < BACKOFF_MAX; i++)
    backoff *= 2;
  if (backoff > BACKOFF_MAX) backoff = BACKOFF_MAX;
  return (shmq_ns)((double)backoff * (0.5 + chance() / 2));
}
