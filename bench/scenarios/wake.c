/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

static const char *const cases[] = {"1", "4", "32", NULL};
static const unsigned sleepers[] = {1, 4, 32};

static bool fits(const struct peer *peer, size_t chosen) {
  return can_sleep(peer) && !peer->bare &&
         (!peer->consumers_max || sleepers[chosen] <= peer->consumers_max);
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  return wake_up(settings, peer, sleepers[chosen], values);
}

const struct scenario scenario_wake = {
    .name = "wake",
    .about = "from a put to the end of the get of one of many sleepers; 64 bytes",
    .axis = "sleepers",
    .cases = cases,
    .metrics = latency_metrics,
    .unit = "microseconds",
    .less_is_better = true,
    .fits = fits,
    .sample = sample,
};
