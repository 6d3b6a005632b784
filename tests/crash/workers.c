/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storm.h"

enum { FIXED_SIZE = 32, SIZE_MAX_VARIED = 600 };

struct item {
  uint32_t producer, sequence, size, checksum;
  unsigned char filler[SIZE_MAX_VARIED];
};

#define ITEM_HEAD (4 * sizeof(uint32_t))

/* A worker at work. */
struct hand {
  struct book *book;
  struct worker *log;
  uint32_t self;
  shmq *queue;
  struct chance chance;
};

/* ---- Items --------------------------------------------------------------------------------------
 */

static uint32_t checksum_of(const struct item *item) {
  uint32_t sum = 2166136261u ^ item->producer ^ item->sequence << 7 ^ item->size << 20;
  for (size_t i = 0; i < item->size - ITEM_HEAD; i++)
    sum = (sum ^ item->filler[i]) * 16777619u;
  return sum;
}

static struct iovec make_item(struct hand *hand, struct item *item, uint64_t sequence) {
  const uint64_t varied = ITEM_HEAD + chance_below(&hand->chance, SIZE_MAX_VARIED - ITEM_HEAD);
  item->producer = hand->self;
  item->sequence = (uint32_t)sequence;
  item->size = hand->book->parameters.vary ? (uint32_t)varied : FIXED_SIZE;
  memset(item->filler, (int)(sequence & 0xff), item->size - ITEM_HEAD);
  item->checksum = checksum_of(item);
  return (struct iovec){item, item->size};
}

static bool is_damaged(const struct item *item, size_t size) {
  return size < ITEM_HEAD || size > sizeof *item || item->size != size ||
         item->checksum != checksum_of(item);
}

/* ---- The book -----------------------------------------------------------------------------------
 */

/* Calls without a timeout need no more than a lock; that may be in the hand of one who is stopped.
 */
static shmq_ns lock_reason(const struct hand *hand) {
  return hand->book->parameters.stops ? STOP_TIME : 0;
}

/* The second number of schedstat: since the thread began, in nanoseconds. */
static int64_t time_spent_ready(pid_t tid) {
  char path[32];
  int64_t ready = 0;
  snprintf(path, sizeof path, "/proc/%d/schedstat", tid);
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  if (fscanf(file, "%*s %" SCNd64, &ready) != 1) ready = 0;
  fclose(file);
  return ready;
}

int64_t overshoot_of(const struct book *book, const struct worker *worker, int64_t began,
                     int64_t ended) {
  const int64_t overshoot = ended - began - worker->allowed;
  if (overshoot < 100 * MS) return overshoot;
  return overshoot - time_spent_ready(worker->tid) - (book->stood_still - worker->stood_still);
}

static void begin_call(struct hand *hand, enum call call, size_t batch, shmq_ns allowed) {
  hand->log->batch = (uint32_t)batch;
  hand->log->allowed = allowed;
  hand->log->stood_still = hand->book->stood_still;
  hand->log->began = now();
  hand->log->call = call;
}

/* The call has returned; what it did is not written down yet, so it still counts as going on. */
static void measure_call(struct hand *hand, ssize_t result) {
  struct worker *log = hand->log;
  const int64_t began = log->began, ended = now();
  if (result >= 0) log->last_moved = ended;
  /* The storm's process then knows, too, whether the machine stood still. */
  if (overshoot_of(hand->book, log, began, ended) > SECOND) nap(SECOND / 2);
  const int64_t overshoot = overshoot_of(hand->book, log, began, ended);
  if (overshoot <= log->worst_overshoot || log->disturbed) return;
  log->worst_overshoot = overshoot;
  log->worst_call = log->call;
}

static void end_call(struct hand *hand) {
  hand->log->call = NO_CALL;
}

/* Nothing but success and an honest "not now" may come of a call. */
static bool succeeded(struct hand *hand, ssize_t result, _Atomic uint64_t *not_now) {
  if (result >= 0) return true;
  if (not_now && (result == -EAGAIN || result == -ETIMEDOUT)) {
    ++*not_now;
  } else {
    hand->log->error = (int)result;
  }
  return false;
}

