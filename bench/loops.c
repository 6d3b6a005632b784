/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Main loops beside the blocking call, by turns: items of 64 bytes a second from one producer to
 * one consumer, the round trip of one item to a consumer that sleeps, and what a loop over 32
 * queues costs while nothing happens.
 */
#include <err.h>
#include <liburing.h>
#include <popt.h>
#include <shmq_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "median.h"
#include "seccomp.h"

enum { SIZE = 64, QUEUES = 32, ROUNDS_MAX = 101 };

static const unsigned stream_items = 2000000, trips = 5000;

static ssize_t must(ssize_t result, const char *what) {
  if (result < 0) errx(1, "%s: %s", what, shmq_strerror((int)result));
  return result;
}

static shmq *unnamed_queue(void) {
  static int count;
  char name[64];
  shmq *queue;
  snprintf(name, sizeof name, "bench-loops-%d-%d", getpid(), count++);
  must(shmq_create(&queue, name, NULL), "create");
  must(shmq_unlink(name), "unlink");
  return queue;
}

/* ---- The consumers ---- */

/* What becomes of an item: nothing, or it is sent back. */
struct job {
  shmq *queue, *replies;
  unsigned left;
};

static void work(struct job *job, const char *item) {
  if (job->replies) must(shmq_put(job->replies, item, SIZE, SHMQ_FOREVER), "put");
  job->left--;
}

/* All there is. */
static void drain(struct job *job) {
  char item[SIZE];
  ssize_t size;
  while ((size = shmq_get(job->queue, item, SIZE, SHMQ_NOWAIT)) >= 0)
    work(job, item);
  if (size != -EAGAIN) must(size, "get");
}

static void by_get(struct job *job) {
  char item[SIZE];
  while (job->left > 0) {
    must(shmq_get(job->queue, item, SIZE, SHMQ_FOREVER), "get");
    work(job, item);
  }
}

static void by_wait_any(struct job *job) {
  const enum shmq_event event = SHMQ_NOT_EMPTY;
  while (job->left > 0) {
    must(shmq_wait_any(&job->queue, &event, 1, SHMQ_FOREVER), "wait_any");
    drain(job);
  }
}

static int epoll_add(int loop, shmq *queue) {
  const int fd = (int)must(shmq_event_fd(queue, SHMQ_NOT_EMPTY), "event_fd");
  struct epoll_event readable = {.events = EPOLLIN, .data.ptr = queue};
  if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &readable) != 0) err(1, "epoll_ctl");
  return fd;
}

static void by_epoll(struct job *job) {
  const int loop = epoll_create1(EPOLL_CLOEXEC), fd = epoll_add(loop, job->queue);
  struct epoll_event event;
  while (job->left > 0) {
    if (epoll_wait(loop, &event, 1, -1) < 0) err(1, "epoll_wait");
    drain(job);
    must(shmq_event_clear(fd), "clear");
  }
}

static void by_epoll_and_thread(struct job *job) {
  if (!forbid_io_uring()) err(1, "seccomp");
  by_epoll(job);
}

static void by_own_ring(struct job *job) {
  struct io_uring ring;
  struct io_uring_cqe *completion;
  const unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  if (io_uring_queue_init(1, &ring, flags) != 0) errx(1, "no io_uring");
  while (job->left > 0) {
    must(shmq_uring_prep_wait(io_uring_get_sqe(&ring), job->queue, SHMQ_NOT_EMPTY), "prep_wait");
    io_uring_submit(&ring);
    struct __kernel_timespec tenth = {.tv_nsec = 100000000};
    while (io_uring_wait_cqe_timeout(&ring, &completion, &tenth) == -ETIME)
      must(shmq_look(job->queue, SHMQ_NOT_EMPTY), "look");
    io_uring_cqe_seen(&ring, completion);
    drain(job);
  }
}

static struct way {
  const char *name;
  void (*consume)(struct job *job);
  double rates[ROUNDS_MAX], trips[ROUNDS_MAX];
} ways[] = {
    {.name = "shmq_get", .consume = by_get},
    {.name = "shmq_wait_any", .consume = by_wait_any},
    {.name = "epoll (io_uring)", .consume = by_epoll},
    {.name = "epoll (thread)", .consume = by_epoll_and_thread},
    {.name = "own io_uring", .consume = by_own_ring},
};

enum { WAYS = sizeof ways / sizeof ways[0] };

/* ---- Samples ---- */

static pid_t start_consumer(const struct way *way, struct job job) {
  const pid_t pid = fork();
  if (pid < 0) err(1, "fork");
  if (pid > 0) return pid;
  way->consume(&job);
  _exit(0);
}

static void await(pid_t pid) {
  int status;
  if (waitpid(pid, &status, 0) != pid || status != 0) errx(1, "the consumer failed");
}

