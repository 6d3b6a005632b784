/* SPDX-License-Identifier: Apache-2.0 */
/* An event that many wait for: a queue in which nothing ever is. To shut it down is to set it, and
   it stays set. */
#include "example.h"

enum { WORKERS = 5 };

static shmq *stop, *ready;

/* Python's event.wait(timeout). */
static bool is_set(shmq *event, shmq_ns timeout) {
  const ssize_t result = shmq_get(event, NULL, 0, timeout);
  if (result != -ETIMEDOUT && result != -ESHUTDOWN) must(result, "wait");
  return result == -ESHUTDOWN;
}

static void work(int me) {
  int rounds = 0;
  must(shmq_put(ready, NULL, 0, SHMQ_FOREVER), "put");
  while (!is_set(stop, 10 * MS))
    rounds++; /* the work */
  printf("worker %d stops after some rounds\n", me);
}

/* One that has nothing else to do. */
static void sleep_until_set(int unused) {
  (void)unused;
  must(shmq_put(ready, NULL, 0, SHMQ_FOREVER), "put");
  if (is_set(stop, SHMQ_FOREVER)) printf("the sleeper wakes\n");
}

int main(void) {
  stop = family_queue(NULL);
  ready = family_queue(NULL);
  for (int i = 1; i <= WORKERS; i++)
    start(work, i);
  start(sleep_until_set, 0);
  for (int i = 0; i <= WORKERS; i++)
    must(shmq_get(ready, NULL, 0, SHMQ_FOREVER), "get");
  printf("all are here\n");
  must(shmq_shutdown(stop, 0), "set");
  await_all(0);
  printf("all have stopped\n");
  return 0;
}
