/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of descriptors share. */
#ifndef WIRE_H
#define WIRE_H

#include <poll.h>
#include <shmq_uring.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "check.h"
#include "seccomp.h"

/* A test that runs twice: with io_uring, where the machine has it, and with threads. */
#define TEST_BOTH(suite, name)           \
  static void suite##_##name(void);      \
  Test(suite, name) {                    \
    suite##_##name();                    \
  }                                      \
  Test(suite, name##_without_io_uring) { \
    cr_assert(forbid_io_uring());        \
    suite##_##name();                    \
  }                                      \
  static void suite##_##name(void)

/* Is it readable now? */
static inline bool is_readable(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, 0) == 1 && p.revents == POLLIN;
}

/* Sleep until it is readable; false: it is not, after a time that is only passed in a hang. */
static inline bool wait_readable(int fd) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, (int)(PATIENCE / MS)) == 1;
}

/* A descriptor of the event, to be cleared once it does not hold. */
static inline int event_fd(shmq *queue, enum shmq_event event) {
  const int fd = shmq_event_fd(queue, event);
  check_at_least(fd, 0);
  return fd;
}

/* Readable for longer than the moment in which all are, ten times a second. Where a thread rings
   the bell, that may take a while: check that it becomes so. */
static inline bool stays_readable(int fd) {
  return wait_readable(fd) && shmq_event_clear(fd) == 1 && is_readable(fd);
}

static inline bool becomes_unreadable(int fd) {
  return shmq_event_clear(fd) == 0 && !is_readable(fd);
}

#endif
