/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static int line_to_parent = -1;

void say(int64_t word) {
  if (send(line_to_parent, &word, sizeof word, MSG_NOSIGNAL) != sizeof word) _exit(1);
}

int64_t listen_to_parent(void) {
  int64_t word;
  if (recv(line_to_parent, &word, sizeof word, 0) != sizeof word) _exit(1);
  return word;
}

_Noreturn static void be_child(pid_t parent, int line, int64_t (*run)(void *), void *argument) {
  line_to_parent = line;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (parent && getppid() != parent && getppid() != 0) _exit(1);
  say(run(argument));
  _exit(0);
}

/* The state stands in a stat file of proc(5) after the name, which ends with the last ')'. */
static bool sleeps(const char *path) {
  char line[512] = "";
  FILE *file = fopen(path, "re");
  if (!file) return false;
  const char *read = fgets(line, sizeof line, file);
  fclose(file);
  const char *state = read ? strrchr(line, ')') : NULL;
  return state && state[1] == ' ' && state[2] == 'S';
}

#ifdef __SANITIZE_ADDRESS__
static bool other_threads_sleep(void) {
  char path[64];
  bool all = true;
  DIR *threads = opendir("/proc/self/task");
  for (const struct dirent *entry; threads && (entry = readdir(threads));) {
    const pid_t thread = atoi(entry->d_name);
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    if (thread > 0 && thread != gettid() && !sleeps(path)) all = false;
  }
  if (threads) closedir(threads);
  return all;
}

/* A thread may hold the sanitizer's allocator when the process is forked: in the child nobody ever
   lets go of it. Threads of a test may work on and on. */
static void let_threads_rest(void) {
  const shmq_ns end = now() + 100 * MS;
  while (!other_threads_sleep() && now() < end)
    nap(MS / 10);
}
#else
static void let_threads_rest(void) {}
#endif

struct child child_start(int64_t (*run)(void *), void *argument) {
  int ends[2];
  const pid_t parent = getpid();
  cr_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
  let_threads_rest();
  const pid_t pid = fork();
  cr_assert(pid >= 0, "fork failed");
  if (pid == 0) {
    close(ends[0]);
    be_child(parent, ends[1], run, argument);
  }
  close(ends[1]);
  return (struct child){pid, ends[0]};
}

int64_t child_hear(const struct child *child) {
  struct pollfd line = {child->line, POLLIN, 0};
  int64_t word = 0;
  cr_assert(poll(&line, 1, (int)(PATIENCE / MS)) == 1, "child %d says nothing", child->pid);
  cr_assert(recv(child->line, &word, sizeof word, 0) == sizeof word, "child %d died unasked",
            child->pid);
  return word;
}

void child_tell(const struct child *child, int64_t word) {
  cr_assert(send(child->line, &word, sizeof word, MSG_NOSIGNAL) == sizeof word);
}

static bool has_ended(const struct child *child) {
  siginfo_t info = {0};
  return waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid;
}

int child_status(const struct child *child) {
  const shmq_ns end = now() + PATIENCE;
  int status = 0;
  while (!has_ended(child) && now() < end)
    nap(MS / 10);
  cr_assert(has_ended(child), "child %d does not end", child->pid);
  waitpid(child->pid, &status, 0);
  close(child->line);
  return status;
}

int64_t child_result(const struct child *child) {
  const int64_t result = child_hear(child);
  const int status = child_status(child);
  cr_assert(status == 0, "child %d ended with status %#x", child->pid, status);
  return result;
}

void child_kill(const struct child *child) {
  kill(child->pid, SIGKILL);
  child_status(child);
}

void child_kill_unreaped(const struct child *child) {
  siginfo_t info;
  kill(child->pid, SIGKILL);
  waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT);
}

void child_stop(const struct child *child) {
  siginfo_t info;
  kill(child->pid, SIGSTOP);
  waitid(P_PID, (id_t)child->pid, &info, WSTOPPED);
}

void child_continue(const struct child *child) {
  kill(child->pid, SIGCONT);
}

bool child_sleeps(const struct child *child) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", child->pid);
  return sleeps(path);
}
