/* SPDX-License-Identifier: Apache-2.0 */
/* Twenty numbers, ten workers, and a lock around what they print. The lock is a queue with one
   token: who has taken it, holds it; who gives it back, releases it. */
#include "example.h"

enum { NUMBERS = 20, WORKERS = 10 };

static shmq *numbers, *printer;

static void print_locked(int me, int number) {
  struct shmq_lease lock;
  must(shmq_take(printer, &lock, SHMQ_FOREVER), "lock");
  printf("worker %d: ", me);
  fflush(stdout); /* without the lock, others would come between */
  printf("%d squared is %d\n", number, number * number);
  fflush(stdout);
  must(shmq_give_back(printer, &lock), "unlock");
}

static void work(int me) {
  int number;
  ssize_t size;
  while ((size = shmq_get(numbers, &number, sizeof number, SHMQ_FOREVER)) >= 0) {
    print_locked(me, number);
    must(shmq_task_done(numbers), "task_done");
  }
  if (size != -ESHUTDOWN) must(size, "get");
}

int main(void) {
  numbers = family_queue(NULL);
  printer = family_queue(NULL);
  must(shmq_put(printer, NULL, 0, SHMQ_NOWAIT), "put the token");
  for (int i = 1; i <= WORKERS; i++)
    start(work, i);
  for (int i = 1; i <= NUMBERS; i++)
    must(shmq_put(numbers, &i, sizeof i, SHMQ_FOREVER), "put");
  must(shmq_join(numbers, SHMQ_FOREVER), "join");
  must(shmq_shutdown(numbers, 0), "shutdown");
  await_all(0);
  return 0;
}
