/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the command: its process, its process group, its end. */
#ifndef SHMQ_TOOLS_FARM_RUN_H
#define SHMQ_TOOLS_FARM_RUN_H

#include "farm.h"

struct run {
  pid_t pid;
  int status;      /* how it ended, as of waitpid(2) */
  const char *why; /* it could not be started, or made to answer; NULL: it ran, see status */
  bool hopeless;   /* and never will */
  bool timed_out;
  double began; /* seconds since 1970 */
  double seconds;
  size_t sent; /* bytes on its standard input */
};

static inline bool run_succeeded(const struct run *run) {
  return !run->why && !run->timed_out && run->status == 0;
}

struct launch {
  const struct farm *farm;
  struct slot *slot;
  const char *path;
  char *const *arguments;
  int in, out, err;
};

/* Starts a command in a process group of its own, which stands in the slot before it does anything.
   It dies with this process. Returns 0 or an errno. */
int run_start(const struct launch *launch, pid_t *pid);

/* Has it ended? Then nothing of it is left: its process group is ended, and all other processes
   below this one. */
bool run_ended(struct slot *slot, pid_t pid, int *status);

/* Have the process group end: politely, then not. */
void run_stop(pid_t pid, int signal);

/* "exit status 3", "killed by signal 9 (Killed)". */
#define STATUS_TEXT_MAX 64
void describe_status(char text[STATUS_TEXT_MAX], int status);

#endif
