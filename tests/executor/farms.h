/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of shmq_farm.h share: farms with names of their own, tasks, and their outcomes. */
#ifndef FARMS_H
#define FARMS_H

#include <criterion/hooks.h>
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "shmq_farm.h"

/* Boards of submitters that were killed; the queues are removed by the support. */
ReportHook(POST_ALL)(struct criterion_global_stats *stats) {
  char pattern[64];
  glob_t left;
  (void)stats;
  snprintf(pattern, sizeof pattern, "/dev/shm/shmq-farm.test-%d-*", getpid());
  if (glob(pattern, 0, NULL, &left)) return;
  for (size_t i = 0; i < left.gl_pathc; i++)
    unlink(left.gl_pathv[i]);
  globfree(&left);
}

/* ---- What the tasks and the test see alike ---- */

struct stage {
  _Atomic int64_t runs; /* tasks that began */
  _Atomic int64_t open; /* numbers below it may pass the gate */
};

static struct stage *stage;

static inline void stage_open(void) {
  stage = mmap(NULL, sizeof *stage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  cr_assert(stage != MAP_FAILED);
}

/* ---- Tasks ---- */

static inline int64_t argument_number(const void *argument, size_t size) {
  int64_t number = 0;
  memcpy(&number, argument, size < sizeof number ? size : sizeof number);
  return number;
}

static inline ssize_t return_number(void *result, int64_t number) {
  memcpy(result, &number, sizeof number);
  return sizeof number;
}

static inline ssize_t echo(const void *argument, size_t size, void *result, size_t room) {
  stage->runs++;
  if (size > room) return shmq_farm_fail(result, room, -EMSGSIZE, "too large");
  memcpy(result, argument, size);
  return (ssize_t)size;
}

static inline ssize_t square(const void *argument, size_t size, void *result, size_t room) {
  const int64_t number = argument_number(argument, size);
  (void)room;
  stage->runs++;
  return return_number(result, number * number);
}

static inline ssize_t fail(const void *argument, size_t size, void *result, size_t room) {
  stage->runs++;
  return shmq_farm_fail(result, room, -ENOENT, "no %.*s here", (int)size, (const char *)argument);
}

/* Comes to the gate and passes it when it is open for its number. */
static inline ssize_t gate(const void *argument, size_t size, void *result, size_t room) {
  const int64_t number = argument_number(argument, size);
  (void)room;
  stage->runs++;
  while (stage->open <= number)
    nap(MS);
  return return_number(result, number);
}

/* The signal's default action: sanitizers and test runners have handlers for some. */
static inline ssize_t die(const void *argument, size_t size, void *result, size_t room) {
  const int number = (int)argument_number(argument, size);
  (void)result, (void)room;
  stage->runs++;
  signal(number, SIG_DFL);
  raise(number);
  return 0;
}

static inline ssize_t die_once(const void *argument, size_t size, void *result, size_t room) {
  if (stage->runs++ == 0) raise(SIGKILL);
  return echo(argument, size, result, room);
}

static inline ssize_t leave(const void *argument, size_t size, void *result, size_t room) {
  (void)result, (void)room;
  stage->runs++;
  _exit((int)argument_number(argument, size));
}

static inline ssize_t worker_pid(const void *argument, size_t size, void *result, size_t room) {
  (void)argument, (void)size, (void)room;
  return return_number(result, getpid());
}

static inline ssize_t supervisor_pid(const void *argument, size_t size, void *result, size_t room) {
  (void)argument, (void)size, (void)room;
  return return_number(result, getppid());
}

/* ---- Farms ---- */

static inline struct shmq_farm_options default_farm_options(void) {
  struct shmq_farm_options options;
  shmq_farm_options_init(&options);
  return options;
}

static inline void register_all(shmq_farm *farm) {
  check_is(shmq_farm_register(farm, "echo", echo), 0);
  check_is(shmq_farm_register(farm, "square", square), 0);
  check_is(shmq_farm_register(farm, "fail", fail), 0);
  check_is(shmq_farm_register(farm, "gate", gate), 0);
  check_is(shmq_farm_register(farm, "die", die), 0);
  check_is(shmq_farm_register(farm, "die_once", die_once), 0);
  check_is(shmq_farm_register(farm, "leave", leave), 0);
  check_is(shmq_farm_register(farm, "worker_pid", worker_pid), 0);
  check_is(shmq_farm_register(farm, "supervisor_pid", supervisor_pid), 0);
}

/* The farm of queue_name, with the tasks above. */
static inline shmq_farm *open_farm(const struct shmq_farm_options *options) {
  shmq_farm *farm = NULL;
  check_is(shmq_farm_open(&farm, queue_name, options), 0);
  register_all(farm);
  return farm;
}

static inline shmq_farm *make_farm(const struct shmq_farm_options *options) {
  new_queue_name();
  stage_open();
  return open_farm(options);
}

/* With workers at work. */
static inline shmq_farm *start_farm(const struct shmq_farm_options *options, unsigned workers) {
  shmq_farm *farm = make_farm(options);
  check_is(shmq_farm_start(farm, workers), 0);
  return farm;
}

/* Nothing of it is left in shared memory. */
static inline void end_farm(shmq_farm *farm) {
  char pattern[sizeof queue_name + 32];
  glob_t left;
  check_is(shmq_farm_close(farm), 0);
  check_is(shmq_farm_unlink(queue_name), 0);
  snprintf(pattern, sizeof pattern, "/dev/shm/shmq*.%s*", queue_name);
  check_is(glob(pattern, 0, NULL, &left), GLOB_NOMATCH);
}

/* ---- Tickets and outcomes ---- */

static inline shmq_farm_ticket submit_number(shmq_farm *farm, const char *task, int64_t number) {
  shmq_farm_ticket ticket = 0;
  check_is(shmq_farm_submit(farm, task, &number, sizeof number, &ticket, PATIENCE), 0);
  cr_assert(ticket != 0);
  return ticket;
}

static inline struct shmq_farm_outcome outcome_of(shmq_farm *farm, shmq_farm_ticket ticket) {
  struct shmq_farm_outcome outcome = {0};
  check_is(shmq_farm_result(farm, ticket, &outcome, PATIENCE), 0);
  check_is(outcome.ticket, ticket);
  return outcome;
}

static inline int64_t outcome_number(struct shmq_farm_outcome *outcome) {
  cr_assert(outcome->code == 0, "code %d: %s", outcome->code, (char *)outcome->data);
  check_is(outcome->size, sizeof(int64_t));
  const int64_t number = argument_number(outcome->data, outcome->size);
  shmq_farm_free(outcome);
  return number;
}

/* Run one task and wait for its number. */
static inline int64_t ask(shmq_farm *farm, const char *task, int64_t number) {
  struct shmq_farm_outcome outcome = outcome_of(farm, submit_number(farm, task, number));
  return outcome_number(&outcome);
}

static inline void check_failed(struct shmq_farm_outcome *outcome, int code, const char *sentence) {
  check_is(outcome->code, code);
  cr_assert(outcome->data && strstr(outcome->data, sentence), "\"%s\" is not in \"%s\"", sentence,
            (char *)outcome->data);
  check_is(outcome->size, strlen(outcome->data));
  shmq_farm_free(outcome);
}

static inline bool process_is_gone(pid_t pid) {
  return kill(pid, 0) != 0 && errno == ESRCH;
}

#endif
