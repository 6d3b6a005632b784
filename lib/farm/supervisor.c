/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"
#include "team.h"

/* From one start of a worker that dies with nothing in hand to the next: perhaps it always will. */
#define PAUSE SLICE

/* How long to wait for room to tell a submitter that may be stopped. */
#define PATIENCE NS_PER_S

struct worker {
  int process; /* pidfd; -1: there is none */
  int64_t due; /* when to start another, if there is none; NEVER: it has left */
};

struct supervisor {
  struct shmq_farm *farm;
  struct worker *workers;
  struct pollfd *watched; /* the workers, then the program */
  unsigned count;
};

/* ---- To tell how a worker died ---- */

static void crash_describe(struct crash *crash, const siginfo_t *end) {
  const int status = end->si_status;
  if (end->si_code == CLD_KILLED || end->si_code == CLD_DUMPED) {
    crash->report.signal = status;
    snprintf(crash->sentence, sizeof crash->sentence, "killed by signal %d, %s", status,
             strsignal(status));
  } else {
    snprintf(crash->sentence, sizeof crash->sentence, "its worker ended with exit status %d",
             status);
  }
}

static void tell(const struct shmq_farm *farm, const struct desk *desk, const siginfo_t *end) {
  shmq *results;
  struct crash crash = {.report = {.ticket = desk->ticket,
                                   .attempt = desk->attempt,
                                   .kind = REPORT_CRASH,
                                   .code = -EOWNERDEAD}};
  if (shmq_open(&results, results_name(farm->name, &desk->submitter).text) != 0) return;
  crash_describe(&crash, end);
  shmq_put(results, &crash, sizeof crash.report + strlen(crash.sentence), PATIENCE);
  shmq_close(results);
}

/* ---- Workers ---- */

_Noreturn static void become_worker(struct supervisor *s, struct desk *desk, pid_t supervisor) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(1);
  worker_run(s->farm, desk);
}

static void worker_start(struct supervisor *s, unsigned i) {
  const pid_t me = getpid();
  struct desk *desk = &s->farm->team.shop->desks[i];
  atomic_store(&desk->busy, 0);
  const pid_t pid = fork();
  if (pid == 0) become_worker(s, desk, me);
  s->workers[i] = (struct worker){.process = process_adopt(pid), .due = clock_now() + PAUSE};
}

/* One that left unasked is replaced; at once if it died in a task. */
static void worker_ended(struct supervisor *s, unsigned i) {
  struct worker *worker = &s->workers[i];
  const struct desk *desk = &s->farm->team.shop->desks[i];
  const bool busy = atomic_load(&desk->busy);
  const siginfo_t end = process_reap(worker->process);
  close(worker->process);
  worker->process = -1;
  if (busy && desk->ticket != 0) tell(s->farm, desk, &end);
  shmq_recover(s->farm->tasks);
  if (busy) {
    worker->due = 0;
  } else if (end.si_code == CLD_EXITED && end.si_status == 0) {
    worker->due = NEVER;
  }
}

/* Start those that are due. Returns when the next one is. */
static int64_t workers_start(struct supervisor *s) {
  int64_t next = NEVER;
  for (unsigned i = 0; i < s->count; i++) {
    struct worker *worker = &s->workers[i];
    if (worker->process < 0 && worker->due <= clock_now()) worker_start(s, i);
    if (worker->process < 0 && worker->due < next) next = worker->due;
  }
  return next;
}

static bool anybody_is_here(const struct supervisor *s) {
  for (unsigned i = 0; i < s->count; i++) {
    if (s->workers[i].process >= 0 || s->workers[i].due != NEVER) return true;
  }
  return false;
}

/* ---- The supervisor ---- */

static int milliseconds_until(int64_t due) {
  if (due == NEVER) return -1;
  const int64_t left = due - clock_now();
  return left > 0 ? (int)(left / NS_PER_MS) + 1 : 0;
}

/* Sleep until a process ends. Workers die with us: we leave when the program has died. */
static void watch(struct supervisor *s, int64_t next) {
  for (unsigned i = 0; i < s->count; i++)
    s->watched[i] = (struct pollfd){.fd = s->workers[i].process, .events = POLLIN};
  if (poll(s->watched, s->count + 1, milliseconds_until(next)) <= 0) return;
  if (s->watched[s->count].revents) _exit(1);
  for (unsigned i = 0; i < s->count; i++) {
    if (s->watched[i].revents) worker_ended(s, i);
  }
}

/* Without SIGCHLD's default action there may be no status to wait for. */
static void settle(struct supervisor *s, pid_t program) {
  signal(SIGCHLD, SIG_DFL);
  signal(SIGINT, SIG_IGN);
  s->count = s->farm->team.workers;
  s->workers = calloc(s->count, sizeof *s->workers);
  s->watched = calloc(s->count + 1, sizeof *s->watched);
  if (s->workers == NULL || s->watched == NULL) _exit(1);
  s->watched[s->count] = (struct pollfd){.fd = process_open(program), .events = POLLIN};
  if (s->watched[s->count].fd < 0 || getppid() != program) _exit(1);
  for (unsigned i = 0; i < s->count; i++)
    s->workers[i].process = -1;
  shmq_recover(s->farm->tasks); /* what workers had in hand that died with their supervisor */
}

_Noreturn void supervisor_run(struct shmq_farm *farm, pid_t program) {
  struct supervisor s = {.farm = farm};
  settle(&s, program);
  for (int64_t next = workers_start(&s); anybody_is_here(&s); next = workers_start(&s))
    watch(&s, next);
  atomic_store(&farm->team.shop->left, 1);
  _exit(0);
}
