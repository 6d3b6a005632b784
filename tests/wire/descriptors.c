/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of events: readable while the event holds, whoever looks and however. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/select.h>

#include "wire.h"

SUITE(descriptors);

static struct shmq_options of_two_items(void) {
  struct shmq_options options = default_options();
  options.maxsize = 2;
  return options;
}

TEST_BOTH(descriptors, readable_while_an_item_waits) {
  shmq *queue = make_queue(NULL);
  const int fd = event_fd(queue, SHMQ_NOT_EMPTY);
  check_becomes(becomes_unreadable(fd));
  for (int i = 0; i < 100; i++) {
    check_is(put_number(queue, i), 0);
    check_is(put_number(queue, i), 0);
    check_becomes(stays_readable(fd));
    check_is(get_number(queue, SHMQ_NOWAIT), i);
    check_becomes(stays_readable(fd));
    check_is(get_number(queue, SHMQ_NOWAIT), i);
    check_becomes(becomes_unreadable(fd));
  }
  check_is(shmq_event_close(fd), 0);
}

/* Without shmq_event_clear() it stays readable: no edge is missed. */
TEST_BOTH(descriptors, readable_until_it_is_cleared) {
  shmq *queue = make_queue(NULL);
  const int fd = event_fd(queue, SHMQ_NOT_EMPTY);
  check_becomes(becomes_unreadable(fd));
  check_is(put_number(queue, 1), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 1);
  cr_assert(wait_readable(fd));
  nap(150 * MS); /* more than a look */
  cr_assert(is_readable(fd));
  check_becomes(becomes_unreadable(fd));
  check_is(shmq_event_close(fd), 0);
}

TEST_BOTH(descriptors, readable_at_once_if_the_event_holds_already) {
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 1), 0);
  const int fd = event_fd(queue, SHMQ_NOT_EMPTY);
  cr_assert(is_readable(fd));
  check_is(shmq_event_close(fd), 0);
}

TEST_BOTH(descriptors, room) {
  const struct shmq_options options = of_two_items();
  shmq *queue = make_queue(&options);
  const int fd = event_fd(queue, SHMQ_NOT_FULL);
  check_becomes(stays_readable(fd));
  check_is(put_numbers(queue, 0, 2), 0);
  check_becomes(becomes_unreadable(fd));
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_becomes(stays_readable(fd));
  check_is(shmq_event_close(fd), 0);
}

TEST_BOTH(descriptors, everything_finished) {
  shmq *queue = make_queue(NULL);
  struct shmq_lease lease;
  const int fd = event_fd(queue, SHMQ_FINISHED);
  check_becomes(stays_readable(fd));
  check_is(put_number(queue, 1), 0);
  check_becomes(becomes_unreadable(fd));
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 1);
  check_becomes(becomes_unreadable(fd));
  check_is(shmq_done(queue, &lease), 0);
  check_becomes(stays_readable(fd));
  check_is(shmq_event_close(fd), 0);
}

TEST_BOTH(descriptors, shutdown) {
  const struct shmq_options options = of_two_items();
  shmq *queue = make_queue(&options);
  check_is(put_numbers(queue, 0, 2), 0);
  const int full = event_fd(queue, SHMQ_NOT_FULL);
  check_becomes(becomes_unreadable(full));
  check_is(shmq_shutdown(queue, 0), 0);
  check_becomes(stays_readable(full));
  check_is(put_number(queue, 1), -ESHUTDOWN);
  const int empty = event_fd(queue, SHMQ_NOT_EMPTY);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 1);
  check_becomes(stays_readable(empty));
  check_is(get_number(queue, SHMQ_NOWAIT), -ESHUTDOWN);
  check_is(shmq_event_close(full), 0);
  check_is(shmq_event_close(empty), 0);
}

static int64_t put_one(void *number) {
  return put_number(open_queue(), *(int64_t *)number);
}

