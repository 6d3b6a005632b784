/* SPDX-License-Identifier: Apache-2.0 */
#include "throughput.h"

enum { BATCH = 64 };

static const char *const cases[] = {"8", "64", "256", "1024", "4096", "65536", NULL};
static const size_t sizes[] = {8, 64, 256, 1024, 4096, 65536};

static struct shape shape(size_t chosen) {
  return (struct shape){.item = sizes[chosen], .producers = 1, .consumers = 1, .batch = BATCH};
}

static bool fits(const struct peer *peer, size_t chosen) {
  const struct shape wanted = shape(chosen);
  return peer->put_many && peer->get_many && load_fits(peer, &wanted);
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  return throughput(settings, peer, (struct load){.shape = shape(chosen)}, values);
}

const struct scenario scenario_batches = {
    .name = "batches",
    .about = "1 producer, 1 consumer, batches of 64 (peers that have a call for it)",
    .axis = "bytes",
    .cases = cases,
    .metrics = throughput_metrics,
    .unit = "items a second",
    .fits = fits,
    .sample = sample,
};
