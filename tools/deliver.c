/* SPDX-License-Identifier: Apache-2.0 */
#include "deliver.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

enum { MISSES_MAX = 100 };

static int write_all(struct iovec *parts, int count) {
  while (count > 0) {
    ssize_t n = writev(STDOUT_FILENO, parts, count);
    if (n < 0) return -errno;
    for (; count > 0 && (size_t)n >= parts->iov_len; parts++, count--)
      n -= (ssize_t)parts->iov_len;
    if (count > 0) {
      parts->iov_base = (char *)parts->iov_base + n;
      parts->iov_len -= (size_t)n;
    }
  }
  return 0;
}

int print_item(const void *data, size_t size, char end) {
  struct iovec parts[] = {{(void *)data, size}, {&end, 1}};
  return write_all(parts, 2);
}

/* May nothing be taken, though something waits? */
static bool all_leases_out(shmq *queue) {
  struct shmq_stats stats;
  return shmq_stat(queue, &stats) == 0 && stats.qsize > 0 && stats.leased >= stats.max_leases;
}

const char *explain_missing(shmq *queue, int error) {
  if (status_of(error) != STATUS_NOT_READY) return explain(error);
  if (shmq_empty(queue)) return "the queue is empty; 'shmq put' adds items";
  if (all_leases_out(queue)) return "as many items as it allows are in hand; see 'shmq stat'";
  return "nothing could be taken in time, though something waits now; try again";
}

static int output_failed(const struct delivery *delivery, const struct shmq_lease *lease,
                         int error) {
  int back = shmq_give_back(delivery->queue, lease);
  complain("standard output: %s; %s", strerror(-error),
           back ? explain(back) : "the item was given back");
  return STATUS_FAILED;
}

static int print_and_finish(struct delivery *delivery, const struct shmq_lease *lease) {
  int error = delivery->discard ? 0 : print_item(lease->data, lease->size, delivery->end);
  if (error) return output_failed(delivery, lease, error);
  error = shmq_done(delivery->queue, lease);
  if (error) return fail(delivery->name, error);
  delivery->delivered++;
  return STATUS_DONE;
}

/* Not to wait is to fail when somebody else is at the queue for a moment. Where that is for ever,
   because he was stopped there, a miss takes 10 ms (shmq.h). */
static bool just_missed(shmq *queue, ssize_t error, int misses) {
  return error == -EAGAIN && misses < MISSES_MAX && !shmq_empty(queue) && !all_leases_out(queue);
}

ssize_t take_what_waits(shmq *queue, struct shmq_lease *leases, size_t n) {
  ssize_t taken;
  int misses = 0;
  do
    taken = shmq_take_many(queue, leases, n, SHMQ_NOWAIT);
  while (just_missed(queue, taken, misses++));
  return taken;
}

bool nothing_left(shmq *queue, int error) {
  if (error == -EAGAIN) return shmq_empty(queue);
  if (error == -ETIMEDOUT) return !all_leases_out(queue);
  return status_of(error) == STATUS_SHUT_DOWN;
}

static int ended(const struct delivery *delivery, int error) {
  if (delivery->until_empty && nothing_left(delivery->queue, error)) return STATUS_DONE;
  complain("%s: %s (%" PRIu64 " item%s done)", delivery->name,
           explain_missing(delivery->queue, error), delivery->delivered,
           delivery->delivered == 1 ? "" : "s");
  return status_of(error);
}

static int take(const struct delivery *delivery, struct shmq_lease *lease) {
  if (delivery->timeout != SHMQ_NOWAIT || !delivery->until_empty)
    return shmq_take(delivery->queue, lease, delivery->timeout);
  ssize_t taken = take_what_waits(delivery->queue, lease, 1);
  return taken < 0 ? (int)taken : 0;
}

/* What the dead had comes first, and is not left behind by those who do not wait. */
int deliver(struct delivery *delivery) {
  int dead = shmq_recover(delivery->queue);
  int status = dead < 0 ? fail(delivery->name, dead) : STATUS_DONE;
  while (delivery->delivered < delivery->limit && status == STATUS_DONE) {
    struct shmq_lease lease;
    int error = take(delivery, &lease);
    if (error) return ended(delivery, error);
    status = print_and_finish(delivery, &lease);
  }
  return status;
}
