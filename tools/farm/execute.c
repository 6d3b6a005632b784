/* SPDX-License-Identifier: Apache-2.0 */
#include "execute.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../command.h"
#include "arguments.h"
#include "clock.h"
#include "run.h"
#include "settle.h"

#define STOP_GRACE   SECOND /* between asking a command to end and making it */
#define NO_PROCESSES 50     /* tries to start one where the system has none left */

_Noreturn static void fail_with_errno(const struct worker *worker, const char *what) {
  worker_fail(worker->farm, STATUS_FAILED, "%s: %s", what, strerror(errno));
}

static size_t add_input(const struct worker *worker, size_t at, const void *bytes, size_t size) {
  if (pwrite(worker->in, bytes, size, (off_t)at) != (ssize_t)size)
    fail_with_errno(worker, "temporary file");
  return at + size;
}

/* The items as standard input: one alone as it is, several each with its end. */
static size_t write_input(const struct worker *worker, const struct task *task) {
  size_t size = 0;
  if (ftruncate(worker->in, 0) != 0 || lseek(worker->in, 0, SEEK_SET) != 0)
    fail_with_errno(worker, "temporary file");
  for (size_t i = 0; i < task->count; i++) {
    size = add_input(worker, size, task->items[i].data, task->items[i].size);
    if (worker->farm->plan.per_run > 1) size = add_input(worker, size, &worker->farm->plan.end, 1);
  }
  return size;
}

/* A shortage of processes passes. */
static int start_patiently(struct worker *worker, const struct launch *launch, pid_t *pid) {
  int error = EAGAIN;
  for (int tries = 0; error == EAGAIN && tries < NO_PROCESSES; tries++) {
    if (tries > 0) nap(worker, now() + 100 * MS);
    error = run_start(launch, pid);
  }
  return error;
}

/* Where the item is not to blame, the farm ends: no other would fare better. */
static void not_started(const struct worker *worker, struct run *run, int error) {
  const struct farm *farm = worker->farm;
  bool of_system = error == EAGAIN || error == ENOMEM || error == ENFILE;
  bool of_item = !of_system && (!farm->path || (error == E2BIG && farm->plan.substitute));
  if (!of_item) worker_fail(farm, STATUS_FAILED, "%s: %s", farm->plan.command[0], strerror(error));
  run->why = strerror(error);
  run->hopeless = true;
}

/* The time is read before each look: a command that has ended by then was in time, however late
   this worker comes to see it. */
static void wait_for_command(struct worker *worker, struct run *run) {
  shmq_ns timeout = worker->farm->plan.timeout;
  shmq_ns time = now(), deadline = timeout ? time + timeout : NEVER;
  for (; !run_ended(worker->slot, run->pid, &run->status); time = now()) {
    if (time >= deadline) {
      run_stop(run->pid, run->timed_out ? SIGKILL : SIGTERM);
      run->timed_out = true;
      deadline = now() + STOP_GRACE;
    }
    nap(worker, deadline);
  }
}

static void run_arguments(struct worker *worker, char *const *arguments, struct run *run) {
  const struct farm *farm = worker->farm;
  char *own_path = farm->path ? NULL : find_program(arguments[0]);
  struct launch launch = {.farm = farm,
                          .slot = worker->slot,
                          .path = farm->path ? farm->path : own_path,
                          .arguments = arguments,
                          .in = farm->plan.substitute ? farm->null : worker->in,
                          .out = worker->out,
                          .err = worker->err};
  int error = launch.path ? start_patiently(worker, &launch, &run->pid) : errno;
  free(own_path);
  if (error)
    not_started(worker, run, error);
  else
    wait_for_command(worker, run);
}

static void run_command(struct worker *worker, const struct task *task, struct run *run) {
  const struct plan *plan = &worker->farm->plan;
  if (!plan->substitute) {
    run->sent = write_input(worker, task);
    run_arguments(worker, (char *const *)plan->command, run);
    return;
  }
  char **arguments = substitute(plan->command, task->items, task->count);
  if (arguments) {
    run_arguments(worker, arguments, run);
    free(arguments);
    return;
  }
  run->why = errno == EILSEQ ? "holds a NUL byte, which no argument can" : strerror(errno);
  run->hopeless = true;
}

static struct source output_in(int fd) {
  struct stat st;
  return (struct source){.fd = fd, .size = fstat(fd, &st) == 0 ? (size_t)st.st_size : 0};
}

static void empty(const struct worker *worker, const struct source *source) {
  if (source->size > 0 && ftruncate(source->fd, 0) != 0) fail_with_errno(worker, "temporary file");
}

void execute(struct worker *worker, const struct task *task) {
  shmq_ns began = now();
  struct run run = {.began = (double)time_of(CLOCK_REALTIME) / SECOND};
  if (task->count == 1) atomic_store(&worker->slot->suspect, task->items->id + 1);
  run_command(worker, task, &run);
  atomic_store(&worker->slot->suspect, 0);
  run.seconds = (double)(now() - began) / SECOND;
  struct outputs outputs = {output_in(worker->out), output_in(worker->err)};
  settle(worker, task, &run, &outputs);
  empty(worker, &outputs.out);
  empty(worker, &outputs.err);
}
