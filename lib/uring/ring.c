/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An io_uring that waits on a futex and rings the bell.
 *
 * The ring belongs to the thread that made it (SINGLE_ISSUER), and what is completed waits there
 * until that thread asks (DEFER_TASKRUN): so nobody's system calls are interrupted, as they are
 * otherwise when a wait is over (epoll_wait(2) ends with EINTR). The bell rings at once all the
 * same. A thread that is not the owner makes a ring of its own in place of this one. When the owner
 * ends, its waits are cancelled, and that rings the bell, too.
 */
#include <errno.h>

#include "uring/source.h"
#include "uring/wait.h"

static bool can_wait_on_futexes(struct io_uring *ring) {
  struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
  bool can = probe != NULL && io_uring_opcode_supported(probe, OP_FUTEX_WAIT);
  io_uring_free_probe(probe);
  return can;
}

/* What says that there is no io_uring, an older one, or a forbidden one. */
static bool is_missing(int error) {
  return error == -ENOSYS || error == -EINVAL || error == -EPERM || error == -EACCES;
}

static int equip(struct source *source) {
  if (!can_wait_on_futexes(&source->ring)) return -ENOSYS;
  return io_uring_register_eventfd(&source->ring, source->bell);
}

static int ring_open(struct source *source) {
  const unsigned flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  int r = io_uring_queue_init(1, &source->ring, flags);
  if (r != 0) return is_missing(r) ? -ENOSYS : r;
  r = equip(source);
  if (r != 0) io_uring_queue_exit(&source->ring);
  return r;
}

static void ring_close(struct source *source) {
  io_uring_queue_exit(&source->ring);
}

static void prepare(struct io_uring_sqe *sqe, const struct shmq_futex *futex) {
  prep_futex_wait(sqe, futex);
  io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
}

/* Where there is no place, the last submission failed, and its wait is still there: as good as a
   new one. A wait that ended well leaves nothing to be read; one that failed does. */
static int submit(struct io_uring *ring, const struct shmq_futex *futex) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
  if (sqe != NULL) prepare(sqe, futex);
  io_uring_cq_advance(ring, io_uring_cq_ready(ring));
  int r = io_uring_submit_and_get_events(ring);
  return r < 0 ? r : 0;
}

static int replace(struct source *source) {
  struct source fresh = *source;
  int r = ring_open(&fresh);
  if (r != 0) return r;
  ring_close(source);
  *source = fresh;
  return 0;
}

static int ring_arm(struct source *source, const struct shmq_futex *futex) {
  int r = submit(&source->ring, futex);
  if (r != -EEXIST) return r;
  r = replace(source); /* the ring is another thread's */
  return r == 0 ? submit(&source->ring, futex) : r;
}

const struct source_kind ring_kind = {ring_open, ring_arm, ring_close, ring_close};
