/* SPDX-License-Identifier: Apache-2.0 */
/* What is measured, and what comes of it. */
#ifndef BENCH_H
#define BENCH_H

#include <jansson.h>

#include "load.h"
#include "peer.h"

struct settings {
  unsigned rounds;
  uint64_t items;   /* in one run; 0: as many as there is time for */
  double seconds;   /* of one run */
  const char *only; /* this case alone; NULL: all */
};

/*
 * A scenario: a table of cases by peers, each sampled once a round, the peers by turns. A sample
 * has a value for each metric.
 */
struct scenario {
  const char *name;
  const char *about;
  const char *axis;           /* what tells the cases apart */
  const char *const *cases;   /* NULL-terminated */
  const char *const *metrics; /* NULL-terminated; peers are compared by the first */
  const char *unit;
  bool less_is_better;
  bool (*fits)(const struct peer *peer, size_t chosen);
  bool (*sample)(const struct settings *settings, const struct peer *peer, size_t chosen,
                 double *values);
};

enum { METRICS_MAX = 4, ROUNDS_MAX = 101 };

/* What one peer did in one case. */
struct cell {
  const struct peer *peer;
  size_t chosen; /* the case */
  unsigned samples;
  bool failed;
  double values[METRICS_MAX][ROUNDS_MAX]; /* sorted in the end */
};

struct grid {
  const struct scenario *scenario;
  struct cell *cells; /* by case, then by peer */
  size_t count;
};

/* All there are; NULL-terminated. */
extern const struct scenario *const scenarios[];

/* Measure; the peers are NULL-terminated. Returns false if the user stopped it. */
bool grid_run(struct grid *grid, const struct scenario *scenario, const struct peer *const *chosen,
              const struct settings *settings);
bool grid_failed(const struct grid *grid);
void grid_free(struct grid *grid);

double cell_median(const struct cell *cell, size_t metric);
double cell_min(const struct cell *cell, size_t metric);
double cell_max(const struct cell *cell, size_t metric);
/* Of the first metric, against shmq's in the same case; 0: unknown. */
double cell_ratio(const struct grid *grid, const struct cell *cell);

/* What comes of it. */
void print_grid(const struct grid *grid);
json_t *grid_to_json(const struct grid *grid);
json_t *environment_to_json(const struct settings *settings);
bool plot_grid(const struct grid *grid, const char *folder);

/* Sorted values to the p-th part: 0.5 is the median. */
double quantile(const double *sorted, size_t n, double p);
void sort_values(double *values, size_t n);

/* Filters for scenarios that ask nothing but shmq, or peers that sleep. */
bool is_shmq(const struct peer *peer, size_t chosen);
bool can_sleep(const struct peer *peer);

#endif
