/* SPDX-License-Identifier: Apache-2.0 */
#include <execinfo.h>
#include <pthread.h>
#include <unistd.h>

#include "steps.h"

#define WAIT (30 * MS) /* long enough to be stepped to the sleep, short enough to be waited for */

enum { SEVERAL = 3 };

/* ---- Put ---- */

static int64_t run_put(struct victim *v) {
  return item_put(v->queue, OF_VICTIM, v->size, SHMQ_NOWAIT);
}

static int64_t run_put_wait(struct victim *v) {
  return item_put(v->queue, OF_VICTIM, v->size, WAIT);
}

static bool happen_put(struct model *m, unsigned commits) {
  return commits == 0 && model_put(m, OF_VICTIM);
}

static int64_t run_put_many(struct victim *v) {
  char data[SEVERAL][ITEM_MAX];
  struct iovec items[SEVERAL];
  for (unsigned i = 0; i < SEVERAL; i++) {
    item_write(data[i], v->size, OF_VICTIM + i);
    items[i] = (struct iovec){data[i], v->size};
  }
  return shmq_put_many(v->queue, items, SEVERAL, SHMQ_NOWAIT);
}

static bool happen_put_many(struct model *m, unsigned commits) {
  unsigned n = 0;
  while (commits == 0 && n < SEVERAL && model_put(m, OF_VICTIM + n))
    n++;
  return n > 0;
}

/* ---- Get ---- */

static int64_t get(struct victim *v, shmq_ns timeout) {
  char data[ITEM_MAX];
  return shmq_get(v->queue, data, sizeof data, timeout);
}

static int64_t run_get(struct victim *v) {
  return get(v, SHMQ_NOWAIT);
}

static int64_t run_get_wait(struct victim *v) {
  return get(v, WAIT);
}

static bool happen_get(struct model *m, unsigned commits) {
  return commits == 0 && model_deliver(m, GOT);
}

static int64_t run_get_many(struct victim *v) {
  char data[SEVERAL][ITEM_MAX];
  struct iovec items[SEVERAL];
  for (unsigned i = 0; i < SEVERAL; i++)
    items[i] = (struct iovec){data[i], ITEM_MAX};
  return shmq_get_many(v->queue, items, SEVERAL, SHMQ_NOWAIT);
}

static bool happen_get_many(struct model *m, unsigned commits) {
  if (model_first(m, RETURNED)) return happen_get(m, commits);
  unsigned n = commits == 0 && model_deliver(m, GOT);
  while (n > 0 && n < SEVERAL && model_first(m, RING) && model_deliver(m, GOT))
    n++;
  return n > 0;
}

static int64_t run_peek(struct victim *v) {
  char data[ITEM_MAX];
  return shmq_peek(v->queue, data, sizeof data);
}

static int64_t run_task_done(struct victim *v) {
  return shmq_task_done(v->queue);
}

static bool finish(struct model *m, enum place place) {
  struct item *item = model_first(m, place);
  if (item) item->place = DONE;
  return item != NULL;
}

static bool happen_task_done(struct model *m, unsigned commits) {
  return commits == 0 && finish(m, GOT);
}

/* ---- Take ---- */

static int64_t run_take(struct victim *v) {
  struct shmq_lease lease;
  return shmq_take(v->queue, &lease, SHMQ_NOWAIT);
}

static int64_t run_take_wait(struct victim *v) {
  struct shmq_lease lease;
  return shmq_take(v->queue, &lease, WAIT);
}

static bool happen_take(struct model *m, unsigned commits) {
  return commits == 0 && model_deliver(m, HELD);
}

static int64_t run_take_many(struct victim *v) {
  struct shmq_lease leases[SEVERAL];
  return shmq_take_many(v->queue, leases, SEVERAL, SHMQ_NOWAIT);
}

/* Returned ones are taken one by one, those of the ring together. */
static bool happen_take_many(struct model *m, unsigned commits) {
  if (commits < SEVERAL && model_first(m, RETURNED)) return model_deliver(m, HELD);
  unsigned n = commits == 0 && model_deliver(m, HELD);
  while (n > 0 && n < SEVERAL && model_first(m, RING) && model_deliver(m, HELD))
    n++;
  return n > 0;
}

/* ---- Leases end ---- */

static int64_t run_done(struct victim *v) {
  return shmq_done(v->queue, &v->leases[0]);
}

