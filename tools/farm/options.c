/* SPDX-License-Identifier: Apache-2.0 */
/* shmq farm: what it is asked for. */
#include <ctype.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../command.h"
#include "../units.h"
#include "arguments.h"
#include "clock.h"
#include "farm.h"

#define WORKERS_MAX 1024

static const char *workers, *rate, *results, *joblog;
static int64_t per_run, coprocess, nul, timeout, retries, backoff = SECOND, until_empty, idle;
static int64_t keep_order, tag, progress, dry;

static const struct command_option options[] = {
    {NULL, 'j', OPTION_TEXT, &workers, 0, 0,
     "so many workers, or MIN..MAX of them (default: one for each processor)"},
    {NULL, 'n', OPTION_COUNT, &per_run, 1, 1024, "up to so many items for one run (default 1)"},
    {"coprocess", 0, OPTION_FLAG, &coprocess, 0, 0,
     "start COMMAND once for each worker; it answers each item with one line"},
    {NULL, '0', OPTION_FLAG, &nul, 0, 0,
     "with -n and --coprocess: items end with a NUL, not a newline"},
    {"timeout", 0, OPTION_DURATION, &timeout, 1000000, 0, "end a run that takes longer"},
    {"retries", 0, OPTION_COUNT, &retries, 0, 1000,
     "run again what failed, so often, before it goes to NAME.dead (default 0)"},
    {"backoff", 0, OPTION_DURATION, &backoff, 0, 3600 * SECOND,
     "wait so long before the first retry, twice as long before the next (default 1s)"},
    {"rate", 0, OPTION_TEXT, &rate, 0, 0, "start at most so many: 10/s, 100/m, 5/h"},
    {"until-empty", 0, OPTION_FLAG, &until_empty, 0, 0,
     "end when every item is finished (default: when the queue is shut down)"},
    {"idle", 0, OPTION_DURATION, &idle, 1000000, 0,
     "with -j MIN..MAX: a worker leaves that had nothing to do for so long (default 10s)"},
    {"results", 0, OPTION_QUEUE, &results, 0, 0,
     "put what came of each item into this queue, as JSON"},
    {"keep-order", 0, OPTION_FLAG, &keep_order, 0, 0, "print in the order of the items"},
    {"tag", 0, OPTION_FLAG, &tag, 0, 0, "print the item and a tab before each line"},
    {"progress", 0, OPTION_FLAG, &progress, 0, 0, "show on standard error how far it is"},
    {"joblog", 0, OPTION_FILE, &joblog, 0, 0, "add a line for each run to this file"},
    {"dry-run", 0, OPTION_FLAG, &dry, 0, 0, "print what would run, and take nothing"},
    {0}};

/* ---- Texts --------------------------------------------------------------------------------------
 */

static int bad_workers(void) {
  return bad_call("-j %s: expected a number such as 4, or a range such as 2..8, up to %d", workers,
                  WORKERS_MAX);
}

static uint32_t processors(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
}

static bool read_number(const char *text, size_t size, uint32_t *number) {
  char digits[UNITS_TEXT_MAX];
  int64_t count;
  if (size >= sizeof digits) return false;
  memcpy(digits, text, size);
  digits[size] = '\0';
  if (parse_count(digits, &count) != 0 || count < 1 || count > WORKERS_MAX) return false;
  *number = (uint32_t)count;
  return true;
}

static int read_workers(struct plan *plan) {
  plan->workers_min = plan->workers_max = processors();
  if (!workers) return STATUS_DONE;
  const char *dots = strstr(workers, "..");
  size_t size = dots ? (size_t)(dots - workers) : strlen(workers);
  const char *max = dots ? dots + 2 : workers;
  bool good = read_number(workers, size, &plan->workers_min) &&
              read_number(max, strlen(max), &plan->workers_max) &&
              plan->workers_min <= plan->workers_max;
  return good ? STATUS_DONE : bad_workers();
}

