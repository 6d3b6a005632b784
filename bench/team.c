/* SPDX-License-Identifier: Apache-2.0 */
#include "team.h"

#include <err.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "futex.h"
#include "peer.h"

enum { GRACE_S = 10 }; /* how long a run may go on after it was told to stop */

static sigset_t watched; /* SIGCHLD, and what asks us to stop */
static bool interrupted;
void team_prepare(void) {
  const int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};
  sigemptyset(&watched);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaddset(&watched, signals[i]);
  sigprocmask(SIG_BLOCK, &watched, NULL);
}

bool team_interrupted(void) {
  return interrupted;
}

void team_begin(struct team *team) {
  memset(team, 0, sizeof *team);
  team->gate = shared_map(sizeof *team->gate);
}

/* Onto the index-th of the processors we may use, counted round and round. */
static void pin(unsigned index) {
  cpu_set_t all, one;
  if (sched_getaffinity(0, sizeof all, &all) < 0) return;
  unsigned skip = index % (unsigned)CPU_COUNT(&all);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &all) || skip-- > 0)
    cpu++;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  sched_setaffinity(0, sizeof one, &one);
}

static _Noreturn void become(unsigned index, pid_t parent, team_role *role, void *argument) {
  sigprocmask(SIG_UNBLOCK, &watched, NULL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  pin(index);
  role(argument);
  _exit(0);
}

static void start(struct team *team, team_role *role, void *argument, bool helper) {
  unsigned index = team->size++;
  pid_t parent = getpid();
  if (index >= TEAM_MAX) errx(1, "more than %d processes", TEAM_MAX);
  fflush(NULL);
  pid_t pid = fork();
  if (pid < 0) err(1, "fork");
  if (pid == 0) become(index, parent, role, argument);
  team->pids[index] = pid;
  team->helper[index] = helper;
  team->players += !helper;
}

void team_add(struct team *team, team_role *role, void *argument) {
  start(team, role, argument, false);
}

void team_add_helper(struct team *team, team_role *role, void *argument) {
  start(team, role, argument, true);
}

void team_gate(struct gate *gate) {
  atomic_fetch_add(&gate->ready, 1);
  while (!atomic_load(&gate->open))
    futex_wait(&gate->open, 0);
}

static bool ended_well(int status) {
  if (WIFSIGNALED(status)) warnx("a process died: %s", strsignal(WTERMSIG(status)));
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool note_end(struct team *team, pid_t pid, int status) {
  for (unsigned i = 0; i < team->size; i++) {
    if (team->pids[i] != pid) continue;
    team->pids[i] = 0;
    team->players -= !team->helper[i];
    return ended_well(status) && !team->helper[i];
  }
  return true; /* not one of the team */
}

/* Note who has ended. Returns false if one of them failed. */
static bool reap(struct team *team) {
  bool well = true;
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    well = note_end(team, pid, status) && well;
  }
  return well;
}

/* Sleep until the time, or until a signal comes. Returns false if the user asks us to stop. */
static bool sleep_until(uint64_t end) {
  uint64_t now = now_ns();
  uint64_t left = end > now ? end - now : 0;
  struct timespec time = {.tv_sec = (time_t)(left / 1000000000u),
                          .tv_nsec = (long)(left % 1000000000u)};
  int number = sigtimedwait(&watched, NULL, &time);
  interrupted = interrupted || (number > 0 && number != SIGCHLD);
  return !interrupted;
}

static bool await_all_at_gate(struct team *team) {
  uint64_t deadline = now_ns() + GRACE_S * UINT64_C(1000000000);
  while (atomic_load(&team->gate->ready) < team->size) {
    if (!sleep_until(now_ns() + 200000) || !reap(team)) return false;
    if (now_ns() > deadline) return false;
  }
  return true;
}

/* Wait until all players have ended, or for the time. */
static bool await_players(struct team *team, uint64_t end) {
  while (team->players > 0 && now_ns() < end) {
    if (!sleep_until(end) || !reap(team)) return false;
  }
  return true;
}

static bool play(struct team *team, double seconds) {
  const uint64_t forever = UINT64_MAX / 2;
  if (!await_all_at_gate(team)) return false;
  team->opened = now_ns();
  atomic_store(&team->gate->open, 1);
  futex_wake(&team->gate->open, INT_MAX);
  uint64_t end = seconds < 0 ? forever : team->opened + (uint64_t)(1e9 * seconds);
  if (!await_players(team, end)) return false;
  atomic_store(&team->gate->stop, 1);
  if (!await_players(team, now_ns() + GRACE_S * UINT64_C(1000000000))) return false;
  return team->players == 0;
}

static void kill_rest(struct team *team) {
  for (unsigned i = 0; i < team->size; i++) {
    if (team->pids[i]) kill(team->pids[i], SIGKILL);
  }
  for (unsigned i = 0; i < team->size; i++) {
    if (team->pids[i]) waitpid(team->pids[i], NULL, 0);
  }
}

bool team_run(struct team *team, double seconds) {
  bool well = play(team, seconds);
  if (!well && !interrupted) warnx("the run failed or hung");
  kill_rest(team);
  shared_unmap(team->gate, sizeof *team->gate);
  return well;
}
