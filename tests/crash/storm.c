/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm [--kills N | --stops N] [--threads N] [--vary] [--alone]
 *       [--pause US] [--items N]
 *
 * Two processes put and four take, in every way there is, on a queue so small that it is full and
 * empty all the time. They are killed at random, alone, together or all at once, as often as can be
 * inside a call, and replaced; or stopped for 3 s. Then the queue is drained, and the judge reads
 * the book. Exit status: 0 if nothing is wrong.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storm.h"

enum { ITEMS_PER_KILL = 4096, ITEMS_PER_KILL_ALONE = 60000, ITEMS_PER_STOP = 400000 };

/* A process of the storm: one of each role at a time. */
struct post {
  pid_t pid;
  uint32_t first_worker;
};

static struct book *book;
static struct post posts[ROLES];
static struct outcome outcome;
static struct chance chance;
static char name[64];

/* ---- The book -----------------------------------------------------------------------------------
 */

/* Pages are filled only when they are written to. */
static void *map_shared(uint64_t size) {
  void *memory =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) abort();
  return memory;
}

static uint64_t items_per_kill(const struct parameters *parameters) {
  if (parameters->items > 0) return parameters->items;
  return parameters->alone ? ITEMS_PER_KILL_ALONE : ITEMS_PER_KILL;
}

static void open_book(const struct parameters *parameters) {
  const uint64_t lives = ROLES + (parameters->kills + ROLES) * 2;
  const uint64_t items =
      (parameters->kills + ROLES) * items_per_kill(parameters) + parameters->stops * ITEMS_PER_STOP;
  book = map_shared(sizeof *book);
  book->parameters = *parameters;
  book->workers_max = (uint32_t)(lives * parameters->threads);
  book->workers = map_shared(book->workers_max * sizeof *book->workers);
  book->deliveries_max = 4 * items;
  book->deliveries = map_shared(book->deliveries_max * sizeof *book->deliveries);
}

/* ---- Delays -------------------------------------------------------------------------------------
 */

/* How long our own naps lasted too long, forks took, and dead processes to end, since the last
   look: without the queue. A machine that stands still is no stall of it. */
static shmq_ns delay;

static void note_delay(shmq_ns due) {
  const shmq_ns late = now() - due;
  delay += late;
  if (late > 100 * MS) book->stood_still += late;
}

/* ---- Processes ----------------------------------------------------------------------------------
 */

struct thread_start {
  uint32_t worker;
  shmq *queue;
};

static void *run_thread(void *given) {
  const struct thread_start *start = given;
  worker_run(book, start->worker, start->queue);
  return NULL;
}

/* Every other process leaves without a word: its end must do. */
_Noreturn static void live(uint32_t first_worker) {
  struct thread_start starts[8];
  pthread_t threads[8];
  shmq *queue = NULL;
  const int error = shmq_open(&queue, name);
  if (error) book->workers[first_worker].error = error;
  if (error) _exit(1);
  for (uint32_t i = 1; i < book->parameters.threads; i++) {
    starts[i] = (struct thread_start){first_worker + i, queue};
    pthread_create(&threads[i], NULL, run_thread, &starts[i]);
  }
  worker_run(book, first_worker, queue);
  for (uint32_t i = 1; i < book->parameters.threads; i++)
    pthread_join(threads[i], NULL);
  if (first_worker % 2) shmq_close(queue);
  _exit(0);
}

static void enlist(enum role role) {
  const uint32_t first = book->workers_used, threads = (uint32_t)book->parameters.threads;
  if (first + threads > book->workers_max) abort();
  for (uint32_t i = 0; i < threads; i++) {
    struct worker *worker = &book->workers[first + i];
    worker->role = role;
    worker->line = role * threads + i;
    worker->last_moved = now();
  }
  book->workers_used += threads;
  posts[role].first_worker = first;
}

static void start(enum role role) {
  const pid_t parent = getpid();
  enlist(role);
  const shmq_ns begin = now();
  const pid_t pid = fork();
  if (pid < 0) abort();
  if (pid > 0) note_delay(begin);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) live(posts[role].first_worker);
    _exit(1);
  }
  posts[role].pid = pid;
}

