/* SPDX-License-Identifier: Apache-2.0 */
#include "throughput.h"

/* The two that work are attached as well. */
static const char *const cases[] = {"2", "20", "200", NULL};
static const unsigned bystanders[] = {0, 18, 198};

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  const struct shape shape = {.item = 64, .producers = 1, .consumers = 1, .batch = 1};
  return throughput(settings, peer, (struct load){.shape = shape, .bystanders = bystanders[chosen]},
                    values);
}

const struct scenario scenario_idle = {
    .name = "idle",
    .about = "1 producer, 1 consumer, all others attached and idle; 64 bytes",
    .axis = "attached processes",
    .cases = cases,
    .metrics = throughput_metrics,
    .unit = "items a second",
    .fits = is_shmq,
    .sample = sample,
};
