/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executor of shmq_farm.h and Python's ProcessPoolExecutor, by turns: tasks a second of one map
 * (chunk size 1), and the round trip of one task. The task is empty: it returns its argument.
 */
#include <err.h>
#include <jansson.h>
#include <popt.h>
#include <shmq_farm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "median.h"

enum { WORKERS = 2, ROUNDS_MAX = 101 };

/* How many tasks are mapped and tripped with; Python gets fewer, it takes its time. */
static const struct { unsigned tasks, trips; } ours = {100000, 5000}, pythons = {2000, 500};

struct sample {
  double rate; /* tasks a second */
  double trip; /* microseconds, the median */
};

/* ---- shmq_farm ---- */

static void must(int result, const char *what) {
  if (result < 0) errx(1, "%s: %s", what, shmq_strerror(result));
}

static ssize_t empty(const void *argument, size_t size, void *result, size_t room) {
  (void)room;
  memcpy(result, argument, size);
  return (ssize_t)size;
}

static void check(struct shmq_farm_outcome *outcome, unsigned expected) {
  if (outcome->code != 0 || memcmp(outcome->data, &expected, sizeof expected) != 0) {
    errx(1, "wrong results");
  }
  shmq_farm_free(outcome);
}

static double map_rate(shmq_farm *farm, unsigned n) {
  unsigned *numbers = calloc(n, sizeof *numbers);
  struct iovec *arguments = calloc(n, sizeof *arguments);
  struct shmq_farm_outcome *outcomes = calloc(n, sizeof *outcomes);
  if (!numbers || !arguments || !outcomes) err(1, "calloc");
  for (unsigned i = 0; i < n; i++) {
    numbers[i] = i;
    arguments[i] = (struct iovec){&numbers[i], sizeof numbers[i]};
  }
  const uint64_t began = now_ns();
  must(shmq_farm_map(farm, "empty", arguments, n, outcomes, SHMQ_FOREVER), "map");
  const double seconds = 1e-9 * (double)(now_ns() - began);
  for (unsigned i = 0; i < n; i++)
    check(&outcomes[i], i);
  free(numbers);
  free(arguments);
  free(outcomes);
  return n / seconds;
}

static double round_trip(shmq_farm *farm, unsigned number) {
  struct shmq_farm_outcome outcome;
  shmq_farm_ticket ticket;
  const uint64_t began = now_ns();
  must(shmq_farm_submit(farm, "empty", &number, sizeof number, &ticket, SHMQ_FOREVER), "submit");
  must(shmq_farm_result(farm, ticket, &outcome, SHMQ_FOREVER), "result");
  const double us = 1e-3 * (double)(now_ns() - began);
  check(&outcome, number);
  return us;
}

static double trip_median(shmq_farm *farm, unsigned n) {
  double *trips = calloc(n, sizeof *trips);
  if (!trips) err(1, "calloc");
  for (unsigned i = 0; i < n; i++)
    trips[i] = round_trip(farm, i);
  const double middle = median(trips, n);
  free(trips);
  return middle;
}

static struct sample sample_shmq(void) {
  struct sample sample;
  shmq_farm *farm;
  char name[64];
  snprintf(name, sizeof name, "bench-executor-%d", getpid());
  must(shmq_farm_open(&farm, name, NULL), "open");
  must(shmq_farm_register(farm, "empty", empty), "register");
  must(shmq_farm_start(farm, WORKERS), "start");
  map_rate(farm, 1000);
  sample.rate = map_rate(farm, ours.tasks);
  sample.trip = trip_median(farm, ours.trips);
  must(shmq_farm_shutdown(farm, 0, SHMQ_FOREVER), "shutdown");
  shmq_farm_close(farm);
  shmq_farm_unlink(name);
  return sample;
}

/* ---- ProcessPoolExecutor ---- */

