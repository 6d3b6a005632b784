/* SPDX-License-Identifier: Apache-2.0 */
#include "coprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../command.h"
#include "clock.h"
#include "hand.h"
#include "pace.h"
#include "run.h"
#include "settle.h"

#define BATCH_MAX   256u
#define BATCH_SHORT (5 * MS)
#define BATCH_LONG  (20 * MS)
#define END_GRACE   (5 * SECOND)
#define END_LOOK    (5 * MS)
#define READ_SIZE   ((size_t)1 << 16)

struct buffer {
  char *bytes;
  size_t used, room;
};

struct coprocess {
  pid_t pid;    /* 0: not started */
  int to, from; /* pipes */
  size_t batch, batch_max;
  struct buffer items, answers;
};

/* ---- Buffers ------------------------------------------------------------------------------------
 */

static void make_room(const struct worker *worker, struct buffer *buffer, size_t size) {
  if (buffer->room - buffer->used >= size) return;
  size_t room = 2 * (buffer->used + size);
  char *bytes = realloc(buffer->bytes, room);
  if (!bytes) worker_fail(worker->farm, STATUS_FAILED, "out of memory");
  buffer->bytes = bytes;
  buffer->room = room;
}

static void add(const struct worker *worker, struct buffer *buffer, const void *bytes,
                size_t size) {
  make_room(worker, buffer, size);
  if (size > 0) memcpy(buffer->bytes + buffer->used, bytes, size);
  buffer->used += size;
}

/* ---- Its beginning and its end ------------------------------------------------------------------
 */

bool coprocess_prepare(struct worker *worker) {
  const struct farm *farm = worker->farm;
  uint32_t share = farm->limits.max_leases / (2 * farm->plan.workers_max);
  struct coprocess *c = worker->coprocess = calloc(1, sizeof *c);
  if (!c) return false;
  c->batch = 1;
  c->batch_max = share > BATCH_MAX ? BATCH_MAX : share > 1 ? share : 1;
  if (farm->plan.interval) c->batch_max = 1;
  return true;
}

size_t coprocess_wants(const struct worker *worker) {
  return worker->coprocess->batch;
}

static int launch(struct worker *worker, const int in[2], const int out[2]) {
  const struct farm *farm = worker->farm;
  struct launch launch = {.farm = farm,
                          .slot = worker->slot,
                          .path = farm->path,
                          .arguments = (char *const *)farm->plan.command,
                          .in = in[0],
                          .out = out[1],
                          .err = STDERR_FILENO};
  return run_start(&launch, &worker->coprocess->pid);
}

static void start(struct worker *worker) {
  struct coprocess *c = worker->coprocess;
  int in[2], out[2];
  if (c->pid) return;
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
    worker_fail(worker->farm, STATUS_FAILED, "pipe: %s", strerror(errno));
  int error = launch(worker, in, out);
  if (error)
    worker_fail(worker->farm, STATUS_FAILED, "%s: %s", worker->farm->plan.command[0],
                strerror(error));
  close(in[0]);
  close(out[1]);
  fcntl(in[1], F_SETFL, O_NONBLOCK);
  c->to = in[1];
  c->from = out[0];
}

/* Returns its status, as of waitpid(2). */
static int wait_for_end(struct worker *worker, shmq_ns patience) {
  struct coprocess *c = worker->coprocess;
  const struct timespec look = timespec_of(END_LOOK);
  int status = 0;
  shmq_ns deadline = now() + patience;
  while (!run_ended(worker->slot, c->pid, &status)) {
    if (now() >= deadline) run_stop(c->pid, SIGKILL);
    nanosleep(&look, NULL);
  }
  close(c->from);
  c->pid = 0;
  return status;
}

void coprocess_end(struct worker *worker) {
  struct coprocess *c = worker->coprocess;
  if (!c || !c->pid) return;
  close(c->to);
  wait_for_end(worker, END_GRACE);
}

/* It failed us. */
static int dismiss(struct worker *worker, bool at_once) {
  close(worker->coprocess->to);
  return wait_for_end(worker, at_once ? 0 : BATCH_LONG);
}

