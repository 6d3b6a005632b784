/* SPDX-License-Identifier: Apache-2.0 */
/* What the scenarios that count items a second have in common. */
#ifndef BENCH_SCENARIOS_THROUGHPUT_H
#define BENCH_SCENARIOS_THROUGHPUT_H

#include "bench.h"

static const char *const throughput_metrics[] = {"items/s", NULL};

/* Run a load for as long, or as many items, as the user wants. */
static inline bool throughput(const struct settings *settings, const struct peer *peer,
                              struct load load, double *values) {
  load.items = settings->items;
  load.seconds = settings->seconds;
  return load_run(peer, &load, values);
}

#endif
