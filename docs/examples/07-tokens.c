/* SPDX-License-Identifier: Apache-2.0 */
/* A semaphore and a rate limiter: queues of tokens. A semaphore's token is taken and given back,
   also by the death of who holds it; a limiter's is used up, and a clock puts new ones. */
#include <stdatomic.h>

#include "example.h"

enum { WORKERS = 8, SEATS = 3, STARTS = 20, BURST = 5, PERIOD_MS = 10 };

static shmq *semaphore, *limiter;
static struct { _Atomic int inside, most, started; } * room;

static void enter(void) {
  struct shmq_lease seat;
  must(shmq_take(semaphore, &seat, SHMQ_FOREVER), "acquire");
  const int inside = ++room->inside;
  int most = room->most;
  while (inside > most && !atomic_compare_exchange_weak(&room->most, &most, inside)) {
  }
  nap(5 * MS);
  room->inside--;
  must(shmq_give_back(semaphore, &seat), "release");
}

static void work(int unused) {
  (void)unused;
  while (shmq_get(limiter, NULL, 0, SHMQ_FOREVER) == 0) {
    must(shmq_task_done(limiter), "task_done");
    room->started++;
    enter();
  }
}

/* Tokens that nobody has asked for pile up to a burst, no more: the queue is full then. */
static void tick(void) {
  const int error = shmq_put(limiter, NULL, 0, SHMQ_NOWAIT);
  if (error != -EAGAIN) must(error, "tick");
}

int main(void) {
  struct shmq_options options;
  shmq_options_init(&options);
  options.maxsize = BURST;
  semaphore = family_queue(NULL);
  limiter = family_queue(&options);
  room = family_memory(sizeof *room);
  for (int i = 0; i < SEATS; i++)
    must(shmq_put(semaphore, NULL, 0, SHMQ_NOWAIT), "put");
  for (int i = 0; i < BURST; i++)
    tick();
  const double begin = seconds();
  for (int i = 0; i < WORKERS; i++)
    start(work, i);
  for (; room->started < STARTS; nap(PERIOD_MS * MS))
    tick();
  const double least = (STARTS - BURST - 1) * 1e-3 * PERIOD_MS, took = seconds() - begin;
  must(shmq_shutdown(limiter, 0), "shutdown");
  await_all(0);
  printf("at most %d inside at one time: %s\n", SEATS, room->most <= SEATS ? "yes" : "no");
  printf("a burst of %d, then one in %d ms: %s\n", BURST, PERIOD_MS, took >= least ? "yes" : "no");
  return 0;
}
