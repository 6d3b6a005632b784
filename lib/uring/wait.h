/* SPDX-License-Identifier: Apache-2.0 */
/* The request that waits on a futex, which liburing does not know before its version 2.5. */
#ifndef SHMQ_URING_WAIT_H
#define SHMQ_URING_WAIT_H

#include <liburing.h>
#include <linux/futex.h>
#include <stdint.h>

#include "shmq.h"

/* Linux 6.7: include/uapi/linux/io_uring.h, futex.h. */
#define OP_FUTEX_WAIT 51
#define FUTEX_SIZE_32 2

/* As io_uring_prep_futex_wait(3). A futex that processes share is one without FUTEX2_PRIVATE. */
static inline void prep_futex_wait(struct io_uring_sqe *sqe, const struct shmq_futex *futex) {
  io_uring_prep_rw(OP_FUTEX_WAIT, sqe, FUTEX_SIZE_32, futex->word, 0, futex->seen);
  sqe->addr3 = FUTEX_BITSET_MATCH_ANY;
}

#endif
