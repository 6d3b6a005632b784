/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

static int read_processes(shmq *queue, struct snapshot *snapshot) {
  size_t room = snapshot->stats.max_processes;
  snapshot->processes = calloc(room, sizeof *snapshot->processes);
  if (!snapshot->processes) return -ENOMEM;
  ssize_t count = shmq_processes(queue, snapshot->processes, room);
  if (count < 0) {
    free(snapshot->processes);
    return (int)count;
  }
  snapshot->process_count = (size_t)count < room ? (size_t)count : room;
  for (size_t i = 0; i < snapshot->process_count; i++)
    make_printable(snapshot->processes[i].name);
  return 0;
}

int snapshot_take(struct snapshot *snapshot, const char *name) {
  shmq *queue;
  int error = shmq_open_readonly(&queue, name);
  if (error) return error;
  snapshot->name = name;
  error = shmq_stat(queue, &snapshot->stats);
  if (!error) error = read_processes(queue, snapshot);
  shmq_close(queue);
  return error;
}

void snapshot_free(struct snapshot *snapshot) {
  free(snapshot->processes);
}

char *make_printable(char *text) {
  for (char *c = text; *c; c++)
    if (*c < ' ' || *c > '~') *c = '?';
  return text;
}

/* JSON as jansson writes it knows no number above this. */
static json_int_t number(uint64_t value) {
  return value > INT64_MAX ? INT64_MAX : (json_int_t)value;
}

static json_t *process_to_json(const struct shmq_process *process) {
  json_int_t pid = process->pid, threads = process->threads;
  return json_pack("{s:I, s:s, s:b, s:I, s:I, s:I}", "pid", pid, "name", process->name, "alive",
                   process->alive, "leased", number(process->leased), "unfinished",
                   number(process->unfinished), "threads", threads);
}

static json_t *processes_to_json(const struct snapshot *snapshot) {
  json_t *array = json_array();
  for (size_t i = 0; i < snapshot->process_count; i++)
    if (json_array_append_new(array, process_to_json(&snapshot->processes[i])) != 0) {
      json_decref(array);
      return NULL;
    }
  return array;
}

/* The keys are the fields' names, which is what keeps both stable. */
#define COUNT(field) \
  { #field, offsetof(struct shmq_stats, field) }
static const struct {
  const char *key;
  size_t offset;
} counts[] = {
    COUNT(qsize),     COUNT(maxsize),  COUNT(unfinished),  COUNT(leased),    COUNT(put),
    COUNT(got),       COUNT(done),     COUNT(redelivered), COUNT(abandoned), COUNT(dead_lettered),
    COUNT(discarded), COUNT(returned), COUNT(capacity),    COUNT(used),      COUNT(item_max),
};

static int add_counts(json_t *object, const struct shmq_stats *stats) {
  int error = 0;
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    uint64_t value;
    memcpy(&value, (const char *)stats + counts[i].offset, sizeof value);
    error |= json_object_set_new(object, counts[i].key, json_integer(number(value)));
  }
  return error;
}

static json_t *options_to_json(const struct shmq_stats *stats) {
  char mode[UNITS_TEXT_MAX];
  format_mode(mode, stats->mode);
  json_int_t lease_timeout = stats->lease_timeout, uid = stats->uid, gid = stats->gid;
  return json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:I}", "max_leases",
                   number(stats->max_leases), "max_attempts", number(stats->max_attempts),
                   "max_processes", number(stats->max_processes), "max_threads",
                   number(stats->max_threads), "lease_timeout", lease_timeout, "mode", mode, "uid",
                   uid, "gid", gid);
}

json_t *snapshot_to_json(const struct snapshot *snapshot) {
  const struct shmq_stats *stats = &snapshot->stats;
  json_t *object = json_pack("{s:s, s:b, s:b, s:b}", "name", snapshot->name, "empty", stats->empty,
                             "full", stats->full, "shut_down", stats->shut_down);
  json_t *options = options_to_json(stats);
  int error = add_counts(object, stats) | json_object_update(object, options) |
              json_object_set_new(object, "processes", processes_to_json(snapshot));
  json_decref(options);
  if (error == 0) return object;
  json_decref(object);
  return NULL;
}
