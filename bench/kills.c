/* SPDX-License-Identifier: Apache-2.0 */
/* shmq-bench-kills: how many kills each peer bears, and what becomes of its items. */
#include <err.h>
#include <jansson.h>
#include <popt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storm.h"

enum { ITEM = 64, PRODUCERS = 2, CONSUMERS = 2, ROUNDS_MAX = 101 };

struct options {
  int kills, rounds;
  double seconds;
  long long seed;
  char *peers, *json;
};

/* What a peer did, over all rounds. */
struct row {
  const struct peer *peer;
  unsigned rounds, hung;
  unsigned until[ROUNDS_MAX]; /* kills until it hung, or the end */
  struct outcome sums;        /* missing and in hand: of rounds that did not hang */
  uint64_t stuck;             /* missing, where it hung */
};

static bool fits(const struct peer *peer) {
  return !peer->bare && (!peer->producers_max || peer->producers_max >= PRODUCERS) &&
         (!peer->consumers_max || peer->consumers_max >= CONSUMERS);
}

static void add_round(struct row *row, const struct outcome *outcome) {
  row->until[row->rounds++] = outcome->kills;
  row->hung += outcome->hung;
  row->sums.kills += outcome->kills;
  row->sums.put += outcome->put;
  row->sums.twice += outcome->twice;
  row->sums.invented += outcome->invented;
  row->sums.failed += outcome->failed;
  if (outcome->hung) row->stuck += outcome->missing;
  if (outcome->hung) return;
  row->sums.missing += outcome->missing;
  row->sums.in_hand += outcome->in_hand;
}

static json_t *outcome_to_json(const struct outcome *outcome, uint64_t seed) {
  return json_pack("{s:I, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "seed", (json_int_t)seed,
                   "hung", outcome->hung, "kills", (json_int_t)outcome->kills, "put",
                   (json_int_t)outcome->put, "missing", (json_int_t)outcome->missing, "in_hand",
                   (json_int_t)outcome->in_hand, "twice", (json_int_t)outcome->twice, "invented",
                   (json_int_t)outcome->invented, "failed", (json_int_t)outcome->failed);
}

static void run_row(struct row *row, const struct options *options, json_t *rounds) {
  struct storm storm = {
      .shape = {.item = ITEM, .producers = PRODUCERS, .consumers = CONSUMERS, .batch = 1},
      .kills = (unsigned)options->kills,
      .seconds = options->seconds};
  for (int i = 0; i < options->rounds; i++) {
    struct outcome outcome;
    storm.seed = (uint64_t)(options->seed + i);
    if (!storm_run(row->peer, &storm, &outcome)) return;
    add_round(row, &outcome);
    json_array_append_new(rounds, outcome_to_json(&outcome, storm.seed));
  }
}

/* ---- The table ----------------------------------------------------------------------------------
 */

static int compare_unsigned(const void *a, const void *b) {
  const unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
  return x < y ? -1 : x > y;
}

static void print_head(const struct options *options) {
  printf("%d rounds of up to %d kills or %g s; %d producers, %d consumers, %d bytes; seed %lld\n\n",
         options->rounds, options->kills, options->seconds, PRODUCERS, CONSUMERS, ITEM,
         options->seed);
  printf("%-14s %6s %8s %8s %8s %12s %9s %9s %9s %7s %9s\n", "", "hung", "median", "min", "max",
         "items put", "stuck", "lost", "in hand", "twice", "invented");
}

/* Sorts the kills of the rounds. */
static void print_row(struct row *row) {
  const struct outcome *sums = &row->sums;
  char hung[16];
  if (row->rounds == 0) {
    printf("%-14s failed\n", row->peer->name);
    return;
  }
  qsort(row->until, row->rounds, sizeof *row->until, compare_unsigned);
  snprintf(hung, sizeof hung, "%u/%u", row->hung, row->rounds);
  printf("%-14s %6s %8u %8u %8u %12lu %9lu %9lu %9lu %7lu %9lu\n", row->peer->name, hung,
         row->until[row->rounds / 2], row->until[0], row->until[row->rounds - 1], sums->put,
         row->stuck, sums->missing - sums->in_hand, sums->in_hand, sums->twice, sums->invented);
  if (sums->failed) printf("%-14s %u processes ended by themselves\n", "", sums->failed);
}

static void print_legend(void) {
  puts(
      "\nmedian, min, max: kills until it hung, or until the end of the round"
      "\nstuck: items put, and not got, in the rounds that hung"
      "\nlost: items put that nobody got, in the other rounds, and that were not in hand"
      "\nin hand: items put that nobody got; so many consumers were killed inside get");
}

/* ---- The program --------------------------------------------------------------------------------
 */

static void parse(struct options *options, int argc, const char **argv) {
  const struct poptOption table[] = {
      {"peers", 'p', POPT_ARG_STRING, &options->peers, 0, "Only these (see shmq-bench --list)",
       "A,B,..."},
      {"kills", 'k', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options->kills, 0,
       "A round ends after so many", "N"},
      {"seconds", 's', POPT_ARG_DOUBLE | POPT_ARGFLAG_SHOW_DEFAULT, &options->seconds, 0,
       "A round ends after so long", "S"},
      {"rounds", 'r', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT, &options->rounds, 0,
       "Rounds for each peer", "N"},
      {"seed", 0, POPT_ARG_LONGLONG, &options->seed, 0, "Of the first round; the next has the next",
       "N"},
      {"json", 'j', POPT_ARG_STRING, &options->json, 0, "Write the results to a file", "FILE"},
      POPT_AUTOHELP POPT_TABLEEND};
  poptContext context = poptGetContext("shmq-bench-kills", argc, argv, table, 0);
  const int result = poptGetNextOpt(context);
  if (result < -1) errx(2, "%s: %s", poptBadOption(context, 0), poptStrerror(result));
  if (poptPeekArg(context)) errx(2, "%s: there are no arguments", poptPeekArg(context));
  poptFreeContext(context);
  if (options->rounds < 1 || options->rounds > ROUNDS_MAX) errx(2, "--rounds: 1 to %d", ROUNDS_MAX);
  if (options->kills < 1) errx(2, "--kills: less than 1");
  if (!(options->seconds > 0)) errx(2, "--seconds: not more than 0");
}

static void write_json(const char *path, json_t *results) {
  if (json_dump_file(results, path, JSON_INDENT(1)) < 0) errx(1, "cannot write %s", path);
}

int main(int argc, const char **argv) {
  struct options options = {.kills = 1000, .rounds = 5, .seconds = 60, .seed = time(NULL)};
  json_t *results = json_object();
  parse(&options, argc, argv);
  setvbuf(stdout, NULL, _IOLBF, 0);
  const struct peer *const *peer = choose_peers(options.peers);
  raise_limits();
  print_head(&options);
  for (; *peer; peer++) {
    struct row row = {.peer = *peer};
    json_t *rounds = json_array();
    if (fits(*peer)) run_row(&row, &options, rounds);
    if (fits(*peer)) print_row(&row);
    json_object_set_new(results, (*peer)->name, rounds);
  }
  print_legend();
  if (options.json) write_json(options.json, results);
  json_decref(results);
  return 0;
}
