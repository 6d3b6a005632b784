/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor: starts workers, replaces those that die, and ends with the queue. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../command.h"
#include "clock.h"
#include "guard.h"
#include "order.h"
#include "past.h"
#include "progress.h"
#include "run.h"
#include "setup.h"
#include "tree.h"
#include "worker.h"

#define GROW_LOOK      (100 * MS)
#define RESTART_FIRST  (100 * MS)
#define RESTART_MAX    (30 * SECOND)
#define SIGNAL_REPEATS (100 * MS) /* timeout(1) sends its signal twice: that is one wish */

#define INHERITED_MAX 64

/* Where a worker sits. */
struct seat {
  pid_t worker;          /* 0: empty */
  shmq_ns due;           /* when it is to be filled; NEVER: it is not */
  uint64_t had_finished; /* items of its slot when the worker started */
  uint32_t bad_starts;   /* workers, one after the other, that died before they finished any */
};

static struct {
  struct farm *farm;
  struct seat *seats;
  pid_t guard;
  int guard_line;
  struct progress progress;
  shmq_ns grow_due;
  int stop_signal; /* that asked the farm to stop; 0: none */
  shmq_ns stop_time;
  bool ends_now;
  bool worker_failed;             /* and has said why, unless it was killed */
  pid_t inherited[INHERITED_MAX]; /* children from before this process was a farm: see begin() */
  size_t inherited_count;
} s;

/* ---- Processes ----------------------------------------------------------------------------------
 */

static void start_guard(void) {
  int line[2];
  if (s.guard_line >= 0) close(s.guard_line);
  s.guard_line = s.guard = -1;
  if (pipe2(line, O_CLOEXEC) != 0) return;
  s.guard = fork();
  if (s.guard == 0) {
    close(line[1]);
    guard_main(s.farm, line[0]);
  }
  close(line[0]);
  s.guard_line = line[1];
}

static void end_guard(void) {
  close(s.guard_line);
  if (s.guard > 0) waitpid(s.guard, NULL, 0);
}

static void start_worker(uint32_t i) {
  struct seat *seat = &s.seats[i];
  struct slot *slot = &s.farm->slots[i];
  seat->due = NEVER;
  seat->had_finished = atomic_load(&slot->finished);
  seat->worker = fork();
  if (seat->worker == 0) {
    close(s.guard_line);
    worker_main(s.farm, i);
  }
  atomic_store(&slot->worker, seat->worker > 0 ? seat->worker : 0);
  if (seat->worker > 0) return;
  complain("cannot start a worker: %s", strerror(errno));
  seat->worker = 0;
  seat->due = now() + SECOND;
}

static void tell_workers(int signal) {
  for (uint32_t i = 0; i < s.farm->plan.workers_max; i++)
    if (s.seats[i].worker) kill(s.seats[i].worker, signal);
}

static bool is_inherited(pid_t pid) {
  for (size_t i = 0; i < s.inherited_count; i++)
    if (s.inherited[i] == pid) return true;
  return false;
}

static bool is_no_orphan(pid_t pid) {
  if (pid == s.guard || is_inherited(pid)) return true;
  for (uint32_t i = 0; i < s.farm->plan.workers_max; i++)
    if (s.seats[i].worker == pid) return true;
  return false;
}

/* ---- Stopping -----------------------------------------------------------------------------------
 */

static void stop(void) {
  atomic_store(&s.farm->shared->stop, STOP_FINISH);
  tell_workers(SIGUSR1);
  for (uint32_t i = 0; i < s.farm->plan.workers_max; i++)
    s.seats[i].due = NEVER;
}

static void say_stopping(void) {
  uint64_t in_hand = tally_of(s.farm).in_hand;
  if (in_hand == 0) return;
  complain("%s: finishing what is in hand (%" PRIu64 "); once more ends it now and gives it back",
           s.farm->plan.queue, in_hand);
}

static void end_now(int signal) {
  s.ends_now = true;
  s.stop_signal = signal;
  stop();
  tell_workers(SIGKILL);
}

static void asked_to_stop(int signal) {
  shmq_ns time = now();
  bool at_once = signal == SIGHUP || signal == SIGQUIT;
  if (s.stop_signal && !at_once && time - s.stop_time < SIGNAL_REPEATS) return;
  if (s.stop_signal || at_once) {
    end_now(signal);
    return;
  }
  s.stop_signal = signal;
  s.stop_time = time;
  say_stopping();
  stop();
}