/* ---- One batch ----------------------------------------------------------------------------------
 */

struct batch {
  struct shmq_lease *items;
  size_t count;
  size_t sent;           /* bytes */
  size_t answered, seen; /* answers, and the bytes they are in */
  shmq_ns deadline;      /* of the next answer */
  bool timed_out;
};

static shmq_ns answer_deadline(const struct worker *worker) {
  shmq_ns timeout = worker->farm->plan.timeout;
  return timeout ? now() + timeout : NEVER;
}

/* What it does not want to read is as good as sent: it will not be answered. */
static void send_some(struct coprocess *c, struct batch *batch) {
  ssize_t n = write(c->to, c->items.bytes + batch->sent, c->items.used - batch->sent);
  if (n > 0) batch->sent += (size_t)n;
  if (n < 0 && errno == EPIPE) batch->sent = c->items.used;
}

static void count_answers(const struct worker *worker, struct batch *batch) {
  const struct coprocess *c = worker->coprocess;
  size_t before = batch->answered;
  const char *at = c->answers.bytes + batch->seen, *stop = c->answers.bytes + c->answers.used;
  while (at < stop && (at = memchr(at, worker->farm->plan.end, (size_t)(stop - at)))) {
    batch->seen = (size_t)(++at - c->answers.bytes);
    if (++batch->answered == batch->count) break;
  }
  if (batch->answered > before) batch->deadline = answer_deadline(worker);
}

/* False: it says no more. */
static bool receive_some(struct worker *worker, struct batch *batch) {
  struct coprocess *c = worker->coprocess;
  make_room(worker, &c->answers, READ_SIZE);
  ssize_t n = read(c->from, c->answers.bytes + c->answers.used, READ_SIZE);
  if (n <= 0) return false;
  c->answers.used += (size_t)n;
  count_answers(worker, batch);
  return true;
}

/* Milliseconds, for poll. */
static int wait_time(const struct worker *worker, const struct batch *batch) {
  shmq_ns until = earlier(batch->deadline, hand_next(worker));
  if (until == NEVER) return -1;
  shmq_ns left = until - now();
  return left > 0 ? (int)earlier(left / MS + 1, 1000) : 0;
}

/* Both ends at once: it may answer before it has read all. False: it has failed us. */
static bool exchange_some(struct worker *worker, struct batch *batch) {
  struct coprocess *c = worker->coprocess;
  bool all_sent = batch->sent == c->items.used;
  struct pollfd ends[] = {{c->from, POLLIN, 0}, {all_sent ? -1 : c->to, POLLOUT, 0}};
  hand_tend(worker);
  shmq_ns time = now(); /* before the look: an answer that is there by then was in time */
  int ready = poll(ends, 2, wait_time(worker, batch));
  if (ready > 0 && ends[1].revents) send_some(c, batch);
  if (ready > 0 && ends[0].revents) return receive_some(worker, batch);
  batch->timed_out = time >= batch->deadline;
  return !batch->timed_out;
}

static void exchange(struct worker *worker, struct batch *batch) {
  struct coprocess *c = worker->coprocess;
  c->items.used = c->answers.used = 0;
  for (size_t i = 0; i < batch->count; i++) {
    add(worker, &c->items, batch->items[i].data, batch->items[i].size);
    add(worker, &c->items, &worker->farm->plan.end, 1);
  }
  batch->deadline = answer_deadline(worker);
  send_some(c, batch);
  while (batch->answered < batch->count && exchange_some(worker, batch))
    continue;
}

static void adapt(struct coprocess *c, shmq_ns time) {
  if (time < BATCH_SHORT && c->batch < c->batch_max) c->batch *= 2;
  if (time > BATCH_LONG && c->batch > 1) c->batch /= 2;
  if (c->batch > c->batch_max) c->batch = c->batch_max;
}

/* ---- What becomes of the items ------------------------------------------------------------------
 */

/* Nothing that is said about each item by itself. */
static bool settles_together(const struct plan *plan) {
  return !plan->results && !plan->tag && !plan->keep_order && !plan->joblog;
}