static double stream_rate(const struct way *way) {
  char item[SIZE] = {0};
  shmq *queue = unnamed_queue();
  const pid_t pid = start_consumer(way, (struct job){queue, NULL, stream_items});
  const uint64_t began = now_ns();
  for (unsigned i = 0; i < stream_items; i++)
    must(shmq_put(queue, item, SIZE, SHMQ_FOREVER), "put");
  await(pid);
  shmq_close(queue);
  return stream_items / (1e-9 * (double)(now_ns() - began));
}

/* Long enough for the consumer to be asleep. */
static double trip(shmq *there, shmq *back) {
  char item[SIZE] = {0};
  usleep(200);
  const uint64_t began = now_ns();
  must(shmq_put(there, item, SIZE, SHMQ_FOREVER), "put");
  must(shmq_get(back, item, SIZE, SHMQ_FOREVER), "get");
  return 1e-3 * (double)(now_ns() - began);
}

static double trip_median(const struct way *way) {
  double *all = calloc(trips, sizeof *all);
  if (!all) err(1, "calloc");
  shmq *there = unnamed_queue(), *back = unnamed_queue();
  const pid_t pid = start_consumer(way, (struct job){there, back, trips});
  for (unsigned i = 0; i < trips; i++)
    all[i] = trip(there, back);
  await(pid);
  shmq_close(there);
  shmq_close(back);
  const double middle = median(all, trips);
  free(all);
  return middle;
}

static void report(int rounds) {
  printf("%-18s %36s %32s\n", "", "items/s, median (min to max)", "round trip, us");
  for (struct way *way = ways; way < ways + WAYS; way++) {
    const double rate = median(way->rates, (unsigned)rounds);
    const double us = median(way->trips, (unsigned)rounds);
    printf("%-18s %12.0f (%.0f to %.0f) %8.1f (%.1f to %.1f)\n", way->name, rate, way->rates[0],
           way->rates[rounds - 1], us, way->trips[0], way->trips[rounds - 1]);
  }
}

/* ---- Idle ---- */

static uint64_t processor_us(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000u +
         (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void idle(int seconds) {
  const int loop = epoll_create1(EPOLL_CLOEXEC);
  struct job jobs[QUEUES];
  int fds[QUEUES], wake_ups = 0;
  for (int i = 0; i < QUEUES; i++) {
    jobs[i] = (struct job){.queue = unnamed_queue()};
    fds[i] = (int)must(shmq_event_fd(jobs[i].queue, SHMQ_NOT_EMPTY), "event_fd");
    struct epoll_event readable = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    if (epoll_ctl(loop, EPOLL_CTL_ADD, fds[i], &readable) != 0) err(1, "epoll_ctl");
  }
  const uint64_t end = now_ns() + (uint64_t)seconds * 1000000000u, before = processor_us();
  for (; now_ns() < end; wake_ups++) {
    struct epoll_event ready[QUEUES];
    const int n = epoll_wait(loop, ready, QUEUES, 1000);
    for (int i = 0; i < n; i++) {
      drain(&jobs[ready[i].data.u32]);
      must(shmq_event_clear(fds[ready[i].data.u32]), "clear");
    }
  }
  printf("idle, %d queues, %d s: %.1f wake-ups/s, %.4f %% of a processor\n", QUEUES, seconds,
         (double)wake_ups / seconds, 1e-4 * (double)(processor_us() - before) / seconds);
}

static void idle_both(int seconds) {
  fflush(stdout);
  for (int thread = 0; thread < 2; thread++) {
    const pid_t pid = fork();
    if (pid < 0) err(1, "fork");
    if (pid > 0) {
      await(pid);
      continue;
    }
    if (thread && !forbid_io_uring()) err(1, "seccomp");
    printf("%s: ", thread ? "thread" : "io_uring");
    idle(seconds);
    exit(0);
  }
}

int main(int argc, const char **argv) {
  int rounds = 7, seconds = 20;
  const struct poptOption table[] = {{"rounds", 'r', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT,
                                      &rounds, 0, "Times that each is run", "N"},
                                     {"idle", 'i', POPT_ARG_INT | POPT_ARGFLAG_SHOW_DEFAULT,
                                      &seconds, 0, "How long nothing happens", "SECONDS"},
                                     POPT_AUTOHELP POPT_TABLEEND};
  poptContext context = poptGetContext("shmq-bench-loops", argc, argv, table, 0);
  const int result = poptGetNextOpt(context);
  if (result < -1) errx(2, "%s: %s", poptBadOption(context, 0), poptStrerror(result));
  if (rounds < 1 || rounds > ROUNDS_MAX) errx(2, "--rounds: 1 to %d", ROUNDS_MAX);
  if (seconds < 1) errx(2, "--idle: at least 1");
  for (int i = 0; i < rounds; i++) {
    for (struct way *way = ways; way < ways + WAYS; way++) {
      way->rates[i] = stream_rate(way);
      way->trips[i] = trip_median(way);
    }
  }
  report(rounds);
  idle_both(seconds);
  poptFreeContext(context);
  return 0;
}