/* Ctrl-Z: what runs goes on, nothing is begun. */
static void pause_farm(void) {
  atomic_store(&s.farm->shared->paused, true);
  kill(getpid(), SIGSTOP);
  atomic_store(&s.farm->shared->paused, false);
  tell_workers(SIGUSR1);
}

/* ---- The end of a worker ------------------------------------------------------------------------
 */

static void describe_end(char text[STATUS_TEXT_MAX], int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_CROWDED)
    snprintf(text, STATUS_TEXT_MAX, "the queue has no place for one more process");
  else
    describe_status(text, status);
}

/* How long a seat stays empty after so many workers that died before they finished anything. */
static shmq_ns restart_delay(uint32_t bad_starts) {
  shmq_ns delay = bad_starts > 1 ? RESTART_FIRST : 0;
  for (uint32_t k = 2; k < bad_starts && delay < RESTART_MAX; k++)
    delay *= 2;
  return earlier(delay, RESTART_MAX);
}

static void say_ended(uint32_t i, int status, shmq_ns delay) {
  char text[STATUS_TEXT_MAX], wait[64] = "";
  describe_end(text, status);
  if (delay > 0)
    snprintf(wait, sizeof wait, ", %u in a row at their start; the next in %g s",
             s.seats[i].bad_starts, (double)delay / SECOND);
  complain("%s: worker %u died: %s%s", s.farm->plan.queue, i + 1, text, wait);
}

/* Who had finished something is replaced at once; who had not, later each time. */
static void replace(uint32_t i, int status) {
  struct seat *seat = &s.seats[i];
  bool useful = atomic_load(&s.farm->slots[i].finished) > seat->had_finished;
  seat->bad_starts = useful ? 0 : seat->bad_starts + 1;
  shmq_ns delay = restart_delay(seat->bad_starts);
  seat->due = now() + delay;
  say_ended(i, status, delay);
}

/* What it had in hand is back when this returns. */
static void clean_up(uint32_t i, int status) {
  struct slot *slot = &s.farm->slots[i];
  uint64_t suspect = atomic_exchange(&slot->suspect, 0);
  pid_t group = atomic_exchange(&slot->group, 0);
  if (group) kill(-group, SIGKILL);
  if (suspect && !s.ends_now) past_crashed(s.farm, suspect - 1, status);
  atomic_store(&slot->in_hand, 0);
  shmq_recover(s.farm->queue);
  if (s.farm->plan.keep_order) order_forsake(s.farm, i);
}

static bool is_expected(int status) {
  return WIFEXITED(status) && WEXITSTATUS(status) != WORKER_CROWDED &&
         (WEXITSTATUS(status) == WORKER_OVER || WEXITSTATUS(status) == WORKER_IDLE);
}

static void worker_ended(uint32_t i, int status) {
  bool failed = WIFEXITED(status) && WEXITSTATUS(status) == WORKER_FAILED;
  s.seats[i].worker = 0;
  atomic_store(&s.farm->slots[i].worker, 0);
  clean_up(i, status);
  if (failed) s.worker_failed = true;
  if (failed) stop();
  if (is_expected(status)) {
    s.seats[i].bad_starts = 0;
    if (status == 0) atomic_fetch_sub(&s.farm->shared->workers, 1);
    if (status == 0 && s.farm->plan.until_empty) stop();
  } else if (!stopping(s.farm)) {
    replace(i, status);
  }
}

static void child_ended(pid_t pid, int status) {
  if (pid == s.guard) {
    start_guard();
    return;
  }
  for (uint32_t i = 0; i < s.farm->plan.workers_max; i++)
    if (s.seats[i].worker == pid) worker_ended(i, status);
}

/* Orphans that a worker left are our children now: they go, and theirs when they become ours. */
static void reap(void) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
    child_ended(pid, status);
  tree_kill(is_no_orphan);
}

/* ---- The number of workers ----------------------------------------------------------------------
 */

static bool all_busy(void) {
  for (uint32_t i = 0; i < s.farm->plan.workers_max; i++)
    if (s.seats[i].worker && atomic_load(&s.farm->slots[i].in_hand) == 0) return false;
  return true;
}

static void add_worker(void) {
  for (uint32_t i = 0; i < s.farm->plan.workers_max; i++)
    if (!s.seats[i].worker && s.seats[i].due == NEVER) {
      atomic_fetch_add(&s.farm->shared->workers, 1);
      start_worker(i);
      return;
    }
}

