/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void tree_adopt(void) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
}

bool tree_follow(pid_t parent, int signal) {
  prctl(PR_SET_PDEATHSIG, signal);
  return getppid() == parent;
}

/* Each number is followed by a space. Returns how many there are. */
static size_t read_numbers(const char *text, const char *end, pid_t *pids, size_t max) {
  size_t count = 0;
  for (pid_t pid = 0; text < end && count < max; text++) {
    if (*text >= '0' && *text <= '9') {
      pid = 10 * pid + (*text - '0');
    } else if (pid != 0) {
      pids[count++] = pid;
      pid = 0;
    }
  }
  return count;
}

size_t tree_children(pid_t *pids, size_t max) {
  char text[8192];
  int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t size = read(fd, text, sizeof text);
  close(fd);
  return size > 0 ? read_numbers(text, text + size, pids, max) : 0;
}

/* Those that are more than this have their turn when these are gone. */
int tree_kill(bool (*spared)(pid_t child)) {
  pid_t children[1024];
  int killed = 0;
  size_t count = tree_children(children, sizeof children / sizeof *children);
  for (size_t i = 0; i < count; i++)
    if (!(spared && spared(children[i])) && kill(children[i], SIGKILL) == 0) killed++;
  return killed;
}

/* Each child that ends may leave us its own. */
void tree_end(void) {
  for (;;) {
    pid_t ended = waitpid(-1, NULL, WNOHANG);
    if (ended < 0) return;
    if (ended > 0) continue;
    if (tree_kill(NULL) == 0) return;
    waitpid(-1, NULL, 0);
  }
}
