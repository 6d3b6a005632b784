/* SPDX-License-Identifier: Apache-2.0 */
/* Money moves between two accounts, in both directions at one time. Who moves it locks both, always
   the one with the lower number first: so nobody waits in a circle. One clerk is killed between the
   two halves of a transfer; whoever locks the accounts next finishes it from the journal. */
#include <stdatomic.h>

#include "example.h"

enum { ACCOUNTS = 2, START = 1000, TRANSFERS = 1000 };

/* In shared memory; whoever holds both locks may change it. Atomic, so that it is written in the
   order in which it stands here. */
static struct {
  _Atomic int balance[ACCOUNTS];
  _Atomic int after[ACCOUNTS]; /* the journal: what the balances are to be */
  _Atomic int under_way;       /* the journal is complete, the balances perhaps not */
  _Atomic int repaired;
} * bank;

static shmq *locks[ACCOUNTS]; /* with one token each */

/* Can be repeated, since the journal says what is to be, not what is to be added. */
static void finish(void) {
  for (int i = 0; i < ACCOUNTS; i++)
    bank->balance[i] = bank->after[i];
  bank->under_way = 0;
}

static void repair(void) {
  if (!bank->under_way) return;
  finish();
  bank->repaired++;
}

static void move_money(int from, int to, int amount, bool die) {
  bank->after[from] = bank->balance[from] - amount;
  bank->after[to] = bank->balance[to] + amount;
  bank->under_way = 1;
  bank->balance[from] = bank->after[from];
  if (die) raise(SIGKILL);
  finish();
}

static void transfer(int from, int to, int amount, bool die) {
  struct shmq_lease tokens[ACCOUNTS];
  for (int i = 0; i < ACCOUNTS; i++)
    must(shmq_take(locks[i], &tokens[i], SHMQ_FOREVER), "lock");
  repair();
  move_money(from, to, amount, die);
  for (int i = ACCOUNTS - 1; i >= 0; i--)
    must(shmq_give_back(locks[i], &tokens[i]), "unlock");
}

static void clerk(int from) {
  for (int i = 0; i < TRANSFERS; i++)
    transfer(from, 1 - from, 1 + i % 10, false);
}

static void unlucky_clerk(int from) {
  transfer(from, 1 - from, 500, true);
}

int main(void) {
  bank = family_memory(sizeof *bank);
  for (int i = 0; i < ACCOUNTS; i++) {
    bank->balance[i] = START;
    locks[i] = family_queue(NULL);
    must(shmq_put(locks[i], NULL, 0, SHMQ_NOWAIT), "put the token");
  }
  start(clerk, 0);
  start(clerk, 1);
  start(unlucky_clerk, 0);
  await_all(1);
  transfer(0, 1, 0, false); /* if the unlucky one was the last */
  printf("%d and %d, together %d\n", bank->balance[0], bank->balance[1],
         bank->balance[0] + bank->balance[1]);
  printf("%d transfer finished for a dead clerk\n", bank->repaired);
  return 0;
}
