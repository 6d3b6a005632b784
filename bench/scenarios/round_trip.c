/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

static const char *const cases[] = {"awake: spinning allowed", "asleep: sleeping forced", NULL};

static bool fits(const struct peer *peer, size_t chosen) {
  return !peer->run_alone && (chosen == 0 || can_sleep(peer));
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  return chosen == 0 ? round_trip(settings, peer, values)
                     : round_trip_asleep(settings, peer, values);
}

const struct scenario scenario_round_trip = {
    .name = "round-trip",
    .about = "there and back between two processes; 64 bytes",
    .axis = "the other side is",
    .cases = cases,
    .metrics = latency_metrics,
    .unit = "microseconds",
    .less_is_better = true,
    .fits = fits,
    .sample = sample,
};