/* The descriptor wakes who sleeps in each of the three calls. */
TEST_BOTH(descriptors, poll_select_and_epoll) {
  shmq *queue = make_queue(NULL);
  const int fd = event_fd(queue, SHMQ_NOT_EMPTY), loop = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  cr_assert(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) == 0);
  for (int64_t i = 0; i < 30; i++) {
    const struct child child = child_start(put_one, &i);
    while (get_number(queue, SHMQ_NOWAIT) != i) {
      fd_set set;
      FD_ZERO(&set);
      FD_SET(fd, &set);
      shmq_event_clear(fd);
      if (i % 3 == 0) cr_assert(wait_readable(fd));
      if (i % 3 == 1) check_is(select(fd + 1, &set, NULL, NULL, &(struct timeval){20, 0}), 1);
      if (i % 3 == 2) check_is(epoll_wait(loop, &event, 1, (int)(PATIENCE / MS)), 1);
    }
    check_is(child_result(&child), 0);
  }
  check_is(shmq_event_close(fd), 0);
}

/* An edge-triggered loop goes on while shmq_event_clear() says so. */
TEST_BOTH(descriptors, edge_triggered) {
  shmq *queue = make_queue(NULL);
  const int fd = event_fd(queue, SHMQ_NOT_EMPTY), loop = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN | EPOLLET};
  cr_assert(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) == 0);
  for (int64_t i = 0; i < 20; i++) {
    const struct child child = child_start(put_one, &i);
    int64_t number = -EAGAIN;
    while (number != i) {
      check_is(epoll_wait(loop, &event, 1, (int)(PATIENCE / MS)), 1);
      do {
        const int64_t got = get_number(queue, SHMQ_NOWAIT);
        if (got >= 0) number = got;
      } while (shmq_event_clear(fd) == 1);
    }
    check_is(child_result(&child), 0);
  }
  check_is(shmq_event_close(fd), 0);
}

/* ---- Many ---- */

static int count_entries(const char *path) {
  int n = 0;
  DIR *folder = opendir(path);
  cr_assert(folder);
  while (readdir(folder))
    n++;
  closedir(folder);
  return n;
}

/* One that was joined is there for a moment more. */
static int threads(void) {
  return count_entries("/proc/self/task");
}

static int descriptors(void) {
  return count_entries("/proc/self/fd");
}

enum { MANY = 300 };

/* Each tells of its own queue; none is left behind. */
TEST_BOTH(descriptors, hundreds_of_queues) {
  static shmq *queues[MANY];
  static int fds[MANY];
  struct rlimit files = {4096, 4096};
  struct shmq_options options = default_options();
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  options.capacity = 4096;
  options.item_max = 64;
  options.max_leases = options.max_processes = options.max_threads = 4;
  for (int i = 0; i < MANY; i++) {
    queues[i] = make_queue(&options);
    check_is(shmq_unlink(queue_name), 0);
  }
  const int before = descriptors(), alone = threads();
  for (int i = 0; i < MANY; i++)
    fds[i] = event_fd(queues[i], SHMQ_NOT_EMPTY);
  for (int i = 0; i < MANY; i++) {
    const int at = i * 7 % MANY;
    check_becomes(becomes_unreadable(fds[at]));
    check_is(put_number(queues[at], at), 0);
    check_becomes(stays_readable(fds[at]));
    check_is(get_number(queues[at], SHMQ_NOWAIT), at);
    check_becomes(becomes_unreadable(fds[(at + 1) % MANY]));
  }
  for (int i = 0; i < MANY; i++)
    check_is(shmq_event_close(fds[i]), 0);
  check_is(descriptors(), before);
  check_becomes(threads() == alone);
}

/* ---- Close ---- */

TEST_BOTH(descriptors, closed_in_any_state_they_leave_nothing) {
  shmq *queue = make_queue(NULL);
  const int before = descriptors(), alone = threads();
  for (int i = 0; i < 30; i++) {
    const int fd = event_fd(queue, SHMQ_NOT_EMPTY), other = event_fd(queue, SHMQ_NOT_EMPTY);
    if (i % 3 == 1) check_becomes(becomes_unreadable(fd));
    if (i % 3 == 2) check_is(put_number(queue, i), 0);
    check_is(shmq_event_close(fd), 0);
    check_is(shmq_event_close(fd), -EBADF);
    check_is(shmq_event_close(other), 0);
    get_number(queue, SHMQ_NOWAIT);
  }
  check_is(descriptors(), before);
  check_becomes(threads() == alone);
}