/* One more for each item that waits, as long as nobody could take it. */
static void grow(void) {
  const struct plan *plan = &s.farm->plan;
  if (now() < s.grow_due) return;
  s.grow_due = now() + GROW_LOOK;
  if (stopping(s.farm) || !all_busy()) return;
  uint64_t waiting = shmq_qsize(s.farm->queue);
  uint32_t workers = atomic_load(&s.farm->shared->workers);
  for (; waiting > 0 && workers < plan->workers_max; waiting--, workers++)
    add_worker();
}

static void start_due(void) {
  shmq_ns time = now();
  for (uint32_t i = 0; i < s.farm->plan.workers_max; i++)
    if (s.seats[i].due <= time) start_worker(i);
}

/* ---- The loop -----------------------------------------------------------------------------------
 */

static bool anybody_left(void) {
  for (uint32_t i = 0; i < s.farm->plan.workers_max; i++)
    if (s.seats[i].worker || s.seats[i].due != NEVER) return true;
  return false;
}

static shmq_ns next_due(void) {
  shmq_ns next = earlier(s.grow_due, s.progress.due);
  for (uint32_t i = 0; i < s.farm->plan.workers_max; i++)
    next = earlier(next, s.seats[i].due);
  return next;
}

static int next_signal(void) {
  sigset_t set = setup_signals();
  shmq_ns next = next_due(), left = next - now();
  struct timespec timeout = timespec_of(left > 0 ? left : 0);
  return sigtimedwait(&set, NULL, next == NEVER ? NULL : &timeout);
}

static void react(int signal) {
  if (signal == SIGCHLD)
    reap();
  else if (signal == SIGTSTP)
    pause_farm();
  else if (signal > 0)
    asked_to_stop(signal);
}

/* A shell may have started what reads our output, and then become this process: those are children,
   too, but none of the farm's. */
static void begin(void) {
  const struct plan *plan = &s.farm->plan;
  s.inherited_count = tree_children(s.inherited, INHERITED_MAX);
  tree_adopt();
  s.guard_line = -1;
  s.grow_due = plan->workers_min < plan->workers_max ? now() : NEVER;
  for (uint32_t i = 0; i < plan->workers_max; i++)
    s.seats[i].due = NEVER;
  start_guard();
  s.progress = progress_begin(s.farm);
  for (uint32_t i = 0; i < plan->workers_min; i++)
    add_worker();
}

static void supervise(void) {
  begin();
  while (anybody_left()) {
    react(next_signal());
    start_due();
    if (s.grow_due != NEVER) grow();
    progress_show(&s.progress, s.farm);
  }
  progress_end(&s.progress, s.farm);
  end_guard();
  while (tree_kill(is_no_orphan) > 0)
    waitpid(-1, NULL, 0);
  shmq_recover(s.farm->queue);
}

/* ---- The outcome --------------------------------------------------------------------------------
 */

static int say_failed_items(uint64_t failed) {
  complain("%s: %" PRIu64 " item%s failed; see %s.dead", s.farm->plan.queue, failed,
           failed == 1 ? "" : "s", s.farm->plan.queue);
  return STATUS_FAILED;
}

static int say_stopped(void) {
  complain("%s: ended by SIG%s; %" PRIu64 " items wait", s.farm->plan.queue,
           sigabbrev_np(s.stop_signal), shmq_qsize(s.farm->queue));
  return 128 + s.stop_signal;
}

static int say_failure(const struct shared *shared) {
  bool told = atomic_load(&shared->failure.told);
  complain("%s", told ? shared->failure.text : "a worker could not go on");
  return told ? shared->failure.status : STATUS_FAILED;
}

static int outcome(void) {
  const struct shared *shared = s.farm->shared;
  uint64_t failed = tally_of(s.farm).failed;
  if (s.worker_failed) return say_failure(shared);
  if (failed) return say_failed_items(failed);
  return s.stop_signal ? say_stopped() : STATUS_DONE;
}

int farm_run(const struct plan *plan) {
  struct farm farm;
  int status = setup(&farm, plan);
  if (status == STATUS_DONE && plan->dry_run) status = dry_run(farm.queue, plan);
  if (status == STATUS_DONE && !plan->dry_run) {
    s.farm = &farm;
    s.seats = calloc(plan->workers_max, sizeof *s.seats);
    if (!s.seats) return out_of_memory();
    supervise();
    status = outcome();
    free(s.seats);
  }
  setup_undo(&farm);
  return status;
}
