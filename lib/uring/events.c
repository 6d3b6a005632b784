/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptors of events. What the user has is an epoll instance, in which there are
 *
 * - a bell, rung by the event's source when the queue's futex has moved on. It stays rung until
 *   shmq_event_clear() has found that the event does not hold;
 * - the late clock, one for the process;
 * - in one of all, the leader: the clock. It comes due ten times a second, so that somebody looks
 *   after the dead on behalf of all, and no more than one descriptor wakes up for it. If nobody
 *   polls the leader the late clock comes due, and who clears its event then is the leader.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "os/clock.h"
#include "shmq_uring.h"
#include "uring/source.h"
#include "uring/wait.h"

#define LOOK_INTERVAL (100 * NS_PER_MS)
#define LATE_INTERVAL (2 * LOOK_INTERVAL)

struct event {
  struct event *next;
  int fd; /* the user's */
  shmq *queue;
  enum shmq_event event;
  struct source source;
};

/* Guards all that follows; a fork waits for it. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct event *events;
static struct event **by_fd;
static int fds; /* the length of by_fd */
static struct event *leader;
static int clock_fd = -1, late_clock_fd = -1;
static int64_t clock_due;

/* ---- The clocks ---- */

/* Setting it makes it unreadable. */
static void clock_set(int fd, int64_t when) {
  const struct itimerspec due = {.it_value = {when / NS_PER_S, when % NS_PER_S}};
  timerfd_settime(fd, TFD_TIMER_ABSTIME, &due, NULL);
}

static void clocks_set(void) {
  int64_t now = clock_now();
  clock_due = now + LOOK_INTERVAL;
  clock_set(clock_fd, clock_due);
  clock_set(late_clock_fd, now + LATE_INTERVAL);
}

static void clocks_close(void) {
  if (clock_fd >= 0) close(clock_fd);
  if (late_clock_fd >= 0) close(late_clock_fd);
  clock_fd = late_clock_fd = -1;
}

static int clocks_open(void) {
  if (clock_fd >= 0) return 0;
  clock_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  late_clock_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (clock_fd < 0 || late_clock_fd < 0) {
    int error = errno;
    clocks_close();
    return -error;
  }
  clocks_set();
  return 0;
}

static int include(int fd, int part) {
  struct epoll_event readable = {.events = EPOLLIN};
  return epoll_ctl(fd, EPOLL_CTL_ADD, part, &readable) == 0 ? 0 : -errno;
}

/* Without memory for it there is no leader, and the late clock does. */
static void lead(struct event *e) {
  if (e == leader) return;
  if (leader != NULL) epoll_ctl(leader->fd, EPOLL_CTL_DEL, clock_fd, NULL);
  leader = e != NULL && include(e->fd, clock_fd) == 0 ? e : NULL;
}

/* On behalf of all, as the others may not be looked at by those who poll. What is owed to one of
   them wakes its source. */
static void look_if_due(struct event *polled) {
  int64_t late = clock_now() - clock_due;
  if (late < 0) return;
  if (late >= LATE_INTERVAL - LOOK_INTERVAL) lead(polled);
  for (struct event *e = events; e != NULL; e = e->next)
    shmq_look(e->queue, e->event);
  clocks_set();
}

/* ---- The table ---- */

static int table_reserve(int fd) {
  if (fd < fds) return 0;
  int n = 2 * fd + 16;
  struct event **longer = realloc(by_fd, (size_t)n * sizeof *longer);
  if (longer == NULL) return -ENOMEM;
  for (int i = fds; i < n; i++)
    longer[i] = NULL;
  by_fd = longer;
  fds = n;
  return 0;
}

static struct event *table_find(int fd) {
  return fd >= 0 && fd < fds ? by_fd[fd] : NULL;
}

static int table_add(struct event *e) {
  int r = table_reserve(e->fd);
  if (r != 0) return r;
  by_fd[e->fd] = e;
  e->next = events;
  events = e;
  return 0;
}

