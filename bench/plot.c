/* SPDX-License-Identifier: Apache-2.0 */
/* Results as pictures, drawn by gnuplot: for each case a group of bars, one for each peer. */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

static const struct {
  const char *suffix, *terminal;
} formats[] = {
    {"svg", "svg size 1000,500 dynamic background rgb 'white' font 'sans,12'"},
    {"png", "pngcairo size 1600,800 font 'sans,14'"},
};

/* A colour for each peer; shmq's stands out. */
static const char *const colours[] = {"#d62728", "#ff9896", "#1f77b4", "#2ca02c", "#98df8a",
                                      "#9467bd", "#c5b0d5", "#000000", "#666666", "#aaaaaa",
                                      "#bcbd22", "#17becf", "#9edae5", "#e377c2", "#f7b6d2",
                                      "#8c564b", "#ffbb78", "#c49c94"};

static bool is_in(const struct grid *grid, const struct peer *peer) {
  for (size_t i = 0; i < grid->count; i++) {
    if (grid->cells[i].peer == peer) return true;
  }
  return false;
}

static const struct cell *find_cell(const struct grid *grid, const struct peer *peer, size_t c) {
  for (size_t i = 0; i < grid->count; i++) {
    const struct cell *cell = &grid->cells[i];
    if (cell->peer == peer && cell->chosen == c && cell->samples) return cell;
  }
  return NULL;
}

/* A block of gnuplot's data for each peer: case, median, min, max. */
static void write_data(FILE *gnuplot, const struct grid *grid) {
  fputs("$data << EOD\n", gnuplot);
  for (size_t p = 0; peers[p]; p++) {
    if (!is_in(grid, peers[p])) continue;
    for (size_t c = 0; grid->scenario->cases[c]; c++) {
      const struct cell *cell = find_cell(grid, peers[p], c);
      fprintf(gnuplot, "\"%s\" ", grid->scenario->cases[c]);
      if (cell) {
        fprintf(gnuplot, "%g %g %g\n", cell_median(cell, 0), cell_min(cell, 0), cell_max(cell, 0));
      } else {
        fputs("NaN NaN NaN\n", gnuplot);
      }
    }
    fputs("\n\n", gnuplot);
  }
  fputs("EOD\n", gnuplot);
}

static void write_style(FILE *gnuplot, const struct scenario *scenario) {
  fprintf(gnuplot, "set title \"%s: %s\" noenhanced\n", scenario->name, scenario->about);
  fprintf(gnuplot, "set xlabel \"%s\"\nset ylabel \"%s, %s (%s is better)\" noenhanced\n",
          scenario->axis, scenario->metrics[0], scenario->unit,
          scenario->less_is_better ? "less" : "more");
  fputs(
      "set style data histogram\nset style histogram errorbars gap 2 linewidth 1\n"
      "set style fill solid 0.8 border -1\nset logscale y\nset format y '%.0s%c'\nset grid y\n"
      "set key outside right noenhanced\nset datafile missing 'NaN'\n",
      gnuplot);
}

static void write_plot(FILE *gnuplot, const struct grid *grid) {
  unsigned block = 0;
  fputs("plot", gnuplot);
  for (size_t p = 0; peers[p]; p++) {
    if (!is_in(grid, peers[p])) continue;
    fprintf(gnuplot, "%s $data index %u using 2:3:4:xtic(1) linecolor rgb '%s' title '%s'",
            block ? "," : "", block, colours[p % (sizeof colours / sizeof *colours)],
            peers[p]->name);
    block++;
  }
  fputs("\n", gnuplot);
}

bool plot_grid(const struct grid *grid, const char *folder) {
  FILE *gnuplot = popen("gnuplot", "we");
  if (!gnuplot) return false;
  write_data(gnuplot, grid);
  write_style(gnuplot, grid->scenario);
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    fprintf(gnuplot, "set terminal %s\nset output \"%s/%s.%s\"\n", formats[i].terminal, folder,
            grid->scenario->name, formats[i].suffix);
    write_plot(gnuplot, grid);
  }
  return pclose(gnuplot) == 0;
}
