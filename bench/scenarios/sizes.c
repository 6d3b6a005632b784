/* SPDX-License-Identifier: Apache-2.0 */
#include "throughput.h"

static const char *const cases[] = {"8", "64", "256", "1024", "4096", "65536", NULL};
static const size_t sizes[] = {8, 64, 256, 1024, 4096, 65536};

static struct shape shape(size_t chosen) {
  return (struct shape){.item = sizes[chosen], .producers = 1, .consumers = 1, .batch = 1};
}

static bool fits(const struct peer *peer, size_t chosen) {
  const struct shape wanted = shape(chosen);
  return load_fits(peer, &wanted);
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  return throughput(settings, peer, (struct load){.shape = shape(chosen)}, values);
}

const struct scenario scenario_sizes = {
    .name = "sizes",
    .about = "1 producer, 1 consumer, one item at a time",
    .axis = "bytes",
    .cases = cases,
    .metrics = throughput_metrics,
    .unit = "items a second",
    .fits = fits,
    .sample = sample,
};
