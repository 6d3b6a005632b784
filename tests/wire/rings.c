/* SPDX-License-Identifier: Apache-2.0 */
/* Waits in a ring of one's own; skipped where the machine has none. */
#include <errno.h>
#include <liburing.h>

#include "wire.h"

SUITE(rings);

enum { QUEUES = 3, OP_FUTEX_WAIT = 51 };

static struct io_uring ring;
static shmq *queues[QUEUES];

static void begin(void) {
  if (io_uring_queue_init(8, &ring, 0) != 0) cr_skip("no io_uring");
  struct io_uring_probe *probe = io_uring_get_probe_ring(&ring);
  const bool can = io_uring_opcode_supported(probe, OP_FUTEX_WAIT);
  io_uring_free_probe(probe);
  if (!can) cr_skip("no IORING_OP_FUTEX_WAIT");
  for (int i = 0; i < QUEUES; i++)
    queues[i] = make_queue(NULL);
}

static void wait_for(int i) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
  check_is(shmq_uring_prep_wait(sqe, queues[i], SHMQ_NOT_EMPTY), 0);
  sqe->user_data = (uint64_t)i;
  check_is(io_uring_submit(&ring), 1);
}

/* Which queue's wait ends next; its result is one of the two that say so. */
static int ended(void) {
  struct io_uring_cqe *completion;
  struct __kernel_timespec patience = {.tv_sec = PATIENCE / SECOND};
  check_is(io_uring_wait_cqe_timeout(&ring, &completion, &patience), 0);
  cr_assert(completion->res == 0 || completion->res == -EAGAIN, "res %d", completion->res);
  const int i = (int)completion->user_data;
  io_uring_cqe_seen(&ring, completion);
  return i;
}

static int64_t put_to(void *i) {
  return put_number(queues[*(int *)i], *(int *)i);
}

Test(rings, put_of_another_process_ends_the_wait) {
  begin();
  for (int i = 0; i < QUEUES; i++)
    wait_for(i);
  for (int round = 0; round < 20; round++) {
    int i = round % QUEUES;
    const struct child child = child_start(put_to, &i);
    check_is(ended(), i);
    check_is(get_number(queues[i], PATIENCE), i);
    check_is(child_result(&child), 0);
    wait_for(i);
  }
}

Test(rings, wait_for_what_holds_ends_at_once) {
  begin();
  check_is(put_number(queues[1], 1), 0);
  wait_for(1);
  check_is(ended(), 1);
  check_is(shmq_shutdown(queues[2], 0), 0);
  wait_for(2);
  check_is(ended(), 2);
}

/* It cannot wake anybody: as if killed after its commit, but that nobody is found dead. */
static int64_t put_without_waking(void *i) {
  shmq *queue = queues[*(int *)i];
  if (!forbid_shared_futexes()) return -1;
  const int r = put_number(queue, *(int *)i);
  shmq_close(queue);
  return r;
}

Test(rings, look_pays_what_the_dead_owe) {
  begin();
  for (int i = 0; i < QUEUES; i++) {
    wait_for(i);
    const struct child child = child_start(put_without_waking, &i);
    check_is(child_result(&child), 0);
    check_is(io_uring_cq_ready(&ring), 0);
    check_is(shmq_look(queues[i], SHMQ_NOT_EMPTY), 0);
    check_is(ended(), i);
  }
}

/* The waker cleared the bit and died, and the event does not hold any more: the wait, which goes
   on, is announced anew. */
Test(rings, look_announces_the_wait_anew) {
  begin();
  int i = 0;
  wait_for(i);
  const struct child child = child_start(put_without_waking, &i);
  check_is(child_result(&child), 0);
  check_is(get_number(queues[i], SHMQ_NOWAIT), i);
  check_is(shmq_look(queues[i], SHMQ_NOT_EMPTY), 0);
  check_is(put_number(queues[i], 1), 0);
  check_is(ended(), i);
}

Test(rings, bad_arguments) {
  begin();
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
  shmq *watcher;
  check_is(shmq_open_readonly(&watcher, queue_name), 0);
  check_is(shmq_uring_prep_wait(sqe, queues[0], (enum shmq_event)3), -EINVAL);
  check_is(shmq_uring_prep_wait(sqe, watcher, SHMQ_NOT_EMPTY), -EPERM);
}
