/* SPDX-License-Identifier: Apache-2.0 */
#include "guard.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOK     10 /* ms */
#define LOOKS    500
#define PATIENCE 100 /* so many looks a worker has for its own end */

/* Dead is enough, whether or not somebody has waited for it. */
static bool is_gone(pid_t process) {
  if (process == 0) return true;
  struct pollfd handle = {(int)syscall(SYS_pidfd_open, process, 0), POLLIN, 0};
  if (handle.fd < 0) return errno == ESRCH;
  int dead = poll(&handle, 1, 0);
  close(handle.fd);
  return dead == 1;
}

/* A worker ends its group itself, once the kernel has told it that the supervisor is dead. We may
   hear of that sooner, as descriptors are closed first: a group that we ended then would look to
   its worker like a run that failed. While the worker lives, the slot may get another group.
   Without one it has its last; that is ended once, and no other that may get its number later. */
static bool end_group(struct slot *slot, bool patient) {
  bool gone = is_gone(atomic_load(&slot->worker));
  pid_t group = atomic_load(&slot->group);
  if (group != 0 && (gone || !patient)) kill(-group, SIGKILL);
  if (gone) atomic_store(&slot->group, 0);
  return gone;
}

static bool end_groups(const struct farm *farm, bool patient) {
  bool all_gone = true;
  for (uint32_t i = 0; i < farm->plan.workers_max; i++)
    all_gone &= end_group(&farm->slots[i], patient);
  return all_gone;
}

/* Whoever waits for the end of the farm's output must not wait for the guard, and what ends a
   process group or a terminal is not for it. */
static void step_aside(const struct farm *farm) {
  prctl(PR_SET_NAME, "shmq-guard");
  setsid();
  dup2(farm->null, STDIN_FILENO);
  dup2(farm->null, STDOUT_FILENO);
  dup2(farm->null, STDERR_FILENO);
}

_Noreturn void guard_main(const struct farm *farm, int line) {
  char byte;
  step_aside(farm);
  while (read(line, &byte, 1) < 0 && errno == EINTR)
    continue;
  for (int looks = 0; !end_groups(farm, looks < PATIENCE) && looks < LOOKS; looks++)
    poll(NULL, 0, LOOK);
  _exit(0);
}
