/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shmq-history [--kills N] [--seconds S] [--pause US] [--seed S] [--keep FILE]
 *
 * Rounds of 40 kills each, every one with a queue of its own. Processes, with up to four threads
 * each, do at random whatever there is to do; they are killed, stopped, replaced, fork, leave and
 * come back. After each round the judge reads its history. A round that is found wrong is kept in
 * FILE (shmq-history.txt), and its seed is printed: with --seed and --kills 40 the same random
 * decisions are made again. With --keep the last round is kept in any case.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "judge.h"
#include "round.h"

enum { KILLS_OF_A_ROUND = 40, CALLS_FOR_A_KILL = 3000, MEMBERS = 8192, STOPS_MAX = 1024 };

struct parameters {
  uint64_t kills, seconds, seed;
  const char *keep;
};

struct totals {
  uint64_t rounds, kills, stops, forks, shutdowns, findings;
  struct verdict sums;
};

/* One process is stopped at a time. */
struct stopped {
  int post; /* -1: none */
  shmq_ns until;
  struct stop *stop;
};

static struct round *round_;
static struct chance chance;
static struct stopped stopped;
static struct totals totals;
static unsigned population;
static uint64_t pause_max = 8000; /* between two blows, us; one of 16 is longer */

/* ---- The queue ----------------------------------------------------------------------------------
 */

static void choose_options(struct shmq_options *options, struct history *history) {
  static const shmq_ns lease_timeouts[] = {0, 0, 0, 20 * MS};
  static const uint32_t max_leases[] = {1024, 1024, 1024, 12};
  static const uint32_t max_attempts[] = {0, 0, 0, 3};
  shmq_options_init(options);
  options->capacity = 4096u << chance_below(&chance, 5);
  options->maxsize = chance_below(&chance, 2) * 16;
  options->item_max = 1024;
  options->max_processes = 1024;
  options->max_threads = 4096;
  options->max_leases = history->max_leases = max_leases[chance_below(&chance, 4)];
  options->max_attempts = history->max_attempts = max_attempts[chance_below(&chance, 4)];
  options->lease_timeout = history->lease_timeout = lease_timeouts[chance_below(&chance, 4)];
}

static void make_queue_of_round(void) {
  struct shmq_options options;
  shmq *queue;
  choose_options(&options, round_->history);
  snprintf(round_->name, sizeof round_->name, "test-history-%d", getpid());
  const int error = shmq_create(&queue, round_->name, &options);
  if (error) fprintf(stderr, "shmq-history: %s\n", shmq_strerror(error));
  if (error) exit(2);
  shmq_close(queue);
}

static void unlink_queues(void) {
  char dead[sizeof round_->name + 8];
  snprintf(dead, sizeof dead, "%s.dead", round_->name);
  shmq_unlink(round_->name);
  shmq_unlink(dead);
}

/* ---- Processes ----------------------------------------------------------------------------------
 */

/* We nap, fork, and wait for the dead, without the queue. If that takes much longer than it should,
   the machine stood still for us, and perhaps for all: it is written down as a stop of ours. */
static void note_delay(shmq_ns due) {
  const shmq_ns end = now();
  if (end - due > DELAY_MAX) history_stop(round_->history, 0, due, end);
}

static void start_process(void) {
  const pid_t parent = getpid();
  const int post = post_claim(round_, -1);
  const struct chance its = {chance_next(&chance)};
  if (post < 0) return;
  const shmq_ns begin = now();
  const pid_t pid = fork();
  if (pid < 0) abort();
  if (pid > 0) note_delay(begin);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) process_live(round_, post, its);
    _exit(1);
  }
  round_->posts[post].pid = pid;
}

static void note_end(pid_t pid, int status) {
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if (status == 0 || killed) return;
  printf("FINDING: process %d ended with status %#x\n", pid, status);
  totals.findings++;
}

/* Those who have ended. Returns how many others there are. */
static unsigned reap(void) {
  int status;
  unsigned living = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    note_end(pid, status);
    for (int i = 0; i < POSTS; i++)
      if (round_->posts[i].pid == pid) round_->posts[i].pid = 0;
  }
  for (int i = 0; i < POSTS; i++)
    living += round_->posts[i].pid > 0;
  return living;
}

/* ---- Kills and stops ----------------------------------------------------------------------------
 */

static void end_stop(void) {
  if (stopped.post < 0) return;
  kill(round_->posts[stopped.post].pid, SIGCONT);
  stopped.stop->to = now();
  stopped.post = -1;
}

