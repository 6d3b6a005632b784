/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tree.h"

/*
 * In the child of a vfork: it shares our memory until it executes the program. It enters its group
 * in the slot itself, so that there is no moment in which it has one and nobody knows.
 */
_Noreturn static void execute(const struct launch *launch, pid_t worker, volatile int *error) {
  setpgid(0, 0);
  atomic_store(&launch->slot->group, getpid());
  if (!tree_follow(worker, SIGKILL)) _exit(1);
  dup2(launch->in, STDIN_FILENO);
  dup2(launch->out, STDOUT_FILENO);
  dup2(launch->err, STDERR_FILENO);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGTTOU, SIG_DFL);
  sigprocmask(SIG_SETMASK, &launch->farm->mask, NULL);
  execv(launch->path, launch->arguments);
  *error = errno;
  _exit(1);
}

/* Unlike fork, it costs the same whatever memory this process has. */
static pid_t start(const struct launch *launch, volatile int *error) {
  pid_t worker = getpid(), pid = vfork();
  if (pid == 0) execute(launch, worker, error);
  if (pid < 0) *error = errno;
  return pid;
}

int run_start(const struct launch *launch, pid_t *pid) {
  volatile int error = 0;
  *pid = start(launch, &error);
  if (error && *pid > 0) {
    atomic_store(&launch->slot->group, 0);
    waitpid(*pid, NULL, 0);
  }
  return error;
}

/* It is still to be waited for. Orphans of the command's are our children, too. */
static pid_t ended_child(void) {
  siginfo_t info = {.si_pid = 0};
  waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
  return info.si_pid;
}

/* As long as the command is not waited for, its number is not given to another process group. */
bool run_ended(struct slot *slot, pid_t pid, int *status) {
  for (pid_t ended; (ended = ended_child()) != pid; waitpid(ended, NULL, 0))
    if (ended == 0) return false;
  kill(-pid, SIGKILL);
  atomic_store(&slot->group, 0);
  waitpid(pid, status, 0);
  tree_end();
  return true;
}

void run_stop(pid_t pid, int signal) {
  kill(-pid, signal);
  kill(pid, signal); /* it may have left its group */
}

void describe_status(char text[STATUS_TEXT_MAX], int status) {
  if (WIFEXITED(status))
    snprintf(text, STATUS_TEXT_MAX, "exit status %d", WEXITSTATUS(status));
  else
    snprintf(text, STATUS_TEXT_MAX, "killed by signal %d (%s)", WTERMSIG(status),
             strsignal(WTERMSIG(status)));
}