/* ---- Watching -----------------------------------------------------------------------------------
 */

static void note_overshoot(int64_t overshoot, int call) {
  if (overshoot <= outcome.worst_overshoot) return;
  outcome.worst_overshoot = overshoot;
  outcome.worst_call = (enum call)call;
}

static void note_finished_calls(const struct post *post) {
  for (uint32_t i = 0; i < book->parameters.threads; i++) {
    const struct worker *worker = &book->workers[post->first_worker + i];
    note_overshoot(worker->worst_overshoot, worker->worst_call);
  }
}

/* The calls that a kill is about to cut short; not those that go on to the next while we look. */
static void note_open_calls(const struct post *post) {
  for (uint32_t i = 0; i < book->parameters.threads; i++) {
    const struct worker *worker = &book->workers[post->first_worker + i];
    const int64_t began = worker->began, overshoot = overshoot_of(book, worker, began, now());
    const int call = worker->call;
    if (call != NO_CALL && worker->began == began) note_overshoot(overshoot, call);
  }
}

/* In slices: a machine that stood still in the middle of a long nap is seen, too. */
static void nap_until(shmq_ns end) {
  for (shmq_ns begin; (begin = now()) < end;) {
    const shmq_ns due = end - begin < 20 * MS ? end : begin + 20 * MS;
    nap(due - begin);
    note_delay(due);
  }
}

/* Workers live too short for their calls to tell that nothing moves at all. */
static void note_stall(void) {
  int64_t last_moved = 0;
  for (uint32_t i = 0; i < book->workers_used; i++)
    if (book->workers[i].last_moved > last_moved) last_moved = book->workers[i].last_moved;
  const int64_t stall = now() - last_moved - delay;
  if (stall > outcome.worst_stall) outcome.worst_stall = stall;
  delay = 0;
}

/* ---- Kills --------------------------------------------------------------------------------------
 */

/* Wait a little for the process to be inside a call: that is where it hurts. */
static void wait_for_call(const struct post *post) {
  const shmq_ns end = now() + 200 * US;
  while (book->workers[post->first_worker].call == NO_CALL && now() < end)
    continue;
  for (uint64_t i = chance_below(&chance, 2000); i > 0; i--)
    __asm__ volatile("");
}

static void kill_post(enum role role) {
  wait_for_call(&posts[role]);
  note_open_calls(&posts[role]);
  kill(posts[role].pid, SIGKILL);
}

static void bury_post(enum role role) {
  int status = 0;
  const shmq_ns begin = now();
  waitpid(posts[role].pid, &status, 0);
  note_delay(begin);
  for (uint32_t i = 0; i < book->parameters.threads; i++) {
    struct worker *worker = &book->workers[posts[role].first_worker + i];
    worker->killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }
  note_finished_calls(&posts[role]);
  outcome.kills++;
}

/* Mostly one; at times some, so that those die who clean up; and sometimes all. */
static unsigned choose_victims(void) {
  const uint64_t kind = chance_below(&chance, 32);
  if (book->parameters.alone && kind >= 10) return 1u << (kind % 2 ? PUTTER : lone_consumer(book));
  if (kind == 0) return (1u << ROLES) - 1;
  if (kind < 5) return (unsigned)chance_below(&chance, 1u << ROLES);
  return 1u << chance_below(&chance, ROLES);
}

static void strike(unsigned victims) {
  for (enum role role = 0; role < ROLES; role++)
    if (victims & 1u << role) kill_post(role);
  for (enum role role = 0; role < ROLES; role++)
    if (victims & 1u << role) bury_post(role);
  for (enum role role = 0; role < ROLES; role++)
    if (victims & 1u << role) start(role);
}

static void pause_between_kills(void) {
  const bool calm = chance_below(&chance, 16) == 0;
  nap_until(now() + (shmq_ns)chance_below(&chance, calm ? 250000 : book->parameters.pause) * US);
  note_stall();
}

static void kill_for_a_while(void) {
  while (outcome.kills < book->parameters.kills) {
    book->allowance += items_per_kill(&book->parameters);
    pause_between_kills();
    strike(choose_victims());
  }
}

/* ---- Stops --------------------------------------------------------------------------------------
 */

