/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a handle, and of its workers. */
#include "farm.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect.h"
#include "submitter.h"
#include "team.h"

int farm_lock(struct shmq_farm *farm) {
  if (farm->process != getpid()) return -EPERM;
  pthread_mutex_lock(&farm->mutex);
  return 0;
}

void farm_unlock(struct shmq_farm *farm) {
  pthread_mutex_unlock(&farm->mutex);
}

/* ---- Open ---- */

void shmq_farm_options_init(struct shmq_farm_options *options) {
  *options = (struct shmq_farm_options){.argument_max = 4096,
                                        .max_waiting = 256,
                                        .max_workers = 256,
                                        .result_max = 4096,
                                        .max_tickets = 65536,
                                        .max_attempts = 3};
}

static bool options_are_valid(const struct shmq_farm_options *o) {
  return o->argument_max > 0 && o->max_waiting > 0 && o->max_workers > 0 && o->result_max > 0 &&
         o->max_tickets > 0 && o->max_attempts > 0;
}

static int tasks_open(struct shmq_farm *farm) {
  const struct shmq_farm_options *o = &farm->options;
  struct shmq_options options;
  shmq_options_init(&options);
  options.item_max = sizeof(struct task_message) + o->argument_max;
  options.capacity = o->max_waiting * (options.item_max + ITEM_OVERHEAD);
  options.maxsize = o->max_waiting;
  options.max_leases = o->max_workers;
  options.max_processes = o->max_workers + OTHER_PROCESSES;
  options.max_threads = o->max_workers + OTHER_THREADS;
  return shmq_open_or_create(&farm->tasks, farm->name, &options);
}

/* What the farm was made with. */
static int options_of_farm(struct shmq_farm *farm) {
  struct shmq_farm_options *o = &farm->options;
  struct shmq_stats stats;
  const int error = shmq_stat(farm->tasks, &stats);
  if (error != 0) return error;
  if (stats.item_max <= sizeof(struct task_message)) return -EPROTO;
  o->argument_max = stats.item_max - sizeof(struct task_message);
  o->max_workers = stats.max_leases;
  if (stats.maxsize > 0 && stats.maxsize < o->max_waiting) o->max_waiting = (uint32_t)stats.maxsize;
  return 0;
}

static void locks_create(struct shmq_farm *farm) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&farm->news, &attributes);
  pthread_condattr_destroy(&attributes);
  pthread_mutex_init(&farm->mutex, NULL);
}

static int open_farm(struct shmq_farm *farm) {
  int error = tasks_open(farm);
  if (error != 0) return error;
  error = options_of_farm(farm);
  if (error != 0) return shmq_close(farm->tasks), error;
  leftovers_remove(farm->name);
  locks_create(farm);
  return 0;
}

int shmq_farm_open(struct shmq_farm **opened, const char *name,
                   const struct shmq_farm_options *options) {
  struct shmq_farm_options defaults;
  shmq_farm_options_init(&defaults);
  if (options == NULL) options = &defaults;
  if (name == NULL || !options_are_valid(options)) return -EINVAL;
  if (strlen(name) > SHMQ_NAME_MAX) return -ENAMETOOLONG;
  struct shmq_farm *farm = calloc(1, sizeof *farm);
  if (farm == NULL) return -ENOMEM;
  farm->options = *options;
  farm->process = getpid();
  strcpy(farm->name, name);
  const int error = open_farm(farm);
  if (error != 0) return free(farm), error;
  *opened = farm;
  return 0;
}

int shmq_farm_close(struct shmq_farm *farm) {
  if (farm == NULL) return 0;
  if (farm->process != getpid()) return -EPERM;
  team_kill(farm);
  submitter_close(farm);
  shmq_close(farm->tasks);
  pthread_mutex_destroy(&farm->mutex);
  pthread_cond_destroy(&farm->news);
  free(farm->registered);
  free(farm);
  return 0;
}

int shmq_farm_unlink(const char *name) {
  const int error = shmq_unlink(name);
  if (error == 0) leftovers_remove(name);
  return error;
}

/* ---- Workers ---- */

static unsigned processors(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

int shmq_farm_start(struct shmq_farm *farm, unsigned workers) {
  if (workers == 0) workers = processors();
  if (workers > farm->options.max_workers) return -EINVAL;
  int error = farm_lock(farm);
  if (error != 0) return error;
  error = farm->team.workers != 0 ? -EBUSY : team_start(farm, workers);
  farm_unlock(farm);
  return error;
}

int shmq_farm_work(struct shmq_farm *farm, unsigned workers) {
  const int error = shmq_farm_start(farm, workers);
  return error != 0 ? error : await_team(farm, SHMQ_FOREVER);
}

int shmq_farm_stop(struct shmq_farm *farm, shmq_ns timeout) {
  const int error = farm_lock(farm);
  if (error != 0) return error;
  team_stop(farm);
  farm_unlock(farm);
  return await_team(farm, timeout);
}

int shmq_farm_shutdown(struct shmq_farm *farm, unsigned flags, shmq_ns timeout) {
  if (farm->process != getpid()) return -EPERM;
  const int error = shmq_shutdown(farm->tasks, flags);
  return error != 0 ? error : await_team(farm, timeout);
}
