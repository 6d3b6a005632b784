/* SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../command.h"
#include "clock.h"
#include "coprocess.h"
#include "execute.h"
#include "hand.h"
#include "order.h"
#include "pace.h"
#include "settle.h"
#include "temporary.h"
#include "tree.h"

#define TASK_MAX   1024
#define IDLE_SLICE SECOND    /* how long to wait for an item before looking around */
#define POLL_MAX   (50 * MS) /* the same where waiting may not block */

static struct worker self;
static struct shmq_lease items[TASK_MAX];

/* ---- Signals ------------------------------------------------------------------------------------
 */

/* Once the command has been waited for, its number may be that of somebody else's group. */
static void end_command(void) {
  pid_t group = atomic_load(&self.slot->group);
  if (group) kill(-group, SIGKILL);
  atomic_store(&self.slot->group, 0);
  tree_end();
}

/* SIGTERM: the supervisor is dead, or somebody wants this worker to be. The queue and the farm are
   made for workers that end at any instruction. */
static void end_at_once(int signal) {
  end_command();
  _exit(128 + signal);
}

/* SIGUSR1 comes through only where this worker waits for an item: then it has nothing in hand, or
   just something that its end gives back. */
static void end_if_stopping(int signal) {
  (void)signal;
  if (!stopping(self.farm)) return;
  coprocess_end(&self);
  _exit(WORKER_OVER);
}

static void on(int signal, void (*handler)(int)) {
  struct sigaction action = {.sa_handler = handler};
  sigfillset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

static sigset_t wakers(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGUSR1);
  return set;
}

static void set_signals(void) {
  sigset_t blocked = wakers();
  on(SIGTERM, end_at_once);
  on(SIGUSR1, end_if_stopping);
  signal(SIGTTOU, SIG_IGN);
  sigprocmask(SIG_SETMASK, &blocked, NULL);
}

void nap(struct worker *worker, shmq_ns until) {
  sigset_t set = wakers();
  shmq_ns end = earlier(until, hand_next(worker)), left = end - now();
  struct timespec timeout = timespec_of(left > 0 ? left : 0);
  sigtimedwait(&set, NULL, end == NEVER ? NULL : &timeout);
  hand_tend(worker);
}

/* ---- Ends ---------------------------------------------------------------------------------------
 */

/* What was not finished goes back to the queue with the process. */
_Noreturn static void leave(int code) {
  coprocess_end(&self);
  tree_end();
  shmq_close(self.farm->queue);
  _exit(code);
}

void worker_fail(const struct farm *farm, int status, const char *format, ...) {
  struct shared *shared = farm->shared;
  bool claimed = false;
  va_list arguments;
  va_start(arguments, format);
  if (atomic_compare_exchange_strong(&shared->failure.claimed, &claimed, true)) {
    vsnprintf(shared->failure.text, sizeof shared->failure.text, format, arguments);
    shared->failure.status = status;
    atomic_store(&shared->failure.told, true);
  }
  va_end(arguments);
  end_command();
  _exit(WORKER_FAILED);
}

/* ---- Items --------------------------------------------------------------------------------------
 */

static void work_on(const struct shmq_lease *leases, size_t count) {
  struct task task = {leases, count};
  if (count == 1 && settle_poison(&self, leases)) return;
  if (may_begin(&self, 1) || item_is_last(&self, leases)) {
    execute(&self, &task);
    return;
  }
  for (size_t i = 0; i < count; i++)
    item_back(&self, &leases[i]);
}

/* Items that came back run alone, so that it can be told which of them does harm. */
static void work(size_t count) {
  self.task = (struct task){items, count};
  if (self.farm->plan.coprocess)
    coprocess_work(&self, items, count);
  else if (items[0].attempt == 1)
    work_on(items, count);
  else
    for (size_t i = 0; i < count; i++)
      work_on(&items[i], 1);
  self.task = (struct task){NULL, 0};
  self.idle_since = now();
}

static size_t wanted(void) {
  return self.farm->plan.coprocess ? coprocess_wants(&self) : self.farm->plan.per_run;
}

static ssize_t take(shmq_ns timeout) {
  const struct farm *farm = self.farm;
  bool in_order = farm->plan.keep_order;
  if (in_order) lock_take(&farm->shared->taking);
  ssize_t n = shmq_take_many(farm->queue, items, wanted(), timeout);
  for (ssize_t i = 0; in_order && i < n; i++)
    order_enter(farm, self.number, items[i].id);
  if (in_order) lock_leave(&farm->shared->taking);
  if (n > 0) atomic_fetch_add(&self.slot->in_hand, (uint32_t)n);
  return n;
}