static void stop_one(enum role role) {
  for (uint32_t i = 0; i < book->parameters.threads; i++)
    book->workers[posts[role].first_worker + i].disturbed = true;
  wait_for_call(&posts[role]);
  kill(posts[role].pid, SIGSTOP);
  nap_until(now() + STOP_TIME);
  note_stall();
  kill(posts[role].pid, SIGCONT);
  outcome.stops++;
}

/* Each stop meets another role. */
static void stop_for_a_while(void) {
  const uint64_t first = chance_below(&chance, ROLES);
  for (uint64_t i = 0; i < book->parameters.stops; i++) {
    book->allowance += ITEMS_PER_STOP;
    nap((100 + (shmq_ns)chance_below(&chance, 100)) * MS); /* who waited gets the lock in between */
    stop_one((enum role)((first + i) % ROLES));
  }
}

/* ---- The end ------------------------------------------------------------------------------------
 */

static bool has_ended(pid_t pid) {
  siginfo_t info = {0};
  return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* They end by themselves; who does not, hangs. */
static void dismiss(enum role first, enum role end) {
  const shmq_ns patience = now() + PATIENCE;
  for (enum role role = first; role < end; role++) {
    while (!has_ended(posts[role].pid) && now() < patience)
      nap(MS);
    if (!has_ended(posts[role].pid)) printf("WRONG: role %d hangs\n", role);
    if (!has_ended(posts[role].pid)) exit(1);
    waitpid(posts[role].pid, NULL, 0);
    note_finished_calls(&posts[role]);
  }
}

static void drain(void) {
  shmq *queue = NULL;
  book->phase = DRAIN;
  dismiss(0, PRODUCER_ROLES);
  if (shmq_open(&queue, name)) abort();
  outcome.join = shmq_join(queue, PATIENCE);
  book->phase = END;
  dismiss(PRODUCER_ROLES, ROLES);
  shmq_recover(queue);
  outcome.check = shmq_check(queue, &outcome.broken);
  shmq_stat(queue, &outcome.stats);
  shmq_close(queue);
}

static void make_small_queue(void) {
  struct shmq_options options;
  shmq *queue = NULL;
  shmq_options_init(&options);
  snprintf(name, sizeof name, "test-storm-%d", getpid());
  options.capacity = book->parameters.alone ? 65536 : 4096;
  options.item_max = 1024;
  options.max_leases = 16;
  options.max_processes = options.max_threads = 64;
  if (shmq_create(&queue, name, &options)) abort();
  shmq_close(queue);
}

static void read_arguments(int argc, char **argv, struct parameters *parameters) {
  static const struct option options[] = {
      {"kills", required_argument, NULL, 'k'},   {"stops", required_argument, NULL, 's'},
      {"threads", required_argument, NULL, 't'}, {"vary", no_argument, NULL, 'v'},
      {"alone", no_argument, NULL, 'a'},         {"pause", required_argument, NULL, 'p'},
      {"items", required_argument, NULL, 'i'},   {0}};
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (option == 'k') parameters->kills = strtoull(optarg, NULL, 0);
    if (option == 's') parameters->stops = strtoull(optarg, NULL, 0);
    if (option == 't') parameters->threads = strtoull(optarg, NULL, 0);
    if (option == 'v') parameters->vary = true;
    if (option == 'a') parameters->alone = true;
    if (option == 'i') parameters->items = strtoull(optarg, NULL, 0);
    if (option == 'p') parameters->pause = strtoull(optarg, NULL, 0);
    if (option == '?') exit(2);
  }
  if (parameters->pause == 0) parameters->pause = parameters->alone ? 80000 : 6000;
  if (parameters->threads < 1 || parameters->threads > 8) exit(2);
}

int main(int argc, char **argv) {
  struct parameters parameters = {.threads = 1};
  chance = chance_begin();
  parameters.seed = chance.state;
  read_arguments(argc, argv, &parameters);
  open_book(&parameters);
  make_small_queue();
  for (enum role role = 0; role < ROLES; role++)
    start(role);
  kill_for_a_while();
  stop_for_a_while();
  drain();
  shmq_unlink(name);
  return judge(book, &outcome) ? 1 : 0;
}