static void table_remove(struct event *e) {
  struct event **link = &events;
  while (*link != e)
    link = &(*link)->next;
  *link = e->next;
  by_fd[e->fd] = NULL;
  if (e == leader) lead(events);
}

/* ---- Fork: the child has no events ---- */

static void fork_prepare(void) {
  pthread_mutex_lock(&mutex);
  watchers_lock();
}

static void fork_parent(void) {
  watchers_unlock();
  pthread_mutex_unlock(&mutex);
}

/* Only the user knows who else in the child uses the number e->fd; so that one stays open. */
static void fork_child(void) {
  leader = NULL; /* what is in the parent's epolls stays as it is */
  while (events != NULL) {
    struct event *e = events;
    table_remove(e);
    source_forget(&e->source);
    free(e);
  }
  clocks_close();
  fork_parent();
}

static void fork_handlers(void) {
  pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* ---- One event ---- */

static int clear(struct event *e) {
  struct shmq_futex futex;
  int r = shmq_event_arm(e->queue, e->event, &futex);
  if (r == 0) r = e->source.kind->arm(&e->source, &futex);
  if (r != 0) bell_ring(&e->source);
  return r;
}

static int assemble(struct event *e) {
  int r = include(e->fd, e->source.bell);
  if (r == 0) r = include(e->fd, late_clock_fd);
  if (r == 0) r = clear(e);
  if (r >= 0) r = table_add(e);
  if (r == 0 && leader == NULL) lead(e);
  return r;
}

static int fd_open(struct event *e) {
  e->fd = epoll_create1(EPOLL_CLOEXEC);
  if (e->fd < 0) return -errno;
  int r = assemble(e);
  if (r != 0) close(e->fd);
  return r;
}

static int event_open(struct event *e) {
  int r = clocks_open();
  if (r == 0) r = source_open(&e->source);
  if (r != 0) return r;
  r = fd_open(e);
  if (r != 0) source_close(&e->source);
  return r;
}

static void close_unused_clocks(void) {
  if (events == NULL) clocks_close();
}

static void event_close(struct event *e) {
  table_remove(e);
  close_unused_clocks();
  close(e->fd);
  source_close(&e->source);
  free(e);
}

int shmq_event_fd(shmq *queue, enum shmq_event event) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, fork_handlers);
  struct event *e = malloc(sizeof *e);
  if (e == NULL) return -ENOMEM;
  *e = (struct event){.queue = queue, .event = event};
  pthread_mutex_lock(&mutex);
  int r = event_open(e);
  close_unused_clocks();
  pthread_mutex_unlock(&mutex);
  if (r == 0) return e->fd;
  free(e);
  return r;
}

/* Where the bell did not ring, the wait goes on. */
int shmq_event_clear(int fd) {
  pthread_mutex_lock(&mutex);
  struct event *e = table_find(fd);
  int r = e == NULL ? -EBADF : 0;
  if (e != NULL) look_if_due(e);
  if (e != NULL && bell_silence(&e->source)) r = clear(e);
  pthread_mutex_unlock(&mutex);
  return r;
}

/* It may have been woken in place of another sleeper: arming it once more wakes that one. */
int shmq_event_close(int fd) {
  struct shmq_futex unused;
  pthread_mutex_lock(&mutex);
  struct event *e = table_find(fd);
  if (e != NULL) {
    shmq_event_arm(e->queue, e->event, &unused);
    event_close(e);
  }
  pthread_mutex_unlock(&mutex);
  return e == NULL ? -EBADF : 0;
}

int shmq_uring_prep_wait(struct io_uring_sqe *sqe, shmq *queue, enum shmq_event event) {
  struct shmq_futex futex;
  int r = shmq_event_arm(queue, event, &futex);
  if (r < 0) return r;
  prep_futex_wait(sqe, &futex);
  return 0;
}
