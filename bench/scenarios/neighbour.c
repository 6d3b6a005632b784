/* SPDX-License-Identifier: Apache-2.0 */
#include "throughput.h"

static const char *const cases[] = {"alone", "a neighbour burns a processor", NULL};

static const struct shape shape = {.item = 64, .producers = 1, .consumers = 1, .batch = 1};

static bool fits(const struct peer *peer, size_t chosen) {
  (void)chosen;
  return load_fits(peer, &shape) && !peer->run_alone;
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  return throughput(settings, peer, (struct load){.shape = shape, .neighbour = chosen == 1},
                    values);
}

const struct scenario scenario_neighbour = {
    .name = "neighbour",
    .about = "1 producer, 1 consumer, and a process beside them that never sleeps; 64 bytes",
    .axis = "beside it",
    .cases = cases,
    .metrics = throughput_metrics,
    .unit = "items a second",
    .fits = fits,
    .sample = sample,
};