static struct sample sample_python(void) {
  struct sample sample;
  char command[4096];
  snprintf(command, sizeof command, "exec '%s' '%s' %d %u %u", BENCH_PYTHON, BENCH_EXECUTOR_SCRIPT,
           WORKERS, pythons.tasks, pythons.trips);
  FILE *output = popen(command, "re");
  if (!output) err(1, "popen");
  const int n = fscanf(output, "%lf %lf", &sample.rate, &sample.trip);
  if (pclose(output) != 0 || n != 2) errx(1, "executor.py failed");
  return sample;
}

/* ---- The report ---- */

struct series {
  const char *name, *unit;
  double values[ROUNDS_MAX];
};

enum { SHMQ_RATE, PYTHON_RATE, RATE_RATIO, SHMQ_TRIP, PYTHON_TRIP, TRIP_RATIO, SERIES };

static struct series series[SERIES] = {
    [SHMQ_RATE] = {.name = "shmq_farm", .unit = "tasks/s"},
    [PYTHON_RATE] = {.name = "ProcessPoolExecutor", .unit = "tasks/s"},
    [RATE_RATIO] = {.name = "shmq_farm / Python", .unit = "times as many"},
    [SHMQ_TRIP] = {.name = "shmq_farm", .unit = "us round trip"},
    [PYTHON_TRIP] = {.name = "ProcessPoolExecutor", .unit = "us round trip"},
    [TRIP_RATIO] = {.name = "Python / shmq_farm", .unit = "times as fast"},
};

static void take_sample(int round) {
  const struct sample mine = sample_shmq(), python = sample_python();
  series[SHMQ_RATE].values[round] = mine.rate;
  series[PYTHON_RATE].values[round] = python.rate;
  series[RATE_RATIO].values[round] = mine.rate / python.rate;
  series[SHMQ_TRIP].values[round] = mine.trip;
  series[PYTHON_TRIP].values[round] = python.trip;
  series[TRIP_RATIO].values[round] = python.trip / mine.trip;
}

static void print_series(struct series *s, int rounds) {
  const double middle = median(s->values, (unsigned)rounds);
  printf("%-20s %-14s %12.1f %12.1f %12.1f\n", s->name, s->unit, middle, s->values[0],
         s->values[rounds - 1]);
}

static json_t *series_to_json(const struct series *s, int rounds) {
  json_t *values = json_array();
  for (int i = 0; i < rounds; i++)
    json_array_append_new(values, json_real(s->values[i]));
  return json_pack("{s:s, s:s, s:f, s:o}", "name", s->name, "unit", s->unit, "median",
                   s->values[rounds / 2], "samples", values);
}

static void write_json(const char *path, int rounds) {
  json_t *all = json_array();
  for (int i = 0; i < SERIES; i++)
    json_array_append_new(all, series_to_json(&series[i], rounds));
  if (json_dump_file(all, path, JSON_INDENT(1)) != 0) errx(1, "cannot write %s", path);
  json_decref(all);
}

int main(int argc, const char **argv) {
  int rounds = 7;
  char *json = NULL;
  const struct poptOption table[] = {
      {"rounds", 'r', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &rounds, 0,
       "Times that each is run", "N"},
      {"json", 'j', POPT_ARG_STRING, &json, 0, "Write the results to a file", "FILE"},
      POPT_AUTOHELP POPT_TABLEEND};
  poptContext context = poptGetContext("shmq-bench-executor", argc, argv, table, 0);
  const int result = poptGetNextOpt(context);
  if (result < -1) errx(2, "%s: %s", poptBadOption(context, 0), poptStrerror(result));
  if (rounds < 1 || rounds > ROUNDS_MAX) errx(2, "--rounds: 1 to %d", ROUNDS_MAX);
  for (int i = 0; i < rounds; i++)
    take_sample(i);
  printf("%-20s %-14s %12s %12s %12s\n", "an empty task", "two workers", "median", "min", "max");
  for (int i = 0; i < SERIES; i++)
    print_series(&series[i], rounds);
  if (json) write_json(json, rounds);
  poptFreeContext(context);
  return 0;
}
