/* SPDX-License-Identifier: Apache-2.0 */
/* Four processes add to one counter: without a lock updates are lost. With a lock made of a queue
   with one token none is, though a fifth process is killed while it holds the lock. */
#include <sched.h>

#include "example.h"

enum { PROCESSES = 4, STEPS = 2000 };

static volatile int *counter; /* in shared memory */
static shmq *lock;

static void add_one(void) {
  const int seen = *counter;
  sched_yield(); /* the moment at which another process adds */
  *counter = seen + 1;
}

static void race(int unused) {
  (void)unused;
  for (int i = 0; i < STEPS; i++)
    add_one();
}

static void take_turns(int unused) {
  struct shmq_lease token;
  (void)unused;
  for (int i = 0; i < STEPS; i++) {
    must(shmq_take(lock, &token, SHMQ_FOREVER), "lock");
    add_one();
    must(shmq_give_back(lock, &token), "unlock");
  }
}

static void die_in_the_lock(int unused) {
  struct shmq_lease token;
  (void)unused;
  must(shmq_take(lock, &token, SHMQ_FOREVER), "lock");
  raise(SIGKILL);
}

static int count_with(void (*role)(int), int killed) {
  *counter = 0;
  for (int i = 0; i < PROCESSES; i++)
    start(role, i);
  await_all(killed);
  return *counter;
}

int main(void) {
  counter = family_memory(sizeof *counter);
  lock = family_queue(NULL);
  must(shmq_put(lock, NULL, 0, SHMQ_NOWAIT), "put the token");
  printf("without a lock: %d of %d\n", count_with(race, 0), PROCESSES * STEPS);
  start(die_in_the_lock, 0);
  printf("with a lock: %d of %d\n", count_with(take_turns, 1), PROCESSES * STEPS);
  return 0;
}
