/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "team.h"

static size_t length(const char *const *list) {
  size_t n = 0;
  while (list[n])
    n++;
  return n;
}

static void add_cell(struct grid *grid, const struct peer *peer, size_t chosen) {
  grid->cells = reallocarray(grid->cells, grid->count + 1, sizeof *grid->cells);
  if (!grid->cells) err(1, "cells");
  grid->cells[grid->count++] = (struct cell){.peer = peer, .chosen = chosen};
}

static void lay_out(struct grid *grid, const struct peer *const *chosen, const char *only) {
  size_t cases = length(grid->scenario->cases);
  for (size_t c = 0; c < cases; c++) {
    if (only && strcmp(only, grid->scenario->cases[c]) != 0) continue;
    for (size_t p = 0; chosen[p]; p++) {
      if (grid->scenario->fits(chosen[p], c)) add_cell(grid, chosen[p], c);
    }
  }
}

static void take_sample(struct grid *grid, struct cell *cell, const struct settings *settings) {
  double values[METRICS_MAX] = {0};
  if (cell->failed) return;
  if (!grid->scenario->sample(settings, cell->peer, cell->chosen, values)) {
    cell->failed = true;
    return;
  }
  for (size_t m = 0; m < METRICS_MAX; m++)
    cell->values[m][cell->samples] = values[m];
  cell->samples++;
}

static void show_progress(const struct grid *grid, unsigned round, unsigned rounds, size_t i) {
  const struct cell *cell = &grid->cells[i];
  if (!isatty(STDERR_FILENO)) return;
  fprintf(stderr, "\r\033[K%s: round %u of %u, %zu of %zu: %s, %s", grid->scenario->name, round + 1,
          rounds, i + 1, grid->count, grid->scenario->cases[cell->chosen], cell->peer->name);
}

static void end_progress(void) {
  if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
}

/* A round visits every cell once, so that what disturbs the machine disturbs all alike. */
static void run_rounds(struct grid *grid, const struct settings *settings) {
  for (unsigned round = 0; round < settings->rounds; round++) {
    for (size_t i = 0; i < grid->count && !team_interrupted(); i++) {
      show_progress(grid, round, settings->rounds, i);
      take_sample(grid, &grid->cells[i], settings);
    }
  }
  end_progress();
}

bool grid_run(struct grid *grid, const struct scenario *scenario, const struct peer *const *chosen,
              const struct settings *settings) {
  *grid = (struct grid){.scenario = scenario};
  lay_out(grid, chosen, settings->only);
  run_rounds(grid, settings);
  for (size_t i = 0; i < grid->count; i++) {
    struct cell *cell = &grid->cells[i];
    for (size_t m = 0; m < METRICS_MAX; m++)
      sort_values(cell->values[m], cell->samples);
  }
  return !team_interrupted();
}

bool grid_failed(const struct grid *grid) {
  for (size_t i = 0; i < grid->count; i++) {
    if (grid->cells[i].failed) return true;
  }
  return false;
}

void grid_free(struct grid *grid) {
  free(grid->cells);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void sort_values(double *values, size_t n) {
  if (n) qsort(values, n, sizeof *values, by_value);
}

double quantile(const double *sorted, size_t n, double p) {
  size_t at = (size_t)(p * (double)n);
  if (n == 0) return 0;
  return sorted[at < n ? at : n - 1];
}

double cell_median(const struct cell *cell, size_t metric) {
  return quantile(cell->values[metric], cell->samples, 0.5);
}

double cell_min(const struct cell *cell, size_t metric) {
  return quantile(cell->values[metric], cell->samples, 0);
}

double cell_max(const struct cell *cell, size_t metric) {
  return quantile(cell->values[metric], cell->samples, 1);
}

double cell_ratio(const struct grid *grid, const struct cell *cell) {
  for (size_t i = 0; i < grid->count; i++) {
    const struct cell *other = &grid->cells[i];
    if (other->chosen == cell->chosen && strcmp(other->peer->name, "shmq") == 0 &&
        cell_median(other, 0) > 0) {
      return cell_median(cell, 0) / cell_median(other, 0);
    }
  }
  return 0;
}

bool is_shmq(const struct peer *peer, size_t chosen) {
  (void)chosen;
  return strcmp(peer->name, "shmq") == 0;
}

bool can_sleep(const struct peer *peer) {
  return !peer->spins && !peer->run_alone;
}