static bool happen_done(struct model *m, unsigned commits) {
  return commits == 0 && finish(m, HELD);
}

static int64_t run_give_back(struct victim *v) {
  return shmq_give_back(v->queue, &v->leases[0]);
}

static bool happen_give_back(struct model *m, unsigned commits) {
  struct item *item = model_first(m, HELD);
  if (commits == 0 && item) model_give_back(m, item);
  return commits == 0 && item;
}

static int64_t run_bury(struct victim *v) {
  return shmq_bury(v->queue, &v->leases[0]);
}

static bool happen_bury(struct model *m, unsigned commits) {
  struct item *item = model_first(m, HELD);
  if (commits == 0 && item) item->place = DEAD;
  return commits == 0 && item;
}

static int64_t run_touch(struct victim *v) {
  return shmq_touch(v->queue, &v->leases[0]);
}

/* ---- The rest ---- */

static int64_t run_join(struct victim *v) {
  return shmq_join(v->queue, SHMQ_NOWAIT);
}

static int64_t run_join_wait(struct victim *v) {
  return shmq_join(v->queue, WAIT);
}

static int64_t run_wait_any(struct victim *v) {
  const enum shmq_event event = SHMQ_NOT_EMPTY;
  return shmq_wait_any(&v->queue, &event, 1, WAIT);
}

static int64_t run_event_arm(struct victim *v) {
  struct shmq_futex futex;
  return shmq_event_arm(v->queue, SHMQ_FINISHED, &futex);
}

static int64_t run_look(struct victim *v) {
  return shmq_look(v->queue, SHMQ_NOT_EMPTY);
}

static int64_t run_watch(struct victim *v) {
  struct shmq_stats stats;
  struct shmq_process processes[6];
  struct shmq_thread threads[6];
  int64_t seen = (int64_t)shmq_qsize(v->queue) + shmq_empty(v->queue) + shmq_full(v->queue);
  seen += shmq_processes(v->queue, processes, COUNT(processes));
  seen += shmq_threads(v->queue, threads, COUNT(threads));
  return seen + shmq_stat(v->queue, &stats);
}

static int64_t run_check(struct victim *v) {
  return shmq_check(v->queue, NULL);
}

static int64_t run_shutdown(struct victim *v) {
  return shmq_shutdown(v->queue, 0);
}

static bool happen_shutdown(struct model *m, unsigned commits) {
  if (commits == 0) model_shut_down(m, false);
  return commits == 0;
}

static int64_t run_shutdown_now(struct victim *v) {
  return shmq_shutdown(v->queue, SHMQ_NOW);
}

static bool happen_shutdown_now(struct model *m, unsigned commits) {
  if (commits == 0) model_shut_down(m, true);
  return commits == 0;
}

static int64_t run_recover(struct victim *v) {
  return shmq_recover(v->queue);
}

static int64_t run_close(struct victim *v) {
  return shmq_close(v->queue);
}

static int64_t run_open(struct victim *v) {
  shmq *queue;
  return shmq_open(&queue, v->name);
}

static int64_t run_open_readonly(struct victim *v) {
  shmq *queue;
  const int error = shmq_open_readonly(&queue, v->name);
  return error ? error : shmq_close(queue);
}

static int64_t run_unlink(struct victim *v) {
  return shmq_unlink(v->name);
}

/* Else pthread_exit() would do it, and be stepped through that. */
__attribute__((constructor)) static void load_unwinder(void) {
  void *frame;
  backtrace(&frame, 1);
}

/* The library's destructor comes first: its key is older. */
static int64_t run_thread_end(struct victim *v) {
  pthread_key_t key;
  pthread_key_create(&key, call_is_over);
  pthread_setspecific(key, v->page);
  pthread_exit(NULL);
}

static int64_t run_fork(struct victim *v) {
  (void)v;
  const pid_t child = fork();
  if (child == 0) _exit(0);
  return child;
}

static int64_t run_create(struct victim *v) {
  shmq *queue;
  return shmq_create(&queue, v->name, v->options);
}

static int64_t run_open_or_create(struct victim *v) {
  shmq *queue;
  return shmq_open_or_create(&queue, v->name, v->options);
}

#define WITH_LEASES \
  "held getter-held tired timed taker no-cell joiner-held closing discarding biased busy"

