/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

char queue_name[SHMQ_NAME_MAX + 1];

/* Tests run in children of the runner: its pid in every name lets it remove what is left of them,
   however they ended. */
#define NAME_PREFIX "test-%d-"

ReportHook(POST_ALL)(struct criterion_global_stats *stats) {
  char pattern[64];
  glob_t left;
  (void)stats;
  snprintf(pattern, sizeof pattern, "/dev/shm/shmq." NAME_PREFIX "*", getpid());
  if (glob(pattern, 0, NULL, &left)) return;
  for (size_t i = 0; i < left.gl_pathc; i++)
    unlink(left.gl_pathv[i]);
  globfree(&left);
}

_Noreturn static void die(const char *call, int error) {
  fprintf(stderr, "%s: %s\n", call, shmq_strerror(error));
  abort();
}

struct shmq_options default_options(void) {
  struct shmq_options options;
  shmq_options_init(&options);
  return options;
}

void new_queue_name(void) {
  static unsigned made;
  snprintf(queue_name, sizeof queue_name, NAME_PREFIX "%d-%u", getppid(), getpid(), made++);
}

shmq *make_queue(const struct shmq_options *options) {
  shmq *queue;
  new_queue_name();
  const int error = shmq_create(&queue, queue_name, options);
  if (error) die("shmq_create", error);
  return queue;
}

static shmq *open_named(const char *name) {
  shmq *queue;
  const int error = shmq_open(&queue, name);
  if (error) die("shmq_open", error);
  return queue;
}

shmq *open_queue(void) {
  return open_named(queue_name);
}

shmq *open_dead_queue(void) {
  char name[sizeof queue_name + 5];
  snprintf(name, sizeof name, "%s.dead", queue_name);
  return open_named(name);
}

const char *segment_path(void) {
  static char path[sizeof queue_name + 32];
  snprintf(path, sizeof path, "/dev/shm/shmq.%s", queue_name);
  return path;
}

int put_number(shmq *queue, int64_t number) {
  return shmq_put(queue, &number, sizeof number, PATIENCE);
}

int64_t get_number(shmq *queue, shmq_ns timeout) {
  int64_t number = 0;
  const ssize_t size = shmq_get(queue, &number, sizeof number, timeout);
  return size < 0 ? size : number;
}

int64_t lease_number(const struct shmq_lease *lease) {
  int64_t number = 0;
  if (lease->size != sizeof number) return -EBADMSG;
  memcpy(&number, lease->data, sizeof number);
  return number;
}

int64_t take_number(shmq *queue, struct shmq_lease *lease, shmq_ns timeout) {
  const int error = shmq_take(queue, lease, timeout);
  return error ? error : lease_number(lease);
}

int put_numbers(shmq *queue, int64_t first, int64_t end) {
  int error = 0;
  for (int64_t i = first; i < end && !error; i++)
    error = put_number(queue, i);
  return error;
}

struct shmq_stats stats_of(shmq *queue) {
  struct shmq_stats stats;
  const int error = shmq_stat(queue, &stats);
  if (error) die("shmq_stat", error);
  return stats;
}
