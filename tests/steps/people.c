/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inside.h"
#include "steps.h"

#define PATIENCE (10 * S)

/* ---- What all do ---- */

static void insist(bool good) {
  if (!good) abort();
}

/* A call that does nothing but make this thread known to the queue. */
static void attach(shmq *queue) {
  const struct shmq_lease nobodys = {.cell = UINT32_MAX};
  insist(shmq_done(queue, &nobodys) == -ESTALE);
}

/* Fork a child that plays, and then stays until it is killed. */
static void person_start(struct scene *s, enum part part,
                         void (*play)(struct scene *, enum part, struct page *)) {
  struct person *person = &s->people[part];
  memset(person->page, 0, sizeof *person->page);
  person->pid = fork();
  if (person->pid < 0) scene_fails(s, "fork: %s", strerror(errno));
  if (person->pid > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  play(s, part, person->page);
  for (;;)
    pause();
}

void person_kill(struct scene *s, enum part part) {
  struct person *person = &s->people[part];
  if (person->pid == 0) return;
  kill(person->pid, SIGKILL);
  waitpid(person->pid, NULL, 0);
  person->pid = 0;
}

bool comes_true(_Atomic int *flag, shmq_ns limit) {
  const shmq_ns end = now() + limit;
  while (!*flag && now() < end)
    nap(20 * US);
  return *flag;
}

static void bell_ring(const struct scene *s) {
  const uint64_t told = 1;
  if (write(s->bell, &told, sizeof told) != sizeof told) scene_fails(s, "the bell is broken");
}

static void get_one(shmq *queue) {
  char data[ITEM_MAX];
  insist(shmq_get(queue, data, sizeof data, SHMQ_NOWAIT) >= 0);
}

/* ---- The corpse: dead before anything begins ---- */

static void corpse_play(struct scene *s, enum part part, struct page *page) {
  const struct state *state = s->test->state;
  struct shmq_lease lease;
  (void)part;
  for (unsigned i = 0; i < state->lost_held; i++)
    insist(shmq_take(s->queue, &lease, SHMQ_NOWAIT) == 0);
  for (unsigned i = 0; i < state->lost_got; i++)
    get_one(s->queue);
  page->ready = 1;
}

void corpse_make(struct scene *s) {
  person_start(s, CORPSE, corpse_play);
  if (!comes_true(&s->people[CORPSE].page->ready, PATIENCE)) scene_fails(s, "no corpse");
  if (s->test->state->bias == TO_CORPSE) segment_bias(s->queue, s->people[CORPSE].pid, false);
  person_kill(s, CORPSE);
}

/* ---- The holder: lives on, with leases ---- */

static void holder_play(struct scene *s, enum part part, struct page *page) {
  const unsigned n = s->test->state->others;
  struct shmq_lease leases[4];
  uint64_t told;
  int error = 0;
  (void)part;
  for (unsigned i = 0; i < n; i++)
    insist(shmq_take(s->queue, &leases[i], SHMQ_NOWAIT) == 0);
  page->ready = 1;
  insist(read(s->bell, &told, sizeof told) == sizeof told);
  for (unsigned i = 0; i < n && !error; i++)
    error = shmq_done(s->queue, &leases[i]);
  page->result = error;
  page->finished = 1;
}

void holder_start(struct scene *s) {
  person_start(s, HOLDER, holder_play);
  if (!comes_true(&s->people[HOLDER].page->ready, PATIENCE)) scene_fails(s, "no holder");
}

int64_t holder_finish(struct scene *s) {
  struct page *page = s->people[HOLDER].page;
  bell_ring(s);
  if (!comes_true(&page->finished, PATIENCE)) scene_fails(s, "another process's done hangs");
  return page->result;
}

/* ---- The sleeper: in a call that can not go on yet ---- */

static int64_t sleeper_get(shmq *queue, struct page *page) {
  char data[ITEM_MAX];
  const ssize_t size = shmq_get(queue, data, sizeof data, SHMQ_FOREVER);
  if (size < 0) return size;
  page->number = item_read(data, (size_t)size);
  return shmq_task_done(queue);
}

static int64_t sleeper_take(shmq *queue, struct page *page) {
  struct shmq_lease lease;
  const int error = shmq_take(queue, &lease, SHMQ_FOREVER);
  if (error) return error;
  page->number = item_read(lease.data, lease.size);
  return shmq_done(queue, &lease);
}

static int64_t sleeper_call(struct scene *s, struct page *page) {
  switch (s->test->state->role) {
    case GETTER:
      return sleeper_get(s->queue, page);
    case TAKER:
      return sleeper_take(s->queue, page);
    case JOINER:
      return shmq_join(s->queue, SHMQ_FOREVER);
    default:
      return item_put(s->queue, OF_SLEEPER, s->test->state->size, SHMQ_FOREVER);
  }
}

static void sleeper_play(struct scene *s, enum part part, struct page *page) {
  (void)part;
  clock_advance(state_pause(s->test->state));
  attach(s->queue);
  page->ready = 1;
  page->result = sleeper_call(s, page);
  page->finished = 1;
}

/* The state stands in /proc/PID/stat after the name, which ends with the last ')'. */
static bool sleeps(pid_t pid) {
  char path[32], line[256];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t size = read(fd, line, sizeof line - 1);
  close(fd);
  line[size > 0 ? size : 0] = '\0';
  const char *state = strrchr(line, ')');
  return state && state[1] == ' ' && state[2] == 'S';
}

void sleeper_start(struct scene *s) {
  const struct person *person = &s->people[SLEEPER];
  person_start(s, SLEEPER, sleeper_play);
  if (!comes_true(&person->page->ready, PATIENCE)) scene_fails(s, "no sleeper");
  while (!sleeps(person->pid))
    nap(20 * US);
}

/* ---- The newcomer: gets the slots of the dead ---- */

static int64_t put_and_get(shmq *queue, size_t size) {
  char data[ITEM_MAX];
  const int error = item_put(queue, 1, size, PATIENCE);
  if (error) return error;
  const ssize_t got = shmq_get(queue, data, sizeof data, PATIENCE);
  if (got < 0) return got;
  if (item_read(data, (size_t)got) != 1 || shmq_task_done(queue)) return -EBADMSG;
  return shmq_task_done(queue) == -EINVAL ? 0 : -EPROTO; /* there was no other */
}

static int64_t put_and_take(shmq *queue, size_t size) {
  struct shmq_lease lease;
  int error = item_put(queue, 2, size, PATIENCE);
  if (!error) error = shmq_take(queue, &lease, PATIENCE);
  if (error) return error;
  return item_read(lease.data, lease.size) == 2 ? shmq_done(queue, &lease) : -EBADMSG;
}

static void newcomer_play(struct scene *s, enum part part, struct page *page) {
  uint64_t told;
  (void)part;
  attach(s->queue);
  page->ready = 1;
  insist(read(s->bell, &told, sizeof told) == sizeof told);
  page->result = put_and_get(s->queue, s->test->state->size);
  if (!page->result) page->result = put_and_take(s->queue, s->test->state->size);
  page->finished = 1;
}

/* Both locks are biased to it before it does anything: marks that the dead left in its slot would
   keep us out. */
void newcomer_work(struct scene *s) {
  const struct person *person = &s->people[NEWCOMER];
  struct page *page = person->page;
  person_start(s, NEWCOMER, newcomer_play);
  if (!comes_true(&page->ready, PATIENCE)) scene_fails(s, "a newcomer cannot attach");
  segment_bias(s->queue, person->pid, false);
  const int64_t error = put_and_take(s->queue, s->test->state->size);
  if (error) scene_fails(s, "beside a newcomer: %s", shmq_strerror((int)error));
  bell_ring(s);
  if (!comes_true(&page->finished, 2 * PATIENCE)) scene_fails(s, "a newcomer hangs");
  if (page->result) scene_fails(s, "a newcomer: %s", shmq_strerror((int)page->result));
}

/* ---- Victims ---- */

static void *be_other_thread(void *argument) {
  struct scene *s = argument;
  attach(s->queue);
  s->people[VICTIM].page->ready = 1;
  for (;;)
    pause();
  return NULL;
}

static void victim_attach(struct scene *s) {
  pthread_t thread;
  const enum newness newness = s->test->state->newness;
  if (newness == KNOWN && !s->test->call->opens) attach(s->queue);
  if (newness != NEW_THREAD) return;
  insist(pthread_create(&thread, NULL, be_other_thread, s) == 0);
  insist(comes_true(&s->people[VICTIM].page->ready, PATIENCE));
}

static void victim_prepare(struct scene *s, struct victim *v) {
  const struct state *state = s->test->state;
  victim_attach(s);
  for (unsigned i = 0; i < state->held; i++)
    insist(shmq_take(s->queue, &v->leases[i], SHMQ_NOWAIT) == 0);
  for (unsigned i = 0; i < state->got; i++)
    get_one(s->queue);
}

/* The tracer takes over. */
static inline void stop(void) {
  __asm__ volatile("int3" ::: "memory");
}

/* The tracer waits for no signal but its own: a child of the victim may end. */
static void signals_block(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  insist(sigprocmask(SIG_BLOCK, &signals, NULL) == 0);
}

void call_is_over(void *page) {
  ((struct page *)page)->over = 1;
  for (;;)
    stop();
}

static void victim_play(struct scene *s, enum part part, struct page *page) {
  const struct shmq_options options = state_options(s->test->state);
  struct victim v = {s->queue, s->name, &options, s->test->state->size, {{0}}, page};
  const struct call *call = part == VICTIM ? s->test->call : s->second;
  if (part == VICTIM) {
    victim_prepare(s, &v);
  } else if (s->queue) {
    attach(s->queue);
  }
  clock_advance(state_pause(s->test->state));
  thread_spins_shortly();
  signals_block();
  insist(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
  stop();
  page->result = call->run(&v);
  call_is_over(page);
}

void victim_start(struct scene *s, enum part part) {
  int status;
  person_start(s, part, victim_play);
  waitpid(s->people[part].pid, &status, 0);
  if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP) {
    scene_fails(s, "a victim died too early, with status %#x", (unsigned)status);
  }
}
