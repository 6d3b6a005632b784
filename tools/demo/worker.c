/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

static char buffer[sizeof(struct result) + PATH_ITEM_MAX] __attribute__((aligned(8)));

/* Work a task off into buffer; returns the size of the result. */
static size_t solve(const struct shmq_lease *task) {
  struct result *result = (struct result *)buffer;
  *result = (struct result){
      .task = task->id, .worker = getpid(), .attempt = task->attempt, .digest = UNREADABLE};
  memcpy(result->path, task->data, task->size);
  if (!digest_file(task->data, result->digest, &result->bytes)) {
    strcpy(result->digest, UNREADABLE);
    result->bytes = 0;
  }
  return offsetof(struct result, path) + task->size;
}

/*
 * The result goes out before the task is finished: killed between the two, the task is done again
 * and has two results; the other way round it would have none.
 */
int worker(const struct demo *demo) {
  struct shmq_lease task;
  int got;
  while ((got = shmq_take(demo->tasks, &task, SHMQ_FOREVER)) == 0) {
    size_t size = solve(&task);
    must(shmq_put(demo->results, buffer, size, SHMQ_FOREVER), "put a result");
    must(shmq_done(demo->tasks, &task), "finish a task");
  }
  if (got != -ESHUTDOWN) must(got, "take a task");
  return 0;
}
