/* SPDX-License-Identifier: Apache-2.0 */
#include "snapshot.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

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

static bool has_name(const struct view *view, const struct stat *status) {
  return view->queue && view->device == status->st_dev && view->inode == status->st_ino;
}

/* Removed and made anew before it is opened, the next look opens it once more. */
static int view_open(struct view *view) {
  struct stat status;
  char path[sizeof QUEUE_DIRECTORY "/" QUEUE_PREFIX + NAME_MAX];
  snprintf(path, sizeof path, "%s/%s%s", QUEUE_DIRECTORY, QUEUE_PREFIX, view->name);
  bool exists = stat(path, &status) == 0;
  if (exists && has_name(view, &status)) return 0;
  view_close(view);
  if (exists) view->device = status.st_dev;
  if (exists) view->inode = status.st_ino;
  return shmq_open_readonly(&view->queue, view->name);
}

void view_close(struct view *view) {
  shmq_close(view->queue);
  view->queue = NULL;
}

int view_take(struct view *view, struct snapshot *snapshot) {
  *snapshot = (struct snapshot){.name = view->name, .rates = {-1, -1, -1}};
  snapshot->error = view_open(view);
  if (!snapshot->error) snapshot->error = read_queue(view->queue, snapshot);
  if (snapshot->error) view_close(view);
  if (snapshot->error) snapshot_free(snapshot);
  return snapshot->error;
}

int snapshot_take(struct snapshot *snapshot, const char *name) {
  struct view view = {.name = name};
  int error = view_take(&view, snapshot);
  view_close(&view);
  return error;
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