/* Who is woken and leaves lets the next one know, at once: there is no timer for looks. */
TEST_BOTH(descriptors, close_passes_the_wake_up_on) {
  cr_assert(forbid(SYS_timerfd_settime, EPERM));
  shmq *queue = make_queue(NULL);
  const int first = event_fd(queue, SHMQ_NOT_EMPTY), second = event_fd(queue, SHMQ_NOT_EMPTY);
  check_becomes(becomes_unreadable(first));
  check_becomes(becomes_unreadable(second));
  check_is(put_number(queue, 1), 0);
  check_becomes(is_readable(first) || is_readable(second));
  const int woken = is_readable(first) ? first : second, other = woken == first ? second : first;
  check_is(shmq_event_close(woken), 0);
  check_becomes(stays_readable(other));
  check_is(shmq_event_close(other), 0);
}

static void *sleep_in_poll(void *fd) {
  struct pollfd p = {*(int *)fd, POLLIN, 0};
  poll(&p, 1, 2000);
  return NULL;
}

TEST_BOTH(descriptors, closed_while_another_thread_sleeps_on_it) {
  shmq *queue = make_queue(NULL);
  int fd = event_fd(queue, SHMQ_NOT_EMPTY);
  pthread_t thread;
  check_becomes(becomes_unreadable(fd));
  pthread_create(&thread, NULL, sleep_in_poll, &fd);
  check_is(shmq_event_close(fd), 0);
  pthread_join(thread, NULL);
  check_is(shmq_close(queue), 0);
}

/* ---- Threads ---- */

struct errand {
  shmq *queue;
  int fd, result;
};

static void *make_and_clear(void *argument) {
  struct errand *errand = argument;
  errand->fd = shmq_event_fd(errand->queue, SHMQ_NOT_EMPTY);
  errand->result = shmq_event_clear(errand->fd);
  return NULL;
}

static void *clear_again(void *argument) {
  struct errand *errand = argument;
  errand->result = shmq_event_clear(errand->fd);
  return NULL;
}

static int run_thread(void *(*run)(void *), struct errand *errand) {
  pthread_t thread;
  pthread_create(&thread, NULL, run, errand);
  pthread_join(thread, NULL);
  return errand->result;
}

/* The thread that made it is gone, and each clears it in a thread of its own. */
TEST_BOTH(descriptors, outlives_the_threads_that_made_and_cleared_it) {
  shmq *queue = make_queue(NULL);
  struct errand errand = {.queue = queue};
  check_is(run_thread(make_and_clear, &errand), 0);
  for (int i = 0; i < 20; i++) {
    check_is(put_number(queue, i), 0);
    cr_assert(wait_readable(errand.fd));
    check_is(get_number(queue, SHMQ_NOWAIT), i);
    for (int n = 0; n < 3; n++) /* the end of a thread makes it readable, too */
      check_is(run_thread(clear_again, &errand), 0);
    check_becomes(becomes_unreadable(errand.fd));
  }
  check_is(shmq_event_close(errand.fd), 0);
}

/* ---- Fork ---- */

static int inherited, before_it;

static int64_t use_after_fork(void *argument) {
  shmq *queue = argument;
  if (shmq_event_clear(inherited) != -EBADF || shmq_event_close(inherited) != -EBADF) return 1;
  if (close(inherited) != 0) return 2;
  if (descriptors() != before_it + 1) return 3; /* the line to the parent */
  const int fd = shmq_event_fd(queue, SHMQ_NOT_EMPTY);
  if (fd < 0) return fd;
  while (get_number(queue, SHMQ_NOWAIT) == -EAGAIN) {
    shmq_event_clear(fd);
    if (!wait_readable(fd)) return 4;
  }
  return shmq_event_close(fd);
}