/* Its pid stands for it, as nobody else reaps; the descriptor tells when it is dead. */
static void kill_post(int post) {
  const pid_t pid = round_->posts[post].pid;
  struct pollfd line = {pid > 0 ? pidfd_open(pid, 0) : -1, POLLIN, 0};
  if (line.fd < 0) return;
  const shmq_ns killed = now();
  kill(pid, SIGKILL);
  poll(&line, 1, -1);
  const shmq_ns dead = now();
  note_delay(killed);
  if (post == stopped.post) end_stop();
  close(line.fd);
  for (uint32_t i = 0; i < round_->history->members_used; i++) {
    struct member *member = &round_->history->members[i];
    if (member->pid != pid || member->killed) continue;
    member->dead = dead;
    member->killed = killed;
  }
  totals.kills++;
}

static int choose_post(void) {
  const int first = (int)chance_below(&chance, POSTS);
  for (int i = 0; i < POSTS; i++)
    if (round_->posts[(first + i) % POSTS].pid > 0) return (first + i) % POSTS;
  return -1;
}

/* Mostly one; at times some, so that those die who clean up; and sometimes all. */
static void strike(void) {
  const uint64_t dice = chance_below(&chance, 32);
  const uint64_t n = dice == 0 ? POSTS : dice < 5 ? 1 + chance_below(&chance, 4) : 1;
  for (uint64_t i = 0; i < n; i++) {
    const int post = n == POSTS ? (int)i : choose_post();
    if (post >= 0) kill_post(post);
  }
}

static void stop_someone(void) {
  const int post = choose_post();
  if (post < 0 || stopped.post >= 0) return;
  const shmq_ns time = (shmq_ns)chance_below(&chance, 100) * MS;
  const uint32_t member = round_->posts[post].member;
  struct stop *stop = history_stop(round_->history, member, now(), INT64_MAX);
  if (!stop) return;
  stopped = (struct stopped){post, now() + time, stop};
  kill(round_->posts[post].pid, SIGSTOP);
  totals.stops++;
}

static void one_blow(void) {
  const uint64_t dice = chance_below(&chance, 16);
  const bool calm = chance_below(&chance, 16) == 0;
  const shmq_ns pause = (shmq_ns)chance_below(&chance, calm ? 150000 : pause_max) * US;
  const shmq_ns due = now() + pause;
  nap(pause);
  note_delay(due);
  round_->lull = dice < 3 && !calm;
  if (stopped.post >= 0 && now() >= stopped.until) end_stop();
  if (dice == 4) stop_someone();
  if (dice > 4) strike();
  if (dice % 4 == 0 && stopped.post < 0) collect_letters(); /* who is stopped may have a lock */
  for (unsigned living = reap(); living < population; living++)
    start_process();
}

/* ---- A round ------------------------------------------------------------------------------------
 */

/* After a shutdown there is little to do: ten more kills. */
static void storm(uint64_t kills) {
  const uint64_t first = totals.kills;
  uint64_t end = first + kills;
  while (totals.kills < end && now() < round_->end) {
    const uint64_t soon = totals.kills + 10;
    round_->allowance = (totals.kills - first + 2) * CALLS_FOR_A_KILL;
    one_blow();
    if (round_->shut_down && end > soon) end = soon;
  }
}

/* Waiters for ever are told to go. Who does not go is killed: the judge sees calls that went on
   long after the shutdown. */
static void dismiss(void) {
  const shmq_ns end = now() + PATIENCE;
  end_stop();
  round_->phase = DRAIN;
  end_puts();
  while (reap() > 0 && now() < end) {
    collect_letters();
    const shmq_ns due = now() + MS;
    nap(MS);
    note_delay(due);
  }
  for (int i = 0; i < POSTS; i++)
    kill_post(i);
  while (waitpid(-1, NULL, 0) > 0)
    continue;
}

static void judge_round(uint64_t seed, const char *keep, bool last) {
  struct verdict verdict;
  judge(round_->history, &verdict);
  totals.findings += verdict.findings;
  totals.sums.calls += verdict.calls;
  totals.sums.cut_short += verdict.cut_short;
  totals.sums.items += verdict.items;
  totals.sums.deliveries += verdict.deliveries;
  totals.sums.redeliveries += verdict.redeliveries;
  totals.sums.alibis += verdict.alibis;
  totals.sums.empties += verdict.empties;
  totals.sums.joins += verdict.joins;
  if (verdict.worst_overshoot > totals.sums.worst_overshoot)
    totals.sums.worst_overshoot = verdict.worst_overshoot;
  if (verdict.worst_stall > totals.sums.worst_stall) totals.sums.worst_stall = verdict.worst_stall;
  if (totals.findings) printf("the round's seed: %" PRIu64 "\n", seed);
  if (totals.findings || (last && keep))
    history_save(round_->history, keep ? keep : "shmq-history.txt");
}

