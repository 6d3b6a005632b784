/* SPDX-License-Identifier: Apache-2.0 */
/* Many small items at one call: one lock and one wake-up for a whole batch. */
#include "example.h"

enum { ITEMS = 10000, BATCH = 64, WORKERS = 2 };

struct sum {
  long numbers, items, batches;
};

static shmq *numbers;
static struct sum *sums;

static void produce(void) {
  int values[BATCH];
  struct iovec items[BATCH];
  for (int i = 0; i < BATCH; i++)
    items[i] = (struct iovec){&values[i], sizeof values[i]};
  for (int first = 0; first < ITEMS; first += BATCH) {
    const int n = ITEMS - first < BATCH ? ITEMS - first : BATCH;
    for (int i = 0; i < n; i++)
      values[i] = first + i;
    must(shmq_put_many(numbers, items, (size_t)n, SHMQ_FOREVER), "put_many");
  }
  must(shmq_shutdown(numbers, 0), "shutdown");
}

/* All that was taken is added up and done before the next batch is taken. */
static void add_up(struct sum *sum, const struct shmq_lease *leases, ssize_t n) {
  for (ssize_t i = 0; i < n; i++) {
    int number;
    memcpy(&number, leases[i].data, sizeof number);
    sum->numbers += number;
    must(shmq_done(numbers, &leases[i]), "done");
  }
  sum->items += n;
  sum->batches++;
}

static void work(int me) {
  struct shmq_lease leases[BATCH];
  ssize_t n;
  while ((n = shmq_take_many(numbers, leases, BATCH, SHMQ_FOREVER)) > 0)
    add_up(&sums[me], leases, n);
  if (n != -ESHUTDOWN) must(n, "take_many");
}

int main(void) {
  struct sum all = {0};
  numbers = family_queue(NULL);
  sums = family_memory(WORKERS * sizeof *sums);
  for (int i = 0; i < WORKERS; i++)
    start(work, i);
  produce();
  await_all(0);
  for (int i = 0; i < WORKERS; i++) {
    all.numbers += sums[i].numbers;
    all.items += sums[i].items;
    all.batches += sums[i].batches;
  }
  printf("%ld items in %s batches, sum %ld\n", all.items,
         all.batches < all.items ? "fewer" : "as many", all.numbers);
  return 0;
}