TEST_BOTH(descriptors, child_makes_its_own_and_harms_nobody) {
  shmq *queue = make_queue(NULL);
  before_it = descriptors();
  inherited = event_fd(queue, SHMQ_NOT_EMPTY);
  for (int i = 0; i < 5; i++) {
    check_becomes(becomes_unreadable(inherited));
    const struct child child = child_start(use_after_fork, queue);
    check_is(put_number(queue, i), 0);
    check_is(child_result(&child), 0);
    check_becomes(becomes_unreadable(inherited));
    check_is(put_number(queue, i), 0);
    check_becomes(stays_readable(inherited));
    check_is(get_number(queue, SHMQ_NOWAIT), i);
  }
  check_is(shmq_event_close(inherited), 0);
}

static int64_t hold_descriptors(void *argument) {
  shmq *queue = argument;
  const int fd = shmq_event_fd(queue, SHMQ_NOT_EMPTY);
  shmq_event_clear(fd);
  say(fd);
  stay();
}

/* What is left of them is a bit that costs a putter one system call. */
TEST_BOTH(descriptors, killed_with_descriptors_armed) {
  shmq *queue = make_queue(NULL);
  const int fd = event_fd(queue, SHMQ_NOT_EMPTY);
  for (int i = 0; i < 10; i++) {
    const struct child child = child_start(hold_descriptors, queue);
    check_at_least(child_hear(&child), 0);
    child_kill(&child);
    check_becomes(becomes_unreadable(fd));
    check_is(put_number(queue, i), 0);
    check_becomes(stays_readable(fd));
    check_is(get_number(queue, SHMQ_NOWAIT), i);
  }
  check_is(shmq_event_close(fd), 0);
}

/* ---- The dead ---- */

/* It cannot wake anybody: as if killed after its commit, but that nobody is found dead. */
static int64_t put_without_waking(void *number) {
  shmq *queue = open_queue();
  if (!forbid_shared_futexes()) return -1;
  const int r = put_number(queue, *(int64_t *)number);
  shmq_close(queue);
  return r;
}

TEST_BOTH(descriptors, wake_up_owed_by_the_dead_is_paid) {
  shmq *queue = make_queue(NULL);
  const int fd = event_fd(queue, SHMQ_NOT_EMPTY);
  for (int64_t i = 0; i < 5; i++) {
    check_becomes(becomes_unreadable(fd));
    const struct child child = child_start(put_without_waking, &i);
    check_is(child_result(&child), 0);
    while (get_number(queue, SHMQ_NOWAIT) == -EAGAIN) {
      cr_assert(wait_readable(fd));
      shmq_event_clear(fd);
    }
  }
  check_is(shmq_event_close(fd), 0);
}

/* The first descriptor is the one that the clock wakes; nobody polls it. Then another one is, so
   that nobody is owed anything for long, and when that one is closed, another. */
TEST_BOTH(descriptors, wake_up_owed_by_the_dead_is_paid_whichever_is_polled) {
  int fds[4];
  for (int i = 0; i < 4; i++)
    fds[i] = event_fd(make_queue(NULL), SHMQ_NOT_EMPTY);
  shmq *queue = make_queue(NULL);
  for (int64_t i = 0; i < 4; i++) {
    const int fd = event_fd(queue, SHMQ_NOT_EMPTY);
    check_becomes(becomes_unreadable(fd));
    const struct child child = child_start(put_without_waking, &i);
    check_is(child_result(&child), 0);
    while (get_number(queue, SHMQ_NOWAIT) == -EAGAIN) {
      cr_assert(wait_readable(fd));
      shmq_event_clear(fd);
    }
    if (i % 2) check_is(shmq_event_close(fd), 0);
    check_is(shmq_event_close(fds[i]), 0);
  }
}

/* Nothing happens: when a loop wakes up to look after the dead, it does so for one descriptor. (All
   of them on a machine that is too busy to look in time.) */
