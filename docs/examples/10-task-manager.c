/* SPDX-License-Identifier: Apache-2.0 */
/* A background task manager: a queue of tasks, a queue of results, ids that join them, and an end
   at which everything that was asked for is done. */
#include "example.h"

enum { WORKERS = 3, TASKS = 6 };

struct task {
  int id, n;
};

struct result {
  int id;
  unsigned long long value;
};

struct manager {
  shmq *tasks, *results;
  int last_id;
};

static struct manager manager;

static unsigned long long factorial(int n) {
  return n < 2 ? 1 : (unsigned long long)n * factorial(n - 1);
}

/* The result is put before the task is done: killed in between, it is done, and put, once more. */
static void work(int unused) {
  struct shmq_lease lease;
  struct task task;
  int error;
  (void)unused;
  while ((error = shmq_take(manager.tasks, &lease, SHMQ_FOREVER)) == 0) {
    memcpy(&task, lease.data, sizeof task);
    const struct result result = {task.id, factorial(task.n)};
    must(shmq_put(manager.results, &result, sizeof result, SHMQ_FOREVER), "put");
    must(shmq_done(manager.tasks, &lease), "done");
  }
  if (error != -ESHUTDOWN) must(error, "take");
}

static void manager_start(void) {
  manager = (struct manager){family_queue(NULL), family_queue(NULL), 0};
  for (int i = 0; i < WORKERS; i++)
    start(work, i);
}

static int manager_submit(int n) {
  const struct task task = {++manager.last_id, n};
  must(shmq_put(manager.tasks, &task, sizeof task, SHMQ_FOREVER), "submit");
  return task.id;
}

static void manager_stop(void) {
  must(shmq_shutdown(manager.tasks, 0), "shutdown"); /* nothing new; what waits is done */
  await_all(0);
  must(shmq_join(manager.tasks, SHMQ_NOWAIT), "join");
  must(shmq_shutdown(manager.results, 0), "shutdown");
}

int main(void) {
  unsigned long long values[TASKS + 1] = {0};
  struct result result;
  manager_start();
  for (int i = 1; i <= TASKS; i++)
    printf("task %d: the factorial of %d\n", manager_submit(3 * i), 3 * i);
  manager_stop();
  while (shmq_get(manager.results, &result, sizeof result, SHMQ_FOREVER) > 0)
    values[result.id] = result.value;
  for (int id = 1; id <= TASKS; id++)
    printf("result %d: %llu\n", id, values[id]);
  return 0;
}