static void run_round(uint64_t seed, uint64_t kills, const char *keep, bool last) {
  const uint64_t calls = (kills + KILLS_OF_A_ROUND) * CALLS_FOR_A_KILL * 2;
  struct history *history = history_new(MEMBERS, STOPS_MAX, calls);
  chance.state = seed;
  history->seed = seed;
  *round_ = (struct round){.history = history, .end = now() + 60 * SECOND};
  round_->may_shut_down = chance_below(&chance, 4) == 0;
  population = 2 + (unsigned)chance_below(&chance, 8);
  stopped.post = -1;
  make_queue_of_round();
  begin_round(round_);
  storm(kills);
  totals.shutdowns += round_->shut_down;
  dismiss();
  end_round();
  unlink_queues();
  totals.rounds++;
  totals.forks += round_->forks;
  judge_round(seed, keep, last);
  history_free(history);
}

/* ---- The program --------------------------------------------------------------------------------
 */

static void print_totals(double seconds) {
  const struct verdict *sums = &totals.sums;
  const struct {
    const char *what;
    uint64_t count;
  } lines[] = {{"rounds", totals.rounds},
               {"kills", totals.kills},
               {"stops", totals.stops},
               {"forks", totals.forks},
               {"shutdowns", totals.shutdowns},
               {"calls", sums->calls},
               {"  cut short by a kill", sums->cut_short},
               {"items put", sums->items},
               {"deliveries", sums->deliveries},
               {"  of items that came back", sums->redeliveries},
               {"  that nobody told of", sums->alibis},
               {"judged \"empty\"s", sums->empties},
               {"joins that returned 0", sums->joins}};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    printf("%-30s %12" PRIu64 "\n", lines[i].what, lines[i].count);
  printf("%-30s %12.1f\n", "seconds", seconds);
  printf("%-30s %12.1f ms\n", "longest beyond its time", (double)sums->worst_overshoot / 1e6);
  printf("%-30s %12.1f ms\n", "longest stall", (double)sums->worst_stall / 1e6);
  printf("%-30s %12" PRIu64 "\n", "findings", totals.findings);
}

static uint64_t read_number(const char *option, const char *text) {
  char *end;
  errno = 0;
  const uint64_t number = strtoull(text, &end, 0);
  if (errno == 0 && *end == '\0' && end != text && *text != '-') return number;
  fprintf(stderr, "shmq-history: --%s: %s is not a number\n", option, text);
  exit(2);
}

static void read_arguments(int argc, char **argv, struct parameters *parameters) {
  static const struct option options[] = {
      {"kills", required_argument, NULL, 'k'}, {"seconds", required_argument, NULL, 's'},
      {"pause", required_argument, NULL, 'p'}, {"seed", required_argument, NULL, 'r'},
      {"keep", required_argument, NULL, 'f'},  {0}};
  for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (option == 'k') parameters->kills = read_number("kills", optarg);
    if (option == 's') parameters->seconds = read_number("seconds", optarg);
    if (option == 'p') pause_max = read_number("pause", optarg);
    if (option == 'r') parameters->seed = read_number("seed", optarg);
    if (option == 'f') parameters->keep = optarg;
    if (option == '?') exit(2);
  }
  if (pause_max == 0) pause_max = 1;
  if (optind < argc) fprintf(stderr, "shmq-history: what is %s?\n", argv[optind]);
  if (optind < argc) exit(2);
}

int main(int argc, char **argv) {
  struct parameters parameters = {.kills = 200, .seconds = UINT32_MAX};
  const shmq_ns began = now();
  parameters.seed = chance_begin().state;
  read_arguments(argc, argv, &parameters);
  const shmq_ns end = began + (shmq_ns)parameters.seconds * SECOND;
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("seed %" PRIu64 "\n", parameters.seed);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  round_ = mmap(NULL, sizeof *round_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (round_ == MAP_FAILED) abort();
  while (totals.kills < parameters.kills && totals.findings == 0 && now() < end) {
    const uint64_t left = parameters.kills - totals.kills;
    const uint64_t kills = left < KILLS_OF_A_ROUND ? left : KILLS_OF_A_ROUND;
    run_round(parameters.seed + totals.rounds, kills, parameters.keep, left == kills);
  }
  print_totals((double)(now() - began) / 1e9);
  return totals.findings ? 1 : 0;
}