static shmq_ns unit_of(const char *unit) {
  if (strcmp(unit, "s") == 0) return SECOND;
  if (strcmp(unit, "m") == 0) return 60 * SECOND;
  if (strcmp(unit, "h") == 0) return 3600 * SECOND;
  return 0;
}

static int read_rate(struct plan *plan) {
  if (!rate) return STATUS_DONE;
  char *end;
  double count = isdigit((unsigned char)*rate) ? strtod(rate, &end) : 0;
  shmq_ns unit = count > 0 && *end == '/' ? unit_of(end + 1) : 0;
  double interval = unit ? (double)unit / count : 0;
  if (interval >= 1 && interval <= 24. * 3600 * SECOND) {
    plan->interval = (shmq_ns)interval;
    return STATUS_DONE;
  }
  return bad_call("--rate %s: expected a rate such as 10/s, 100/m or 5/h", rate);
}

/* ---- What goes together -------------------------------------------------------------------------
 */

static const struct {
  const int64_t *one, *other;
  const char *why;
} conflicts[] = {
    {&coprocess, &per_run, "--coprocess reads one item after the other; leave out -n"},
    {&coprocess, &dry, "--dry-run shows what is started for an item; --coprocess starts nothing"},
};

static int check_conflicts(const struct plan *plan) {
  for (size_t i = 0; i < sizeof conflicts / sizeof *conflicts; i++)
    if (*conflicts[i].one && *conflicts[i].other) return bad_call("%s", conflicts[i].why);
  if (coprocess && plan->substitute)
    return bad_call("--coprocess reads the items from standard input; leave out {}");
  if (nul && !coprocess && (plan->substitute || per_run < 2))
    return bad_call("-0: only where several items come on standard input: -n, --coprocess");
  if (results && (keep_order || tag))
    return bad_call("--results prints nothing; leave out --keep-order and --tag");
  if (results && strcmp(results, plan->queue) == 0)
    return bad_call("--results %s: the results would become items", results);
  if (idle && plan->workers_min == plan->workers_max)
    return bad_call("--idle: only where the number of workers changes: -j MIN..MAX");
  return STATUS_DONE;
}

static struct plan make_plan(const char *const *arguments) {
  struct plan plan = {
      .queue = arguments[0],
      .command = arguments + 1,
      .per_run = per_run ? (uint32_t)per_run : 1,
      .retries = (uint32_t)retries,
      .timeout = timeout,
      .backoff = backoff,
      .idle = idle ? idle : 10 * SECOND,
      .results = results,
      .joblog = joblog,
      .coprocess = coprocess,
      .until_empty = until_empty,
      .keep_order = keep_order,
      .tag = tag,
      .progress = progress,
      .dry_run = dry,
      .end = nul ? '\0' : '\n',
  };
  for (const char *const *argument = plan.command; *argument; argument++)
    plan.substitute |= has_place(*argument);
  return plan;
}

static int run(const char *const *arguments) {
  if (!arguments[1])
    return bad_call("no command is given; usage: shmq farm NAME -j N -- COMMAND [ARG...]");
  struct plan plan = make_plan(arguments);
  int status = read_workers(&plan);
  if (status == STATUS_DONE) status = read_rate(&plan);
  if (status == STATUS_DONE) status = check_conflicts(&plan);
  return status == STATUS_DONE ? farm_run(&plan) : status;
}

const struct command farm_command = {
    .name = "farm",
    .arguments = "NAME [OPTION...] -- COMMAND [ARG...]",
    .summary = "Run a command for each item of a queue.",
    .details =
        "{} in an argument is the item; without one, COMMAND reads it from standard input.\n"
        "An item is finished when COMMAND ends with 0. Whoever is killed, none is lost.\n"
        "Example: shmq farm pictures -j 4 --until-empty -- convert {} {}.png\n",
    .min_arguments = 1,
    .max_arguments = ANY_NUMBER,
    .options = options,
    .run = run,
};