static struct outputs outputs_of(const char *answer, size_t size) {
  return (struct outputs){.out = {.data = answer, .size = size}};
}

static void settle_each(struct worker *worker, const struct batch *batch, struct run *run) {
  const char *answer = worker->coprocess->answers.bytes;
  size_t end_size = worker->farm->plan.results ? 1 : 0; /* there it would say nothing */
  for (size_t i = 0; i < batch->answered; i++) {
    struct task task = {&batch->items[i], 1};
    size_t size = (size_t)((char *)rawmemchr(answer, worker->farm->plan.end) + 1 - answer);
    struct outputs outputs = outputs_of(answer, size - end_size);
    run->sent = task.items->size + 1;
    settle(worker, &task, run, &outputs);
    answer += size;
  }
}

static void settle_answered(struct worker *worker, const struct batch *batch, struct run *run) {
  if (batch->answered == 0) return;
  if (!settles_together(&worker->farm->plan)) {
    settle_each(worker, batch, run);
    return;
  }
  struct task task = {batch->items, batch->answered};
  struct outputs outputs = outputs_of(worker->coprocess->answers.bytes, batch->seen);
  settle(worker, &task, run, &outputs);
}

/* The first item without an answer is to blame. */
static void settle_unanswered(struct worker *worker, const struct batch *batch, struct run *run) {
  static const struct outputs nothing;
  struct task task = {&batch->items[batch->answered], 1};
  run->status = dismiss(worker, batch->timed_out);
  run->timed_out = batch->timed_out;
  if (run_succeeded(run)) run->why = "the coprocess ended without an answer";
  settle(worker, &task, run, &nothing);
}

/* Returns how many items of the batch are settled, at least one. */
static size_t work_on_batch(struct worker *worker, struct shmq_lease *items, size_t count) {
  struct batch batch = {.items = items, .count = count};
  shmq_ns began = now();
  struct run run = {.began = (double)time_of(CLOCK_REALTIME) / SECOND};
  start(worker);
  if (count == 1) atomic_store(&worker->slot->suspect, items->id + 1);
  exchange(worker, &batch);
  atomic_store(&worker->slot->suspect, 0);
  run.seconds = (double)(now() - began) / SECOND / (double)count;
  settle_answered(worker, &batch, &run);
  if (batch.answered < count) settle_unanswered(worker, &batch, &run);
  adapt(worker->coprocess, now() - began);
  return batch.answered < count ? batch.answered + 1 : count;
}

/* Those that a run may not begin with any more go back, if they can. */
static void work_on_all(struct worker *worker, struct shmq_lease *items, size_t count) {
  while (count > 0 && (may_begin(worker, count) || item_is_last(worker, items))) {
    size_t settled = work_on_batch(worker, items, count);
    items += settled;
    count -= settled;
  }
  for (size_t i = 0; i < count; i++)
    item_back(worker, &items[i]);
}

/* An item that holds what ends items would be taken for two. */
static bool settle_unsendable(struct worker *worker, const struct shmq_lease *item) {
  char end = worker->farm->plan.end;
  if (item->size == 0 || !memchr(item->data, end, item->size)) return false;
  static const struct outputs nothing;
  struct task task = {item, 1};
  struct run run = {.hopeless = true};
  run.why = end ? "holds a newline, which ends items; see -0" : "holds a NUL, which ends items";
  settle(worker, &task, &run, &nothing);
  return true;
}

/* Items that came back are sent alone, so that it can be told which of them does harm. */
void coprocess_work(struct worker *worker, struct shmq_lease *items, size_t count) {
  size_t left = 0;
  for (size_t i = 0; i < count; i++)
    if (!settle_unsendable(worker, &items[i]) && !settle_poison(worker, &items[i]))
      items[left++] = items[i];
  if (left > 0 && items[0].attempt == 1) {
    work_on_all(worker, items, left);
    return;
  }
  for (size_t i = 0; i < left; i++)
    work_on_all(worker, &items[i], 1);
}
