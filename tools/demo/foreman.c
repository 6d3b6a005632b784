/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

enum { TICK_NS = 500 * 1000, PROGRESS_TICKS = 200 };

/* Who is at work; a pid is 0 once its process was waited for. */
struct crew {
  pid_t putter, collector, workers[WORKERS];
  uint64_t kill_at; /* finished tasks */
};

static pid_t start(const struct demo *demo, int (*role)(const struct demo *)) {
  pid_t parent = getpid();
  fflush(NULL);
  pid_t pid = fork();
  if (pid < 0) err(1, "fork");
  if (pid > 0) return pid;
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGHUP, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  exit(role(demo));
}

/* Wait for one child; false if it did not end well, or a signal came first. */
static bool await(pid_t *pid) {
  int status;
  while (waitpid(*pid, &status, 0) < 0) {
    if (errno != EINTR || stop_signal()) return false;
  }
  *pid = 0;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Wait for one child if it has ended; false if it did not end well. */
static bool reap(pid_t *pid) {
  siginfo_t info = {0};
  if (*pid == 0 || waitid(P_PID, (id_t)*pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return true;
  return info.si_pid == 0 || await(pid);
}

/* Nobody but the putter may end, and nobody may end badly, before the work does. */
static bool crew_is_well(struct crew *crew) {
  bool well = reap(&crew->putter) && reap(&crew->collector) && crew->collector;
  for (int i = 0; i < WORKERS; i++)
    well = well && reap(&crew->workers[i]) && crew->workers[i];
  if (!well) warnx("a process ended that should not have");
  return well;
}

/* The next kill falls due at random within its stride. */
static void plan_kill(const struct demo *demo, struct crew *crew) {
  crew->kill_at = demo->ledger->kills * demo->stride + (size_t)random() % demo->stride;
}

static void kill_one(const struct demo *demo, struct crew *crew) {
  struct ledger *ledger = demo->ledger;
  pid_t *victim = &crew->workers[random() % WORKERS];
  ledger->killed[ledger->kills] = *victim;
  atomic_fetch_add(&ledger->kills, 1);
  kill(*victim, SIGKILL);
  waitpid(*victim, NULL, 0);
  *victim = start(demo, worker);
  plan_kill(demo, crew);
}

static void show_progress(const struct demo *demo, uint64_t done) {
  if (isatty(STDERR_FILENO)) {
    fprintf(stderr, "\r\033[K%ju of %zu files, %u workers killed", (uintmax_t)done,
            demo->paths.count, demo->ledger->kills);
  }
}

static void end_progress(void) {
  if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
}

/* Sleep for a tick. Returns true when all that will ever be put is finished. */
static bool joined(const struct demo *demo, const struct crew *crew) {
  const struct timespec tick = {.tv_nsec = TICK_NS};
  if (crew->putter || demo->ledger->kills < demo->kills) {
    nanosleep(&tick, NULL);
    return false;
  }
  int result = shmq_join(demo->tasks, TICK_NS);
  if (result != -ETIMEDOUT) must(result, "join");
  return result == 0;
}

/* Watch over the work until it is finished. */
static bool supervise(const struct demo *demo, struct crew *crew) {
  struct shmq_stats stats;
  for (unsigned tick = 0; !joined(demo, crew); tick++) {
    if (stop_signal() || !crew_is_well(crew)) return false;
    must(shmq_stat(demo->tasks, &stats), "stat");
    if (demo->ledger->kills < demo->kills && stats.done >= crew->kill_at) kill_one(demo, crew);
    if (tick % PROGRESS_TICKS == 0) show_progress(demo, stats.done);
  }
  return true;
}

/* Nothing is left to do: let the workers go home, then the collector. */
static bool dismiss(const struct demo *demo, struct crew *crew) {
  bool well = true;
  must(shmq_shutdown(demo->tasks, 0), "shut down");
  for (int i = 0; i < WORKERS; i++)
    well = await(&crew->workers[i]) && well;
  must(shmq_shutdown(demo->results, 0), "shut down");
  return await(&crew->collector) && well;
}

static void kill_all(struct crew *crew) {
  pid_t *all[] = {&crew->putter, &crew->collector};
  for (int i = 0; i < 2; i++) {
    if (*all[i]) kill(*all[i], SIGKILL);
  }
  for (int i = 0; i < WORKERS; i++) {
    if (crew->workers[i]) kill(crew->workers[i], SIGKILL);
  }
  while (wait(NULL) > 0)
    continue;
}

/* What the collector needs for its table. */
static void close_books(const struct demo *demo) {
  struct shmq_stats stats;
  demo->ledger->seconds = 1e-9 * (double)(now() - demo->began);
  must(shmq_stat(demo->tasks, &stats), "stat");
  demo->ledger->redelivered = stats.redelivered;
}

bool foreman(struct demo *demo) {
  struct crew crew = {0};
  plan_kill(demo, &crew);
  demo->began = now();
  crew.collector = start(demo, collector);
  for (int i = 0; i < WORKERS; i++)
    crew.workers[i] = start(demo, worker);
  crew.putter = start(demo, putter);
  bool finished = supervise(demo, &crew);
  end_progress();
  if (finished) {
    close_books(demo);
    finished = dismiss(demo, &crew);
  }
  kill_all(&crew);
  return finished;
}
