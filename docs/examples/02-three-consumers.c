/* SPDX-License-Identifier: Apache-2.0 */
/* One producer of random numbers, three consumers: every item is seen by exactly one of them. */
#include <stdatomic.h>

#include "example.h"

enum { ITEMS = 1000, CONSUMERS = 3 };

struct item {
  int index, number;
};

static shmq *queue;
static struct item sent[ITEMS];
static struct {
  _Atomic int times;
  int number;
} * seen;

static void consume(int me) {
  struct item item;
  ssize_t size;
  int count = 0;
  while ((size = shmq_get(queue, &item, sizeof item, SHMQ_FOREVER)) >= 0) {
    seen[item.index].times++;
    seen[item.index].number = item.number;
    must(shmq_task_done(queue), "task_done");
    count++;
  }
  if (size != -ESHUTDOWN) must(size, "get");
  printf("consumer %d saw %d\n", me, count);
}

static void produce(void) {
  srand((unsigned)time(NULL));
  for (int i = 0; i < ITEMS; i++) {
    sent[i] = (struct item){i, rand()};
    must(shmq_put(queue, &sent[i], sizeof sent[i], SHMQ_FOREVER), "put");
  }
  must(shmq_shutdown(queue, 0), "shutdown"); /* get what is left, then -ESHUTDOWN */
}

int main(void) {
  queue = family_queue(NULL);
  seen = family_memory(ITEMS * sizeof *seen);
  for (int i = 1; i <= CONSUMERS; i++)
    start(consume, i);
  produce();
  await_all(0);
  for (int i = 0; i < ITEMS; i++) {
    if (seen[i].times != 1 || seen[i].number != sent[i].number) errx(1, "item %d went astray", i);
  }
  printf("%d items, each seen once\n", ITEMS);
  return 0;
}
