/* SPDX-License-Identifier: Apache-2.0 */
/* million_pairs get|take: a million items in and out again, one at a time, with nobody else there.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shmq.h"

enum { PAIRS = 1000000 };

static int put_and_get(shmq *queue) {
  char item[64] = {0};
  int error = shmq_put(queue, item, sizeof item, SHMQ_FOREVER);
  if (!error) error = shmq_get(queue, item, sizeof item, SHMQ_FOREVER) == sizeof item ? 0 : 1;
  return error ? error : shmq_task_done(queue);
}

static int put_and_take(shmq *queue) {
  char item[64] = {0};
  struct shmq_lease lease;
  int error = shmq_put(queue, item, sizeof item, SHMQ_FOREVER);
  if (!error) error = shmq_take(queue, &lease, SHMQ_FOREVER);
  return error ? error : shmq_done(queue, &lease);
}

int main(int argc, char **argv) {
  char name[64];
  shmq *queue;
  if (argc != 2) return 2;
  int (*pair)(shmq *) = strcmp(argv[1], "take") == 0 ? put_and_take : put_and_get;
  snprintf(name, sizeof name, "test-pairs-%d", (int)getpid());
  int error = shmq_create(&queue, name, NULL);
  if (error) return 1;
  shmq_unlink(name);
  for (int i = 0; i < PAIRS && !error; i++)
    error = pair(queue);
  shmq_close(queue);
  return error ? 1 : 0;
}
