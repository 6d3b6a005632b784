/* SPDX-License-Identifier: Apache-2.0 */
#include "throughput.h"

static const char *const cases[] = {"1-1", "4-1", "1-4", "2-2", "4-4", "16-16", NULL};
static const struct {
  unsigned producers, consumers;
} shapes[] = {{1, 1}, {4, 1}, {1, 4}, {2, 2}, {4, 4}, {16, 16}};

static struct shape shape(size_t chosen) {
  return (struct shape){.item = 64,
                        .producers = shapes[chosen].producers,
                        .consumers = shapes[chosen].consumers,
                        .batch = 1};
}

static bool fits(const struct peer *peer, size_t chosen) {
  const struct shape wanted = shape(chosen);
  return load_fits(peer, &wanted);
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  return throughput(settings, peer, (struct load){.shape = shape(chosen)}, values);
}

const struct scenario scenario_shapes = {
    .name = "shapes",
    .about = "many producers, many consumers; 64 bytes, one item at a time",
    .axis = "producers-consumers",
    .cases = cases,
    .metrics = throughput_metrics,
    .unit = "items a second",
    .fits = fits,
    .sample = sample,
};
