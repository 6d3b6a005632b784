/* SPDX-License-Identifier: Apache-2.0 */
#include "team.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t shop_size(unsigned workers) {
  return sizeof(struct workshop) + workers * sizeof(struct desk);
}

static struct workshop *shop_open(unsigned workers) {
  void *shop =
      mmap(NULL, shop_size(workers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return shop != MAP_FAILED ? shop : NULL;
}

static void kill_supervisor(int supervisor) {
  syscall(SYS_pidfd_send_signal, supervisor, SIGKILL, NULL, 0);
  process_reap(supervisor);
  close(supervisor);
}

/* What the program has printed so far is not to be printed again by its copies. */
static int supervisor_start(struct shmq_farm *farm) {
  const pid_t program = getpid();
  fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) supervisor_run(farm, program);
  farm->team.supervisor = process_adopt(pid);
  return farm->team.supervisor >= 0 ? 0 : farm->team.supervisor;
}

static void team_clear(struct shmq_farm *farm) {
  munmap(farm->team.shop, shop_size(farm->team.workers));
  farm->team = (struct team){.supervisor = -1};
}

int team_start(struct shmq_farm *farm, unsigned workers) {
  struct workshop *shop = shop_open(workers);
  if (shop == NULL) return -ENOMEM;
  farm->team = (struct team){.workers = workers, .shop = shop, .supervisor = -1};
  const int error = supervisor_start(farm);
  if (error != 0) team_clear(farm);
  return error;
}

void team_stop(struct shmq_farm *farm) {
  if (farm->team.workers != 0) atomic_store(&farm->team.shop->stop, 1);
}

/* A workshop of its own: workers of the one that died may not have noticed yet. */
static void team_restart(struct shmq_farm *farm) {
  struct team *team = &farm->team;
  struct workshop *shop = shop_open(team->workers);
  if (shop == NULL) return;
  atomic_store(&shop->stop, atomic_load(&team->shop->stop));
  munmap(team->shop, shop_size(team->workers));
  team->shop = shop;
  supervisor_start(farm);
}

static bool has_ended(int process) {
  struct pollfd watched = {.fd = process, .events = POLLIN};
  return poll(&watched, 1, 0) == 1;
}

/* Its exit status may have been taken by the program: the word in the workshop counts. */
static bool supervisor_has_left(struct team *team) {
  process_reap(team->supervisor);
  close(team->supervisor);
  team->supervisor = -1;
  return atomic_load(&team->shop->left) != 0;
}

bool team_watch(struct shmq_farm *farm) {
  struct team *team = &farm->team;
  if (team->workers == 0) return false;
  if (team->supervisor >= 0 && !has_ended(team->supervisor)) return true;
  if (team->supervisor >= 0 && supervisor_has_left(team)) return team_clear(farm), false;
  team_restart(farm);
  return true;
}

void team_kill(struct shmq_farm *farm) {
  if (farm->team.workers == 0) return;
  if (farm->team.supervisor >= 0) kill_supervisor(farm->team.supervisor);
  team_clear(farm);
}