static struct delivery *write_down(struct hand *hand, const struct item *item, size_t size) {
  const uint64_t page = hand->book->deliveries_used++;
  if (page >= hand->book->deliveries_max) stay();
  struct delivery *delivery = &hand->book->deliveries[page];
  delivery->damaged = is_damaged(item, size);
  delivery->producer = item->producer;
  delivery->sequence = item->sequence;
  return delivery;
}

static void sign(struct hand *hand, struct delivery *delivery) {
  delivery->consumer = hand->self + 1;
}

/* ---- Producers ----------------------------------------------------------------------------------
 */

/* With --alone, one at each end works at full speed, and their locks are biased to them. */
static bool hurries(const struct hand *hand) {
  return hand->book->parameters.alone &&
         (hand->log->role == PUTTER || hand->log->role == lone_consumer(hand->book));
}

static void dawdle(struct hand *hand) {
  if (hurries(hand)) return;
  if (hand->book->parameters.alone) nap((shmq_ns)chance_below(&hand->chance, 400) * MS);
  if (chance_below(&hand->chance, 32) == 0) nap((shmq_ns)chance_below(&hand->chance, 400) * US);
}

static shmq_ns some_timeout(struct hand *hand) {
  if (hand->book->parameters.alone && !hurries(hand)) return SHMQ_NOWAIT;
  return chance_below(&hand->chance, 4) ? CALL_TIMEOUT : SHMQ_NOWAIT;
}

static void wait_for_allowance(struct hand *hand) {
  while (hand->book->put >= hand->book->allowance && hand->book->phase == STORM) {
    hand->log->last_moved = now();
    nap(50 * US);
  }
}

static ssize_t put_batch(struct hand *hand, const struct iovec *items, size_t n, shmq_ns timeout) {
  if (hand->log->role == BATCH_PUTTER) return shmq_put_many(hand->queue, items, n, timeout);
  const int error = shmq_put(hand->queue, items->iov_base, items->iov_len, timeout);
  return error ? error : 1;
}

static void produce(struct hand *hand) {
  static _Thread_local struct item items[BATCH];
  struct iovec batch[BATCH];
  const bool many = hand->log->role == BATCH_PUTTER;
  const size_t n = many ? 1 + chance_below(&hand->chance, BATCH) : 1;
  const uint64_t put = hand->log->put;
  const shmq_ns timeout = some_timeout(hand);
  for (size_t i = 0; i < n; i++)
    batch[i] = make_item(hand, &items[i], put + i);
  hand->log->about = put + n;
  begin_call(hand, PUTTING, n, timeout);
  const ssize_t result = put_batch(hand, batch, n, timeout);
  measure_call(hand, result);
  if (succeeded(hand, result, &hand->log->full)) {
    hand->log->put = put + (uint64_t)result;
    hand->book->put += (uint64_t)result;
  }
  end_call(hand);
}

/* ---- Consumers on lease -------------------------------------------------------------------------
 */

static void end_lease(struct hand *hand, const struct shmq_lease *lease,
                      struct delivery *delivery) {
  const bool give_back = hand->log->role == RETURNER && chance_below(&hand->chance, 4) == 0;
  dawdle(hand);
  delivery->state = give_back ? GIVING : ENDING_IT;
  begin_call(hand, give_back ? GIVING_BACK : FINISHING, 1, lock_reason(hand));
  const int error = give_back ? shmq_give_back(hand->queue, lease) : shmq_done(hand->queue, lease);
  measure_call(hand, error);
  if (succeeded(hand, error, NULL)) delivery->state = give_back ? GIVEN : FINISHED;
  end_call(hand);
}

static ssize_t take_batch(struct hand *hand, struct shmq_lease *leases, size_t n, shmq_ns timeout) {
  if (hand->log->role == RETURNER) return shmq_take_many(hand->queue, leases, n, timeout);
  const int error = shmq_take(hand->queue, leases, timeout);
  return error ? error : 1;
}

