/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <errno.h>
#include <stdlib.h>

/* There may be more than were counted: those that fit will do. */
static size_t fitting(ssize_t count, size_t room) {
  return (size_t)count < room ? (size_t)count : room;
}

static int read_processes(shmq *queue, struct snapshot *snapshot) {
  size_t room = snapshot->stats.processes;
  if (room == 0) return 0;
  snapshot->processes = calloc(room, sizeof *snapshot->processes);
  if (!snapshot->processes) return -ENOMEM;
  snapshot->process_count = fitting(shmq_processes(queue, snapshot->processes, room), room);
  for (size_t i = 0; i < snapshot->process_count; i++)
    make_printable(snapshot->processes[i].name);
  return 0;
}

static int read_threads(shmq *queue, struct snapshot *snapshot) {
  size_t room = snapshot->stats.threads;
  if (room == 0) return 0;
  snapshot->threads = calloc(room, sizeof *snapshot->threads);
  if (!snapshot->threads) return -ENOMEM;
  snapshot->thread_count = fitting(shmq_threads(queue, snapshot->threads, room), room);
  for (size_t i = 0; i < snapshot->thread_count; i++)
    make_printable(snapshot->threads[i].name);
  return 0;
}

static int read_queue(shmq *queue, struct snapshot *snapshot) {
  const struct shmq_stats *stats = &snapshot->stats;
  int error = shmq_stat(queue, &snapshot->stats);
  if (!error) error = read_processes(queue, snapshot);
  if (!error) error = read_threads(queue, snapshot);
  snapshot->free = stats->used < stats->capacity ? stats->capacity - stats->used : 0;
  return error;
}

int snapshot_take(struct snapshot *snapshot, const char *name) {
  shmq *queue;
  *snapshot = (struct snapshot){.name = name, .rates = {-1, -1, -1}};
  snapshot->error = shmq_open_readonly(&queue, name);
  if (snapshot->error) return snapshot->error;
  snapshot->error = read_queue(queue, snapshot);
  shmq_close(queue);
  if (snapshot->error) snapshot_free(snapshot);
  return snapshot->error;
}

void snapshot_free(struct snapshot *snapshot) {
  free(snapshot->processes);
  free(snapshot->threads);
  snapshot->processes = NULL;
  snapshot->threads = NULL;
}

char *make_printable(char *text) {
  for (char *c = text; *c; c++)
    if (*c < ' ' || *c > '~') *c = '?';
  return text;
}
