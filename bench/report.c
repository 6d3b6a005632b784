/* SPDX-License-Identifier: Apache-2.0 */
/* Results as a table to read. */
#include <stdio.h>

#include "bench.h"

enum { COLUMN = 11 };

/* Three figures that count: 14.2 M; less than 0.1 to the fourth place. */
static void print_value(double value) {
  static const struct {
    double size;
    const char *prefix;
  } units[] = {{1e9, " G"}, {1e6, " M"}, {1e3, " k"}};
  const char *prefix = "  ";
  for (size_t i = 0; i < 3; i++) {
    if (value < units[i].size) continue;
    value /= units[i].size;
    prefix = units[i].prefix;
    break;
  }
  printf("%*.*f%s", COLUMN - 2,
         value < 0.1   ? 4
         : value < 10  ? 2
         : value < 100 ? 1
                       : 0,
         value, prefix);
}

static void print_head(const struct scenario *scenario, size_t chosen) {
  printf("\n%s: %s (%s)\n%-14s", scenario->axis, scenario->cases[chosen], scenario->unit, "");
  for (size_t m = 0; scenario->metrics[m]; m++)
    printf("%*s", COLUMN, scenario->metrics[m]);
  printf("%*s%*s%*s\n", COLUMN, "min", COLUMN, "max", COLUMN, "of shmq");
}

static void print_cell(const struct grid *grid, const struct cell *cell) {
  double ratio = cell_ratio(grid, cell);
  printf("%-14s", cell->peer->name);
  if (cell->failed) {
    printf("%*s\n", COLUMN, "failed");
    return;
  }
  for (size_t m = 0; grid->scenario->metrics[m]; m++)
    print_value(cell_median(cell, m));
  print_value(cell_min(cell, 0));
  print_value(cell_max(cell, 0));
  if (ratio > 0) printf("%*.3f", COLUMN, ratio);
  putchar('\n');
}

void print_grid(const struct grid *grid) {
  const struct scenario *scenario = grid->scenario;
  printf("\n== %s: %s ==\n", scenario->name, scenario->about);
  for (size_t i = 0; i < grid->count; i++) {
    const struct cell *cell = &grid->cells[i];
    if (i == 0 || cell[-1].chosen != cell->chosen) print_head(scenario, cell->chosen);
    print_cell(grid, cell);
  }
  printf("\nmedians of the rounds; min and max, and the ratio to shmq, of \"%s\"\n",
         scenario->metrics[0]);
}
