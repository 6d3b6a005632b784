/* SPDX-License-Identifier: Apache-2.0 */
/* Queues as JSON. The keys are documented in shmq-stat(1). */
#include <jansson.h>
#include <stdio.h>

#include "field.h"
#include "report.h"

/* Raised when a key that is not among the stable ones goes, or comes to mean something else. */
#define FORMAT 1

/* JSON as jansson writes it knows no number above this. */
static json_int_t number(uint64_t value) {
  return value > INT64_MAX ? INT64_MAX : (json_int_t)value;
}

static json_t *process_to_json(const struct shmq_process *process) {
  json_int_t pid = process->pid, threads = process->threads, oldest = process->oldest_lease;
  return json_pack("{s:I, s:s, s:b, s:I, s:I, s:I, s:I}", "pid", pid, "name", process->name,
                   "alive", process->alive, "leased", number(process->leased), "unfinished",
                   number(process->unfinished), "threads", threads, "oldest_lease", oldest);
}

static json_t *thread_to_json(const struct shmq_thread *thread) {
  json_int_t pid = thread->pid, tid = thread->tid, since = thread->since;
  return json_pack("{s:I, s:I, s:s, s:b, s:s, s:I, s:s?, s:I, s:I}", "pid", pid, "tid", tid, "name",
                   thread->name, "alive", thread->alive, "activity", activity_key(thread->activity),
                   "since", since, "inside", inside_key(thread->inside), "got", number(thread->got),
                   "unfinished", number(thread->unfinished));
}

static json_t *processes_to_json(const struct snapshot *snapshot) {
  json_t *array = json_array();
  int error = 0;
  for (size_t i = 0; i < snapshot->process_count; i++)
    error |= json_array_append_new(array, process_to_json(&snapshot->processes[i]));
  return error ? json_decref(array), NULL : array;
}

static json_t *threads_to_json(const struct snapshot *snapshot) {
  json_t *array = json_array();
  int error = 0;
  for (size_t i = 0; i < snapshot->thread_count; i++)
    error |= json_array_append_new(array, thread_to_json(&snapshot->threads[i]));
  return error ? json_decref(array), NULL : array;
}

static json_t *value_of(const struct field *field, const struct snapshot *snapshot) {
  if (field->kind == FIELD_NAME) return json_string(snapshot->name);
  if (field->kind == FIELD_RATE) return json_real(field_number(field, snapshot));
  uint64_t whole = field_whole(field, snapshot);
  return field->kind == FIELD_FLAG ? json_boolean(whole) : json_integer(number(whole));
}

/* What is unknown is left out. */
static int add_fields(json_t *object, const struct snapshot *snapshot) {
  int error = 0;
  for (const struct field *field = fields; field->key; field++)
    if (field->kind != FIELD_RATE || field_number(field, snapshot) >= 0)
      error |= json_object_set_new(object, field->key, value_of(field, snapshot));
  return error;
}

static json_t *options_to_json(const struct shmq_stats *stats) {
  char mode[UNITS_TEXT_MAX];
  format_mode(mode, stats->mode);
  json_int_t lease_timeout = stats->lease_timeout, uid = stats->uid, gid = stats->gid;
  return json_pack("{s:i, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I}", "format", FORMAT, "max_leases",
                   number(stats->max_leases), "max_attempts", number(stats->max_attempts),
                   "max_processes", number(stats->max_processes), "max_threads",
                   number(stats->max_threads), "lease_timeout", lease_timeout, "mode", mode, "uid",
                   uid, "gid", gid);
}

static json_t *unreadable_to_json(const struct snapshot *snapshot) {
  return json_pack("{s:s, s:s}", "name", snapshot->name, "error", shmq_strerror(snapshot->error));
}

/* The lists stand where the columns of a table have the numbers of what is in them. */
static json_t *snapshot_to_json(const struct snapshot *snapshot) {
  if (snapshot->error) return unreadable_to_json(snapshot);
  json_t *object = json_object();
  json_t *options = options_to_json(&snapshot->stats);
  int error = add_fields(object, snapshot) | json_object_update(object, options) |
              json_object_set_new(object, "processes", processes_to_json(snapshot)) |
              json_object_set_new(object, "threads", threads_to_json(snapshot));
  json_decref(options);
  return error ? json_decref(object), NULL : object;
}

int print_json(FILE *out, const struct snapshot *snapshots, size_t count, bool compact) {
  json_t *array = json_array();
  int error = array ? 0 : -1;
  for (size_t i = 0; i < count; i++)
    error |= json_array_append_new(array, snapshot_to_json(&snapshots[i]));
  if (!error) {
    json_dumpf(array, out, JSON_REAL_PRECISION(9) | (compact ? JSON_COMPACT : JSON_INDENT(2)));
    putc('\n', out);
  }
  json_decref(array);
  return error ? out_of_memory() : STATUS_DONE;
}
