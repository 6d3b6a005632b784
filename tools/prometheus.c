/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus' text exposition format 0.0.4. Names of queues need no escapes in it. */
#include <inttypes.h>
#include <stdio.h>

#include "field.h"
#include "report.h"

static void print_head(FILE *out, const char *metric, const char *type, const char *help) {
  fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type);
}

static void print_value(FILE *out, const struct field *field, const struct snapshot *snapshot) {
  fprintf(out, "%s{queue=\"%s\"} ", field->metric, snapshot->name);
  if (field->kind == FIELD_TIME)
    fprintf(out, "%.3f\n", field_number(field, snapshot));
  else
    fprintf(out, "%" PRIu64 "\n", field_whole(field, snapshot));
}

static void print_metric(FILE *out, const struct field *field, const struct snapshot *snapshots,
                         size_t count) {
  print_head(out, field->metric, field->type, field->help);
  for (size_t i = 0; i < count; i++)
    if (!snapshots[i].error) print_value(out, field, &snapshots[i]);
}

static void print_up(FILE *out, const struct snapshot *snapshots, size_t count) {
  print_head(out, "shmq_up", "gauge", "1 if the queue could be read.");
  for (size_t i = 0; i < count; i++)
    fprintf(out, "shmq_up{queue=\"%s\"} %d\n", snapshots[i].name, !snapshots[i].error);
}

static size_t dead_processes(const struct snapshot *snapshot) {
  size_t dead = 0;
  for (size_t i = 0; i < snapshot->process_count; i++)
    dead += !snapshot->processes[i].alive;
  return dead;
}

static void print_dead(FILE *out, const struct snapshot *snapshots, size_t count) {
  print_head(out, "shmq_dead_processes", "gauge",
             "Of the processes attached, those that are dead and not yet cleaned up after.");
  for (size_t i = 0; i < count; i++)
    if (!snapshots[i].error)
      fprintf(out, "shmq_dead_processes{queue=\"%s\"} %zu\n", snapshots[i].name,
              dead_processes(&snapshots[i]));
}

void print_prometheus(FILE *out, const struct snapshot *snapshots, size_t count) {
  print_up(out, snapshots, count);
  for (const struct field *field = fields; field->key; field++)
    if (field->metric) print_metric(out, field, snapshots, count);
  print_dead(out, snapshots, count);
}