static void write_down_leases(struct hand *hand, const struct shmq_lease *leases, ssize_t n,
                              struct delivery **deliveries) {
  for (ssize_t i = 0; i < n; i++) {
    deliveries[i] = write_down(hand, leases[i].data, leases[i].size);
    deliveries[i]->attempt = leases[i].attempt;
    deliveries[i]->id = leases[i].id;
    sign(hand, deliveries[i]);
  }
}

static void consume_on_lease(struct hand *hand) {
  struct shmq_lease leases[BATCH];
  struct delivery *deliveries[BATCH];
  const size_t n = hand->log->role == RETURNER ? BATCH : 1;
  const shmq_ns timeout = some_timeout(hand);
  begin_call(hand, TAKING, n, timeout);
  const ssize_t taken = take_batch(hand, leases, n, timeout);
  measure_call(hand, taken);
  if (succeeded(hand, taken, &hand->log->empty)) write_down_leases(hand, leases, taken, deliveries);
  end_call(hand);
  for (ssize_t i = 0; i < taken; i++)
    end_lease(hand, &leases[i], deliveries[i]);
}

/* ---- Consumers for good -------------------------------------------------------------------------
 */

static void finish_task(struct hand *hand, struct delivery *delivery) {
  dawdle(hand);
  delivery->state = ENDING_IT;
  begin_call(hand, FINISHING, 1, lock_reason(hand));
  const int error = shmq_task_done(hand->queue);
  measure_call(hand, error);
  if (succeeded(hand, error, NULL)) delivery->state = FINISHED;
  end_call(hand);
}

static ssize_t get_batch(struct hand *hand, struct iovec *buffers, size_t n, shmq_ns timeout) {
  if (hand->log->role == BATCH_GETTER) return shmq_get_many(hand->queue, buffers, n, timeout);
  const ssize_t size = shmq_get(hand->queue, buffers->iov_base, buffers->iov_len, timeout);
  if (size < 0) return size;
  buffers->iov_len = (size_t)size;
  return 1;
}

static void write_down_items(struct hand *hand, const struct iovec *items, ssize_t n,
                             struct delivery **deliveries) {
  for (ssize_t i = 0; i < n; i++) {
    deliveries[i] = write_down(hand, items[i].iov_base, items[i].iov_len);
    sign(hand, deliveries[i]);
  }
}

static void consume_for_good(struct hand *hand) {
  static _Thread_local struct item items[BATCH];
  struct iovec buffers[BATCH];
  struct delivery *deliveries[BATCH];
  const size_t n = hand->log->role == BATCH_GETTER ? BATCH : 1;
  const shmq_ns timeout = some_timeout(hand);
  for (size_t i = 0; i < n; i++)
    buffers[i] = (struct iovec){&items[i], sizeof items[i]};
  begin_call(hand, GETTING, n, timeout);
  const ssize_t got = get_batch(hand, buffers, n, timeout);
  measure_call(hand, got);
  if (succeeded(hand, got, &hand->log->empty)) write_down_items(hand, buffers, got, deliveries);
  end_call(hand);
  for (ssize_t i = 0; i < got; i++)
    finish_task(hand, deliveries[i]);
}

/* ---- All of them --------------------------------------------------------------------------------
 */

static void work_once(struct hand *hand) {
  switch (hand->log->role) {
    case PUTTER:
    case BATCH_PUTTER:
      wait_for_allowance(hand);
      produce(hand);
      break;
    case TAKER:
    case RETURNER:
      consume_on_lease(hand);
      break;
    default:
      consume_for_good(hand);
  }
}

void worker_run(struct book *book, uint32_t worker, shmq *queue) {
  struct worker *log = &book->workers[worker];
  struct hand hand = {book, log, worker, queue, {book->parameters.seed * 1000003 + worker}};
  log->tid = gettid();
  const int last_phase = log->role < PRODUCER_ROLES ? STORM : DRAIN;
  while (book->phase <= last_phase && log->error == 0) {
    work_once(&hand);
    dawdle(&hand);
  }
}
