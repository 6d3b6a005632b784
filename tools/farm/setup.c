/* SPDX-License-Identifier: Apache-2.0 */
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../command.h"
#include "arguments.h"
#include "joblog.h"
#include "temporary.h"

#define HAND_MAX 64u

/* ---- Signals ------------------------------------------------------------------------------------
 */

/* Who began the farm under nohup(1) wants it to outlive the terminal. */
static bool ignores_hangup(void) {
  struct sigaction action;
  return sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t setup_signals(void) {
  static const int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGQUIT, SIGTSTP};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaddset(&set, signals[i]);
  if (!ignores_hangup()) sigaddset(&set, SIGHUP);
  return set;
}

/* A shell starts what runs in the background without SIGINT and SIGQUIT: who sends them here means
   it. */
static void block_signals(struct farm *farm) {
  sigset_t set = setup_signals();
  for (int signal_number = 1; signal_number < SIGRTMIN; signal_number++)
    if (sigismember(&set, signal_number) == 1) signal(signal_number, SIG_DFL);
  sigaddset(&set, SIGUSR1); /* to workers, the youngest of which may not be ready for it */
  sigprocmask(SIG_BLOCK, &set, &farm->mask);
}

/* ---- Memory -------------------------------------------------------------------------------------
 */

static void *shared_memory(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}

static uint32_t share_of_leases(const struct farm *farm) {
  uint32_t share = farm->limits.max_leases / (2 * farm->plan.workers_max);
  return share > HAND_MAX ? HAND_MAX : share > 1 ? share : 1;
}

static int share_memory(struct farm *farm) {
  farm->hand_max = share_of_leases(farm);
  farm->past_count = farm->limits.max_leases;
  farm->place_count = farm->plan.keep_order ? 2 * farm->limits.max_leases : 1;
  farm->shared = shared_memory(sizeof *farm->shared);
  farm->slots = shared_memory(farm->plan.workers_max * sizeof *farm->slots);
  farm->pasts = shared_memory(farm->past_count * sizeof *farm->pasts);
  farm->places = shared_memory(farm->place_count * sizeof *farm->places);
  if (!farm->shared || !farm->slots || !farm->pasts || !farm->places) return out_of_memory();
  lock_init(&farm->shared->output);
  lock_init(&farm->shared->taking);
  return STATUS_DONE;
}

/* ---- Files --------------------------------------------------------------------------------------
 */

static int file_failed(const char *path) {
  complain("%s: %s", path, strerror(errno));
  return STATUS_FAILED;
}

/* Also stands in for a standard stream that is closed, so that no other file gets its number. */
static int open_null(struct farm *farm) {
  do {
    farm->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (farm->null < 0) return file_failed("/dev/null");
  } while (farm->null <= STDERR_FILENO);
  return STATUS_DONE;
}

static int open_files(struct farm *farm) {
  const struct plan *plan = &farm->plan;
  if (plan->joblog) farm->joblog = joblog_open(plan->joblog);
  if (plan->joblog && farm->joblog < 0) return file_failed(plan->joblog);
  if (!plan->keep_order) return STATUS_DONE;
  farm->spool = temporary_file();
  if (farm->spool < 0 || fcntl(farm->spool, F_SETFL, 0) != 0) return file_failed("temporary file");
  return STATUS_DONE;
}

/* ---- Queues and the command ---------------------------------------------------------------------
 */

static int open_queues(struct farm *farm) {
  const struct plan *plan = &farm->plan;
  struct shmq_stats results;
  int status = open_queue(&farm->queue, plan->queue);
  if (status) return status;
  int error = shmq_stat(farm->queue, &farm->limits);
  if (error) return fail(plan->queue, error);
  if (!plan->results) return STATUS_DONE;
  status = open_queue(&farm->results, plan->results);
  if (status) return status;
  error = shmq_stat(farm->results, &results);
  farm->result_max = results.item_max;
  return error ? fail(plan->results, error) : STATUS_DONE;
}

static int find_command(struct farm *farm) {
  const char *program = farm->plan.command[0];
  if (has_place(program)) return STATUS_DONE;
  farm->path = find_program(program);
  if (farm->path) return STATUS_DONE;
  complain("%s: %s", program, errno == ENOENT ? "there is no such command" : strerror(errno));
  return STATUS_FAILED;
}

int setup(struct farm *farm, const struct plan *plan) {
  *farm = (struct farm){.plan = *plan, .joblog = -1, .spool = -1, .supervisor = getpid()};
  int status = open_null(farm);
  if (status == STATUS_DONE) status = open_queues(farm);
  if (status == STATUS_DONE) status = find_command(farm);
  if (status != STATUS_DONE || plan->dry_run) return status;
  status = open_files(farm);
  if (status == STATUS_DONE) status = share_memory(farm);
  if (status == STATUS_DONE) block_signals(farm);
  return status;
}

void setup_undo(struct farm *farm) {
  shmq_close(farm->queue);
  shmq_close(farm->results);
  free((char *)farm->path);
}
