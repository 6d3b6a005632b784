/* SPDX-License-Identifier: Apache-2.0 */
/* What the examples share: to stop with a sentence, to start processes and to wait for them. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <err.h>
#include <errno.h>
#include <shmq.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS     ((shmq_ns)1000000)
#define SECOND ((shmq_ns)1000000000)

/* The result of a call that is to succeed. */
static inline ssize_t must(ssize_t result, const char *what) {
  if (result < 0) errx(1, "%s: %s", what, shmq_strerror((int)result));
  return result;
}

/* A queue for this program and the children that it forks. It needs no name any more, and so
   nothing is left of it, however they end. */
static inline shmq *family_queue(const struct shmq_options *options) {
  char name[32];
  static int count;
  shmq *queue;
  snprintf(name, sizeof name, "example-%d-%d", getpid(), count++);
  must(shmq_create(&queue, name, options), "create");
  must(shmq_unlink(name), "unlink");
  return queue;
}

/* Memory for this program and its children, all zero. */
static inline void *family_memory(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) err(1, "mmap");
  return memory;
}

/* Start a process that plays a role and ends, at the latest when this one does. */
static inline void start(void (*role)(int), int number) {
  setlinebuf(stdout); /* else the child would print once more what waits there */
  const pid_t parent = getpid(), pid = fork();
  if (pid < 0) err(1, "fork");
  if (pid > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) exit(1);
  role(number);
  exit(0);
}

/* Wait until all children have ended, of whom so many may have been killed. */
static inline void await_all(int killed) {
  int status;
  while (wait(&status) > 0) {
    if (WIFSIGNALED(status) && killed-- > 0) continue;
    if (status != 0) errx(1, "a process failed");
  }
}

static inline void nap(shmq_ns duration) {
  nanosleep(&(struct timespec){duration / SECOND, duration % SECOND}, NULL);
}

static inline double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
