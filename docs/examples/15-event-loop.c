/* SPDX-License-Identifier: Apache-2.0 */
/* One epoll loop: three queues, a socket and a timer. Nobody has a thread of his own. */
#include <shmq_uring.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "example.h"

enum { QUEUES = 3, ITEMS = 1000, TICKS = 3, SOCKET = QUEUES, TIMER, SOURCES };

static shmq *queues[QUEUES];
static int ends[2]; /* of the socket */

static void put_all(int number) {
  for (int i = 0; i < ITEMS; i++)
    must(shmq_put(queues[number], &i, sizeof i, SHMQ_FOREVER), "put");
  must(shmq_shutdown(queues[number], 0), "shutdown");
}

static void send_lines(int unused) {
  (void)unused;
  for (int i = 0; i < ITEMS; i++) {
    if (send(ends[1], "line", 4, 0) != 4) err(1, "send");
  }
}

static void add(int loop, int fd, int source) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)source};
  if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) != 0) err(1, "epoll_ctl");
}

/* All there is, and then say so. Returns false when there will be no more. */
static bool serve_queue(shmq *queue, int fd, int *count) {
  ssize_t size;
  int number;
  while ((size = shmq_get(queue, &number, sizeof number, SHMQ_NOWAIT)) >= 0)
    *count += 1;
  if (size == -ESHUTDOWN) return must(shmq_event_close(fd), "close"), false;
  if (size != -EAGAIN) must(size, "get");
  must(shmq_event_clear(fd), "clear");
  return true;
}

static bool serve_socket(int fd, int *count) {
  char line[4];
  const ssize_t size = recv(fd, line, sizeof line, 0);
  if (size < 0) err(1, "recv");
  *count += size > 0;
  if (size == 0) close(fd);
  return size > 0;
}

static bool serve_timer(int fd, int *count) {
  uint64_t expired;
  if (read(fd, &expired, sizeof expired) != sizeof expired) err(1, "read");
  if (++*count == TICKS) close(fd);
  return *count < TICKS;
}

static bool serve(int source, int fd, int *count) {
  if (source == SOCKET) return serve_socket(fd, count);
  if (source == TIMER) return serve_timer(fd, count);
  return serve_queue(queues[source], fd, count);
}

static int timer_of(shmq_ns interval) {
  const struct itimerspec every = {{0, interval}, {0, interval}};
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  if (fd < 0 || timerfd_settime(fd, 0, &every, NULL) != 0) err(1, "timerfd");
  return fd;
}

int main(void) {
  int fds[SOURCES], counts[SOURCES] = {0};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) err(1, "socketpair");
  for (int i = 0; i < QUEUES; i++) {
    queues[i] = family_queue(NULL);
    start(put_all, i);
  }
  start(send_lines, 0);
  close(ends[1]);

  const int loop = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < QUEUES; i++)
    fds[i] = (int)must(shmq_event_fd(queues[i], SHMQ_NOT_EMPTY), "event_fd");
  fds[SOCKET] = ends[0];
  fds[TIMER] = timer_of(10 * MS);
  for (int i = 0; i < SOURCES; i++)
    add(loop, fds[i], i);

  for (int open = SOURCES; open > 0;) {
    struct epoll_event events[SOURCES];
    const int n = epoll_wait(loop, events, SOURCES, -1);
    if (n < 0 && errno != EINTR) err(1, "epoll_wait");
    for (int i = 0; i < n; i++) {
      const int source = (int)events[i].data.u32;
      if (!serve(source, fds[source], &counts[source])) open--;
    }
  }
  await_all(0);
  for (int i = 0; i < QUEUES; i++)
    printf("queue %d: %d items\n", i, counts[i]);
  printf("socket: %d lines\ntimer: %d ticks\n", counts[SOCKET], counts[TIMER]);
  return 0;
}
