/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "team.h"

int process_open(pid_t pid) {
  const int process = (int)syscall(SYS_pidfd_open, pid, 0);
  return process >= 0 ? process : -errno;
}

int process_adopt(pid_t child) {
  if (child < 0) return -errno;
  const int process = process_open(child);
  if (process >= 0) return process;
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return process;
}

siginfo_t process_reap(int process) {
  siginfo_t end = {0};
  while (waitid(P_PIDFD, (id_t)process, &end, WEXITED) != 0 && errno == EINTR) {
  }
  return end;
}
