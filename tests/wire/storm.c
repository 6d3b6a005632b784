/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many processes put and get, and wait by descriptors only, on queues that are full and empty all
 * the time.
 *
 * Without a look every 100 ms (its timer is forbidden) a wake-up that got lost would be a hang: so
 * none is lost. With kills, and the looks, every item is finished all the same.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "wire.h"

SUITE(storm);

enum { QUEUES = 3, PUTTERS = 2, TAKERS = 3, ITEMS = 40000, KILLS = 100 };

static shmq *queues[QUEUES];

/* What the putters have put, for those that take the place of the dead. */
static _Atomic int64_t *put_so_far;

static void make_queues(uint64_t maxsize) {
  struct shmq_options options = default_options();
  options.maxsize = maxsize;
  for (int i = 0; i < QUEUES; i++) {
    queues[i] = make_queue(&options);
    check_is(shmq_unlink(queue_name), 0);
  }
  put_so_far = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* A loop of descriptors of one event at all queues. */
struct loop {
  int epoll, fds[QUEUES];
};

static struct loop loop_open(enum shmq_event event) {
  struct loop loop = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
  for (int i = 0; i < QUEUES; i++) {
    struct epoll_event readable = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    loop.fds[i] = shmq_event_fd(queues[i], event);
    if (loop.fds[i] < 0 || epoll_ctl(loop.epoll, EPOLL_CTL_ADD, loop.fds[i], &readable)) _exit(10);
  }
  return loop;
}

/* Sleep until one of them is readable. To close one may end the sleep with EINTR. */
static int loop_next(const struct loop *loop) {
  struct epoll_event event;
  int n;
  do {
    n = epoll_wait(loop->epoll, &event, 1, -1);
  } while (n < 0 && errno == EINTR);
  return n == 1 ? (int)event.data.u32 : -1;
}

static int64_t put_items(void *unused) {
  (void)unused;
  const struct loop loop = loop_open(SHMQ_NOT_FULL);
  while (*put_so_far < ITEMS) {
    const int i = loop_next(&loop);
    if (i < 0) return -1;
    while (*put_so_far < ITEMS && put_number(queues[i], 1) == 0)
      ++*put_so_far;
    shmq_event_clear(loop.fds[i]);
  }
  return 0;
}

/* One at a time, or all there are; until the queues are shut down. */
static int64_t take_items(void *greedy) {
  const struct loop loop = loop_open(SHMQ_NOT_EMPTY);
  for (int open = (1 << QUEUES) - 1; open != 0;) {
    const int i = loop_next(&loop);
    struct shmq_lease lease;
    int64_t r = -1;
    if (i < 0) return -1;
    while ((r = take_number(queues[i], &lease, SHMQ_NOWAIT)) >= 0) {
      if (shmq_done(queues[i], &lease) != 0) return -2;
      if (!greedy) break;
    }
    if (r == -ESHUTDOWN) {
      open &= ~(1 << i);
      shmq_event_close(loop.fds[i]);
    } else {
      shmq_event_clear(loop.fds[i]);
    }
  }
  return 0;
}

static struct child start_putter(void) {
  return child_start(put_items, NULL);
}

static struct child start_taker(int number) {
  return child_start(take_items, number % 2 ? queues : NULL);
}

static void finish(struct child *takers, int n) {
  for (int i = 0; i < QUEUES; i++)
    check_is(shmq_join(queues[i], PATIENCE), 0);
  for (int i = 0; i < QUEUES; i++)
    check_is(shmq_shutdown(queues[i], 0), 0);
  for (int i = 0; i < n; i++)
    check_is(child_result(&takers[i]), 0);
  for (int i = 0; i < QUEUES; i++)
    check_at_rest(queues[i]);
}

/* No timer, so no looks: who misses a wake-up sleeps on. */
static void run_without_looks(int putters, int takers) {
  struct child putter[PUTTERS], taker[TAKERS];
  cr_assert(forbid(SYS_timerfd_settime, EPERM));
  for (int i = 0; i < takers; i++)
    taker[i] = start_taker(i);
  for (int i = 0; i < putters; i++)
    putter[i] = start_putter();
  for (int i = 0; i < putters; i++)
    check_is(child_result(&putter[i]), 0);
  finish(taker, takers);
}

/* Nobody else would wake the one that missed it. */
TEST_BOTH(storm, no_wake_up_is_lost_between_two) {
  make_queues(1);
  run_without_looks(1, 1);
}

TEST_BOTH(storm, no_wake_up_is_lost_among_many) {
  make_queues(2);
  run_without_looks(PUTTERS, TAKERS);
}

TEST_BOTH(storm, kills) {
  struct child everybody[PUTTERS + TAKERS];
  struct chance chance = chance_begin();
  make_queues(2);
  for (int i = 0; i < PUTTERS + TAKERS; i++)
    everybody[i] = i < PUTTERS ? start_putter() : start_taker(i);
  for (int kill = 0; kill < KILLS; kill++) {
    const int64_t before = *put_so_far;
    const int victim = (int)chance_below(&chance, PUTTERS + TAKERS);
    nap((shmq_ns)chance_below(&chance, 3 * MS));
    if (*put_so_far < ITEMS) check_becomes(*put_so_far > before || *put_so_far >= ITEMS);
    child_kill(&everybody[victim]);
    everybody[victim] = victim < PUTTERS ? start_putter() : start_taker(victim);
  }
  for (int i = 0; i < PUTTERS; i++)
    check_is(child_result(&everybody[i]), 0);
  finish(everybody + PUTTERS, TAKERS);
}
