/* SPDX-License-Identifier: Apache-2.0 */
/* A producer and a consumer; the producer's last item says that it was the last. */
#include "example.h"

static shmq *queue;

static void produce(int count) {
  for (int i = 0; i < count; i++)
    must(shmq_put(queue, &i, sizeof i, SHMQ_FOREVER), "put");
  must(shmq_put(queue, NULL, 0, SHMQ_FOREVER), "put"); /* the sentinel: an empty item */
}

static void consume(int unused) {
  int number, sum = 0;
  (void)unused;
  while (must(shmq_get(queue, &number, sizeof number, SHMQ_FOREVER), "get") > 0) {
    printf("got %d\n", number);
    sum += number;
    must(shmq_task_done(queue), "task_done");
  }
  must(shmq_task_done(queue), "task_done"); /* the sentinel is an item, too */
  printf("sum %d\n", sum);
}

int main(void) {
  queue = family_queue(NULL);
  start(consume, 0);
  start(produce, 10);
  await_all(0);
  must(shmq_join(queue, SHMQ_NOWAIT), "join");
  return 0;
}
