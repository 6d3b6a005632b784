/* SPDX-License-Identifier: Apache-2.0 */
/* Ten tasks, two workers. The first worker is killed with a task in hand; the second does it. */
#include <shmq.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int work(shmq *queue, bool dies) {
  struct shmq_lease task;
  int error;
  while ((error = shmq_take(queue, &task, SHMQ_FOREVER)) == 0) {
    if (dies) raise(SIGKILL);
    printf("task %.*s, delivery %u\n", (int)task.size, (const char *)task.data, task.attempt);
    shmq_done(queue, &task);
  }
  printf("worker: %s\n", shmq_strerror(error));
  return 0;
}

int main(void) {
  shmq *queue;
  int error = shmq_create(&queue, "first", NULL);
  if (error != 0) {
    fprintf(stderr, "first: %s\n", shmq_strerror(error));
    return 1;
  }
  for (char task = '0'; task <= '9'; task++)
    shmq_put(queue, &task, 1, SHMQ_FOREVER);

  if (fork() == 0) return work(queue, true);
  wait(NULL); /* the first worker is dead */
  if (fork() == 0) return work(queue, false);

  shmq_join(queue, SHMQ_FOREVER); /* every task is finished, that of the dead worker included */
  shmq_shutdown(queue, 0);        /* the worker's next take returns -ESHUTDOWN */
  wait(NULL);
  shmq_unlink("first");
  return shmq_close(queue);
}
