/* SPDX-License-Identifier: Apache-2.0 */
/* An executor: futures, results as they are completed, a map, and failures that come back. */
#include <shmq_farm.h>

#include "example.h"

enum { NUMBERS = 10 };

static ssize_t square(const void *argument, size_t size, void *result, size_t room) {
  long number;
  if (size != sizeof number || room < sizeof number) return -EINVAL;
  memcpy(&number, argument, sizeof number);
  if (number < 0) return shmq_farm_fail(result, room, -EDOM, "%ld is below zero", number);
  if (number == 13) raise(SIGKILL); /* the worst that can happen to a worker */
  number *= number;
  memcpy(result, &number, sizeof number);
  return sizeof number;
}

static shmq_farm_ticket submit(shmq_farm *farm, long number) {
  shmq_farm_ticket future;
  must(shmq_farm_submit(farm, "square", &number, sizeof number, &future, SHMQ_FOREVER), "submit");
  return future;
}

static long number_of(struct shmq_farm_outcome *outcome) {
  long number;
  if (outcome->code != 0) errx(1, "%s", (char *)outcome->data);
  memcpy(&number, outcome->data, sizeof number);
  shmq_farm_free(outcome);
  return number;
}

static void futures(shmq_farm *farm) {
  struct shmq_farm_outcome outcome;
  const shmq_farm_ticket future = submit(farm, 7);
  must(shmq_farm_result(farm, future, &outcome, 10 * SECOND), "result");
  printf("future: %ld\n", number_of(&outcome));
}

static void as_completed(shmq_farm *farm) {
  struct shmq_farm_outcome outcome;
  long sum = 0;
  int result;
  for (long i = 1; i <= NUMBERS; i++)
    submit(farm, i);
  while ((result = shmq_farm_next(farm, &outcome, 10 * SECOND)) == 0)
    sum += number_of(&outcome);
  if (result != -ENOENT) must(result, "next"); /* -ENOENT: that were all */
  printf("as completed: sum %ld\n", sum);
}

static void map(shmq_farm *farm) {
  long numbers[NUMBERS];
  struct iovec arguments[NUMBERS];
  struct shmq_farm_outcome outcomes[NUMBERS];
  for (int i = 0; i < NUMBERS; i++) {
    numbers[i] = i;
    arguments[i] = (struct iovec){&numbers[i], sizeof numbers[i]};
  }
  must(shmq_farm_map(farm, "square", arguments, NUMBERS, outcomes, 10 * SECOND), "map");
  printf("map:");
  for (int i = 0; i < NUMBERS; i++)
    printf(" %ld", number_of(&outcomes[i]));
  printf("\n");
}

static void failure(shmq_farm *farm, long number) {
  struct shmq_farm_outcome outcome;
  must(shmq_farm_result(farm, submit(farm, number), &outcome, 10 * SECOND), "result");
  printf("%ld failed at attempt %u: %s (%s)\n", number, outcome.attempt, (char *)outcome.data,
         shmq_strerror(outcome.code));
  shmq_farm_free(&outcome);
}

int main(void) {
  char name[32];
  shmq_farm *farm;
  snprintf(name, sizeof name, "executor-%d", getpid());
  must(shmq_farm_open(&farm, name, NULL), "open");
  must(shmq_farm_register(farm, "square", square), "register");
  must(shmq_farm_start(farm, 2), "start");
  futures(farm);
  as_completed(farm);
  map(farm);
  failure(farm, -1);
  failure(farm, 13);
  must(shmq_farm_shutdown(farm, 0, 10 * SECOND), "shutdown");
  shmq_farm_close(farm);
  must(shmq_farm_unlink(name), "unlink");
  return 0;
}
