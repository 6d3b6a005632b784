/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "throughput.h"

static const char *const cases[] = {"1-1", "4-4", NULL};
static const unsigned sides[] = {1, 4};

static bool fits(const struct peer *peer, size_t chosen) {
  return is_shmq(peer, chosen) || strcmp(peer->name, "shmq-take") == 0;
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  const struct shape shape = {
      .item = 64, .producers = sides[chosen], .consumers = sides[chosen], .batch = 1};
  return throughput(settings, peer, (struct load){.shape = shape}, values);
}

const struct scenario scenario_leases = {
    .name = "leases",
    .about = "take and done beside get; 64 bytes, one item at a time",
    .axis = "producers-consumers",
    .cases = cases,
    .metrics = throughput_metrics,
    .unit = "items a second",
    .fits = fits,
    .sample = sample,
};
