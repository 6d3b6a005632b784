/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at several queues, printed in the ways that stat and ls have in common. */
#ifndef SHMQ_TOOLS_REPORT_H
#define SHMQ_TOOLS_REPORT_H

#include <stddef.h>
#include <stdio.h>

#include "command.h"
#include "snapshot.h"

/* What --json, --prometheus, -o and --sort say. */
struct report_options {
  int64_t json, prometheus;
  const char *columns, *sort; /* NULL: not given */
};

/* clang-format off */
#define REPORT_OPTIONS(report) \
  {"json", 0, OPTION_FLAG, &(report).json, 0, 0, \
   "print a JSON array with an object for each queue"}, \
  {"prometheus", 0, OPTION_FLAG, &(report).prometheus, 0, 0, \
   "print metrics in Prometheus' text format"}, \
  {NULL, 'o', OPTION_COLUMNS, &(report).columns, 0, 0, \
   "print a table with these columns, such as name,qsize,put_rate"}, \
  {"sort", 0, OPTION_COLUMN, &(report).sort, 0, 0, \
   "by this column, upwards; with a - before it, downwards"}
/* clang-format on */

/* Says what is wrong with the options; returns an exit status. */
int report_check(const struct report_options *options);

/* As --sort says; queues that cannot be read come last. */
void report_sort(const struct report_options *options, struct snapshot *snapshots, size_t count);

/* Each prints all queues; table.c, json.c and prometheus.c. */
void print_table(const char *columns, const struct snapshot *snapshots, size_t count);
/* compact: in one line. Returns an exit status. */
int print_json(FILE *out, const struct snapshot *snapshots, size_t count, bool compact);
void print_prometheus(FILE *out, const struct snapshot *snapshots, size_t count);

/* A thread's activity, as JSON has it; and for people. */
const char *activity_key(enum shmq_activity activity);
const char *inside_key(enum shmq_inside inside);
const char *activity_words(enum shmq_activity activity);
const char *inside_words(enum shmq_inside inside);

#endif