TEST_BOTH(descriptors, one_of_many_wakes_up_to_look) {
  const int loop = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event ready[8];
  shmq *queue = make_queue(NULL);
  for (int i = 0; i < 8; i++) {
    struct epoll_event readable = {.events = EPOLLIN, .data.fd = event_fd(queue, SHMQ_NOT_EMPTY)};
    check_becomes(becomes_unreadable(readable.data.fd));
    cr_assert(epoll_ctl(loop, EPOLL_CTL_ADD, readable.data.fd, &readable) == 0);
  }
  const shmq_ns end = now() + PATIENCE;
  int n = 0;
  while (n != 1 && now() < end) {
    epoll_wait(loop, ready, 8, (int)(PATIENCE / MS));
    nap(10 * MS); /* all that wake up for the same look are ready by now */
    n = epoll_wait(loop, ready, 8, 0);
    for (int i = 0; i < n; i++)
      cr_assert(shmq_event_clear(ready[i].data.fd) >= 0);
  }
  check_is(n, 1);
}

static int64_t take_and_stay(void *unused) {
  (void)unused;
  struct shmq_lease lease;
  say(take_number(open_queue(), &lease, SHMQ_FOREVER));
  stay();
}

TEST_BOTH(descriptors, lease_of_the_dead_makes_it_readable) {
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 7), 0);
  const struct child child = child_start(take_and_stay, NULL);
  check_is(child_hear(&child), 7);
  const int fd = event_fd(queue, SHMQ_NOT_EMPTY);
  check_becomes(becomes_unreadable(fd));
  child_kill(&child);
  while (get_number(queue, SHMQ_NOWAIT) == -EAGAIN) {
    cr_assert(wait_readable(fd));
    shmq_event_clear(fd);
  }
  check_is(shmq_event_close(fd), 0);
}

/* ---- Bad calls, and what the machine lacks ---- */

Test(descriptors, bad_arguments) {
  shmq *queue = make_queue(NULL), *watcher = NULL;
  check_is(shmq_open_readonly(&watcher, queue_name), 0);
  const int before = descriptors();
  check_is(shmq_event_fd(queue, (enum shmq_event)3), -EINVAL);
  check_is(shmq_event_fd(queue, (enum shmq_event)(-1)), -EINVAL);
  check_is(shmq_event_fd(watcher, SHMQ_NOT_EMPTY), -EPERM);
  check_is(shmq_event_clear(-1), -EBADF);
  check_is(shmq_event_clear(0), -EBADF);
  check_is(shmq_event_clear(1 << 20), -EBADF);
  check_is(shmq_event_close(-1), -EBADF);
  check_is(descriptors(), before);
}

Test(descriptors, no_descriptors_left) {
  shmq *queue = make_queue(NULL);
  const int first = event_fd(queue, SHMQ_NOT_EMPTY), before = descriptors();
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  const int highest = dup(0);
  close(highest);
  for (int more = 0; more < 4; more++) {
    const struct rlimit fewer = {(rlim_t)(highest + more), files.rlim_max};
    setrlimit(RLIMIT_NOFILE, &fewer);
    const int fd = shmq_event_fd(queue, SHMQ_NOT_EMPTY);
    if (fd >= 0) check_is(shmq_event_close(fd), 0);
    if (fd < 0) check_is(fd, -EMFILE);
    setrlimit(RLIMIT_NOFILE, &files);
    check_is(descriptors(), before);
  }
  check_is(shmq_event_close(first), 0);
}

Test(descriptors, neither_io_uring_nor_futex_waitv) {
  shmq *queue = make_queue(NULL);
  const int before = descriptors();
  cr_assert(forbid_io_uring() && forbid(SYS_futex_waitv, ENOSYS));
  check_is(shmq_event_fd(queue, SHMQ_NOT_EMPTY), -ENOSYS);
  check_is(descriptors(), before);
}

/* A thread where there is no io_uring, and only there. */
Test(descriptors, threads_where_io_uring_is_forbidden) {
  shmq *queue = make_queue(NULL);
  const int alone = threads();
  cr_assert(forbid_io_uring());
  const int fd = event_fd(queue, SHMQ_NOT_EMPTY), other = event_fd(queue, SHMQ_NOT_FULL);
  check_is(threads(), alone + 1);
  check_is(shmq_event_close(fd), 0);
  check_is(threads(), alone + 1);
  check_is(shmq_event_close(other), 0);
  check_becomes(threads() == alone);
}
