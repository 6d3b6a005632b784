/* SPDX-License-Identifier: Apache-2.0 */
/* How long items are on their way. Values are microseconds, for each of latency_metrics. */
#ifndef BENCH_EXCHANGE_H
#define BENCH_EXCHANGE_H

#include "bench.h"

extern const char *const latency_metrics[];

/* There and back again between two processes, as fast as they can. */
bool round_trip(const struct settings *settings, const struct peer *peer, double *values);

/* The same, but each side sends only when the other has had the time to fall asleep. */
bool round_trip_asleep(const struct settings *settings, const struct peer *peer, double *values);

/* From the put of one item into an empty queue to the end of its get, by one of many sleepers. */
bool wake_up(const struct settings *settings, const struct peer *peer, unsigned sleepers,
             double *values);

#endif
