/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "team.h"

struct options {
  struct settings settings;
  int rounds;
  long long items;
  char *peers, *json, *plots;
  int list;
};

enum { CHOICE_MAX = 64 };

static _Noreturn void refuse(const char *what, const char *name) {
  errx(2, "%s: %s (see shmq-bench --list)", what, name);
}

static void list(void) {
  puts("scenarios:");
  for (size_t i = 0; scenarios[i]; i++)
    printf("  %-14s %s\n", scenarios[i]->name, scenarios[i]->about);
  puts("peers:");
  for (size_t i = 0; peers[i]; i++) {
    printf("  %-14s %s\n", peers[i]->name, peers[i]->note ? peers[i]->note : "");
  }
}

static const struct scenario *find_scenario(const char *name) {
  for (size_t i = 0; scenarios[i]; i++) {
    if (strcmp(scenarios[i]->name, name) == 0) return scenarios[i];
  }
  refuse("no such scenario", name);
}

static const struct scenario *const *choose_scenarios(const char **names) {
  static const struct scenario *chosen[CHOICE_MAX + 1];
  size_t n = 0;
  if (!names) return scenarios;
  while (n < CHOICE_MAX && names[n]) {
    chosen[n] = find_scenario(names[n]);
    n++;
  }
  return chosen;
}

static void write_json(const char *path, const struct settings *settings, json_t *grids) {
  json_t *all =
      json_pack("{s:o, s:O}", "environment", environment_to_json(settings), "scenarios", grids);
  if (!all || json_dump_file(all, path, JSON_INDENT(1)) < 0) errx(1, "cannot write %s", path);
  json_decref(all);
}

/* Returns the exit status. */
static int run(const struct options *options, const struct scenario *const *chosen) {
  const struct peer *const *chosen_peers = choose_peers(options->peers);
  json_t *grids = json_array();
  bool good = true;
  for (size_t i = 0; chosen[i] && !team_interrupted(); i++) {
    struct grid grid;
    if (grid_run(&grid, chosen[i], chosen_peers, &options->settings)) {
      print_grid(&grid);
      json_array_append_new(grids, grid_to_json(&grid));
      if (options->plots && !plot_grid(&grid, options->plots)) warnx("gnuplot failed");
    }
    good = good && !grid_failed(&grid);
    grid_free(&grid);
  }
  if (options->json) write_json(options->json, &options->settings, grids);
  json_decref(grids);
  return good && !team_interrupted() ? 0 : 1;
}

/* The names of scenarios are the context's own. */
static poptContext parse(struct options *options, int argc, const char **argv) {
  const struct poptOption table[] = {
      {"list", 'l', POPT_ARG_NONE, &options->list, 0, "List scenarios and peers", NULL},
      {"peers", 'p', POPT_ARG_STRING, &options->peers, 0, "Only these", "A,B,..."},
      {"case", 'c', POPT_ARG_STRING, &options->settings.only, 0, "Only this case of the scenarios",
       "CASE"},
      {"rounds", 'r', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options->rounds, 0,
       "Times that each is run", "N"},
      {"items", 'n', POPT_ARG_LONGLONG, &options->items, 0,
       "Items in one run of a load (default: as many as there is time for)", "N"},
      {"seconds", 's', POPT_ARG_DOUBLE | POPT_ARGFLAG_SHOW_DEFAULT, &options->settings.seconds, 0,
       "Time of one run", "S"},
      {"json", 'j', POPT_ARG_STRING, &options->json, 0, "Write the results to a file", "FILE"},
      {"plots", 0, POPT_ARG_STRING, &options->plots, 0, "Draw the results into a folder", "DIR"},
      POPT_AUTOHELP POPT_TABLEEND};
  poptContext context = poptGetContext("shmq-bench", argc, argv, table, 0);
  poptSetOtherOptionHelp(context, "[OPTION...] [SCENARIO...]");
  int result = poptGetNextOpt(context);
  if (result < -1) errx(2, "%s: %s", poptBadOption(context, 0), poptStrerror(result));
  return context;
}

static void check_options(struct options *options) {
  if (options->rounds < 1 || options->rounds > ROUNDS_MAX) errx(2, "--rounds: 1 to %d", ROUNDS_MAX);
  if (options->items < 0) errx(2, "--items: less than 0");
  if (!(options->settings.seconds > 0)) errx(2, "--seconds: not more than 0");
  options->settings.rounds = (unsigned)options->rounds;
  options->settings.items = (uint64_t)options->items;
}

int main(int argc, const char **argv) {
  static struct options options = {.settings = {.seconds = 0.3}, .rounds = 7};
  poptContext context = parse(&options, argc, argv);
  check_options(&options);
  if (options.list) {
    list();
    return 0;
  }
  raise_limits();
  team_prepare();
  int status = run(&options, choose_scenarios(poptGetArgs(context)));
  poptFreeContext(context);
  return status;
}
