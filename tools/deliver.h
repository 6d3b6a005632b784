/* SPDX-License-Identifier: Apache-2.0 */
/* Items to standard output, for get, drain and peek. */
#ifndef SHMQ_TOOLS_DELIVER_H
#define SHMQ_TOOLS_DELIVER_H

#include <shmq.h>
#include <stdbool.h>
#include <stdint.h>

struct delivery {
  shmq *queue;
  const char *name;
  uint64_t limit;   /* items at most */
  shmq_ns timeout;  /* for each item */
  bool until_empty; /* an empty queue, or one shut down, is the end and no failure */
  bool discard;     /* finish items without printing them */
  char end;         /* what follows each item */
  uint64_t delivered;
};

/* An item is finished only when it is written: whoever kills this process loses none. Returns an
   exit status. */
int deliver(struct delivery *delivery);

/* Returns 0 or a negative errno. */
int print_item(const void *data, size_t size, char end);

/* Takes up to n items of those that wait. Returns how many, at least 1, or the error of
   shmq_take_many(). */
ssize_t take_what_waits(shmq *queue, struct shmq_lease *leases, size_t n);

/* Does that error of a take mean that the queue is empty, or shut down? */
bool nothing_left(shmq *queue, int error);

/* Why an item could not be had. */
const char *explain_missing(shmq *queue, int error);

#endif