const struct call calls[] = {
    {.name = "put", .run = run_put, .happen = happen_put, .plain = true},
    {.name = "put_many", .run = run_put_many, .happen = happen_put_many},
    {.name = "put-wait",
     .run = run_put_wait,
     .happen = happen_put,
     .states = "full putter one-place corpse"},
    {.name = "get", .run = run_get, .happen = happen_get, .plain = true},
    {.name = "get_many", .run = run_get_many, .happen = happen_get_many},
    {.name = "get-wait",
     .run = run_get_wait,
     .happen = happen_get,
     .states = "empty getter corpse joiner"},
    {.name = "peek", .run = run_peek},
    {.name = "take", .run = run_take, .happen = happen_take, .plain = true},
    {.name = "take_many", .run = run_take_many, .happen = happen_take_many},
    {.name = "take-wait",
     .run = run_take_wait,
     .happen = happen_take,
     .states = "empty no-cell corpse"},
    {.name = "done", .run = run_done, .happen = happen_done, .states = WITH_LEASES, .plain = true},
    {.name = "give_back",
     .run = run_give_back,
     .happen = happen_give_back,
     .states = WITH_LEASES,
     .plain = true},
    {.name = "bury", .run = run_bury, .happen = happen_bury, .states = WITH_LEASES, .buries = true},
    {.name = "touch", .run = run_touch, .states = WITH_LEASES},
    {.name = "task_done", .run = run_task_done, .happen = happen_task_done, .plain = true},
    {.name = "join", .run = run_join},
    {.name = "join-wait", .run = run_join_wait, .states = "one joiner corpse others"},
    {.name = "wait_any", .run = run_wait_any, .states = "empty one getter corpse"},
    {.name = "event_arm", .run = run_event_arm, .states = "empty one joiner corpse"},
    {.name = "look", .run = run_look, .states = "empty one getter tired timed corpse"},
    {.name = "watch", .run = run_watch, .states = "several returned held biased-away corpse"},
    {.name = "check",
     .run = run_check,
     .states = "empty full wrap-in returned getter held tired corpse biased biased-away due"},
    {.name = "shutdown", .run = run_shutdown, .happen = happen_shutdown},
    {.name = "shutdown-now", .run = run_shutdown_now, .happen = happen_shutdown_now},
    {.name = "recover", .run = run_recover},
    {.name = "close",
     .run = run_close,
     .states = "empty several returned getter getter-held held others tired timed taker joiner "
               "joiner-held corpse closing discarding biased biased-away biased-corpse new-process "
               "new-thread",
     .closes = true},
    {.name = "open",
     .run = run_open,
     .states = "empty full returned getter others corpse closing biased-away",
     .opens = true},
    {.name = "open_or_create", .run = run_open_or_create, .states = "one", .opens = true},
    {.name = "open_readonly", .run = run_open_readonly, .states = "one corpse", .opens = true},
    {.name = "unlink", .run = run_unlink, .states = "one"},
    {.name = "thread-end", .run = run_thread_end, .states = "held biased"},
    {.name = "fork", .run = run_fork, .states = "one held biased", .forks = true},
    {.name = "create",
     .run = run_create,
     .states = "empty one-place-empty",
     .opens = true,
     .creates = true},
};
const size_t calls_n = COUNT(calls);

/* ---- Second victims ---- */

static int64_t run_second_put(struct victim *v) {
  return item_put(v->queue, OF_SECOND, v->size, shmq_full(v->queue) ? WAIT : S);
}

static bool happen_second_put(struct model *m, unsigned commits) {
  return commits == 0 && model_put(m, OF_SECOND);
}

/* A look at the consumer's side, as long as it takes to get its lock. */
static int64_t run_second_touch(struct victim *v) {
  const struct shmq_lease nobodys = {.cell = UINT32_MAX};
  return shmq_touch(v->queue, &nobodys);
}

const struct call seconds[] = {
    {.name = "recover", .run = run_recover},
    {.name = "put", .run = run_second_put, .happen = happen_second_put},
    {.name = "touch", .run = run_second_touch},
};
const size_t seconds_n = COUNT(seconds);

/* ---- While a victim stands still ---- */

const struct call others[] = {
    {.name = "put", .run = run_second_put, .happen = happen_second_put},
    {.name = "get", .run = run_get_wait, .happen = happen_get},
    {.name = "recover", .run = run_recover},
};
const size_t others_n = COUNT(others);
