/* SPDX-License-Identifier: Apache-2.0 */
/* Results, and where they were got, as JSON. */
#include <gnu/libc-version.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "bench.h"
#include "commit.h"

static json_t *values_to_json(const struct cell *cell, size_t metric) {
  json_t *values = json_array();
  for (unsigned i = 0; i < cell->samples; i++) {
    json_array_append_new(values, json_real(cell->values[metric][i]));
  }
  return values;
}

static json_t *metric_to_json(const struct cell *cell, size_t metric) {
  return json_pack("{s:f, s:f, s:f, s:o}", "median", cell_median(cell, metric), "min",
                   cell_min(cell, metric), "max", cell_max(cell, metric), "samples",
                   values_to_json(cell, metric));
}

static json_t *cell_to_json(const struct grid *grid, const struct cell *cell) {
  const struct scenario *scenario = grid->scenario;
  json_t *metrics = json_object();
  for (size_t m = 0; scenario->metrics[m]; m++) {
    json_object_set_new(metrics, scenario->metrics[m], metric_to_json(cell, m));
  }
  return json_pack("{s:s, s:s, s:b, s:f, s:o}", "case", scenario->cases[cell->chosen], "peer",
                   cell->peer->name, "failed", cell->failed, "of_shmq", cell_ratio(grid, cell),
                   "metrics", metrics);
}

json_t *grid_to_json(const struct grid *grid) {
  const struct scenario *scenario = grid->scenario;
  json_t *cells = json_array();
  for (size_t i = 0; i < grid->count; i++) {
    json_array_append_new(cells, cell_to_json(grid, &grid->cells[i]));
  }
  return json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "scenario", scenario->name, "about",
                   scenario->about, "axis", scenario->axis, "unit", scenario->unit,
                   "less_is_better", scenario->less_is_better, "results", cells);
}

/* What /proc/cpuinfo calls it. */
static json_t *processor(void) {
  char line[256], name[200] = "unknown";
  FILE *file = fopen("/proc/cpuinfo", "re");
  while (file && fgets(line, sizeof line, file)) {
    if (sscanf(line, "model name : %199[^\n]", name) == 1) break;
  }
  if (file) fclose(file);
  return json_string(name);
}

static int processors(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) < 0 ? 1 : CPU_COUNT(&set);
}

static json_t *date(void) {
  char text[32];
  time_t now = time(NULL);
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
  return json_string(text);
}

json_t *environment_to_json(const struct settings *settings) {
  struct utsname name;
  uname(&name);
  return json_pack("{s:s, s:o, s:o, s:i, s:s, s:s, s:s, s:s, s:i, s:f}", "commit", BENCH_COMMIT,
                   "date", date(), "processor", processor(), "processors", processors(), "machine",
                   name.machine, "kernel", name.release, "libc", gnu_get_libc_version(), "compiler",
                   BENCH_COMPILER, "rounds", (int)settings->rounds, "seconds", settings->seconds);
}