/* Not in keep-order: who waits there would hold the lock. */
static ssize_t take_patiently(shmq_ns patience) {
  sigset_t wake;
  sigemptyset(&wake);
  sigaddset(&wake, SIGUSR1);
  sigprocmask(SIG_UNBLOCK, &wake, NULL);
  ssize_t n = stopping(self.farm) ? -EAGAIN : take(patience);
  sigprocmask(SIG_BLOCK, &wake, NULL);
  return n;
}

/* The longer nothing comes, the longer it waits. */
static ssize_t wait_for_item(void) {
  shmq_ns time = now(), next = hand_next(&self);
  if (self.farm->plan.keep_order) {
    nap(&self, time + earlier(time - self.idle_since + MS, POLL_MAX));
    return -EAGAIN;
  }
  shmq_ns patience = earlier(next == NEVER ? NEVER : next - time, IDLE_SLICE);
  return take_patiently(patience > 0 ? patience : SHMQ_NOWAIT);
}

static bool queue_is_finished(void) {
  return self.farm->plan.until_empty && self.held_count == 0 &&
         shmq_join(self.farm->queue, SHMQ_NOWAIT) == 0;
}

/* A worker too many that had nothing to do for long enough; the least number stays. */
static bool may_go(void) {
  const struct plan *plan = &self.farm->plan;
  _Atomic uint32_t *workers = &self.farm->shared->workers;
  uint32_t count = atomic_load(workers);
  if (plan->workers_min == plan->workers_max || self.held_count > 0) return false;
  if (now() - self.idle_since < plan->idle) return false;
  while (count > plan->workers_min)
    if (atomic_compare_exchange_weak(workers, &count, count - 1)) return true;
  return false;
}

/* ---- The life of a worker -----------------------------------------------------------------------
 */

enum { GO_ON = -1 };

static int nothing_left(void) {
  if (self.held_count == 0) return WORKER_OVER;
  nap(&self, NEVER);
  return GO_ON;
}

static int serve_once(void) {
  if (!hand_has_room(&self)) {
    nap(&self, NEVER);
    return GO_ON;
  }
  ssize_t n = take(SHMQ_NOWAIT);
  if (n == -EAGAIN) {
    if (queue_is_finished()) return WORKER_OVER;
    if (may_go()) return WORKER_IDLE;
    n = wait_for_item();
  }
  if (n == -ESHUTDOWN) return nothing_left();
  if (n == -EUSERS) return WORKER_CROWDED;
  if (n > 0)
    work((size_t)n);
  else if (n != -EAGAIN && n != -ETIMEDOUT)
    worker_fail(self.farm, status_of((int)n), "%s: %s", self.farm->plan.queue, explain((int)n));
  return GO_ON;
}

/* What waits to be tried again goes back; what is finished is still printed. */
static int finish(void) {
  hand_give_back(&self);
  while (self.held_count > 0)
    nap(&self, NEVER);
  return WORKER_OVER;
}

static int serve(void) {
  int code = GO_ON;
  while (code == GO_ON) {
    hand_tend(&self);
    code = stopping(self.farm) ? finish() : serve_once();
  }
  return code;
}

static void open_files(void) {
  self.in = memfd_create("shmq-item", MFD_CLOEXEC);
  self.out = temporary_file();
  self.err = temporary_file();
  if (self.in < 0 || self.out < 0 || self.err < 0)
    worker_fail(self.farm, STATUS_FAILED, "temporary file: %s", strerror(errno));
}

static void prepare(const struct farm *farm, uint32_t number) {
  shmq_ns lease_timeout = farm->limits.lease_timeout;
  self = (struct worker){.farm = farm, .slot = &farm->slots[number], .number = number};
  atomic_store(&self.slot->worker, getpid());
  self.renewal = lease_timeout ? now() + lease_timeout / 3 : NEVER;
  self.idle_since = now();
  self.held = calloc(farm->hand_max + TASK_MAX, sizeof *self.held);
  if (!self.held || (farm->plan.coprocess && !coprocess_prepare(&self)))
    worker_fail(farm, STATUS_FAILED, "out of memory");
}

/* In a process group of its own: what is meant for the supervisor, from a terminal say, is not for
   its workers. */
_Noreturn void worker_main(const struct farm *farm, uint32_t number) {
  prctl(PR_SET_NAME, "shmq-worker");
  setpgid(0, 0);
  prepare(farm, number);
  set_signals();
  if (!tree_follow(farm->supervisor, SIGTERM)) _exit(WORKER_OVER);
  tree_adopt();
  open_files();
  leave(serve());
}
