/* SPDX-License-Identifier: Apache-2.0 */
/* Timeouts, full farms, cancelled and forgotten tickets, threads. */
#include <pthread.h>

#include "farms.h"

SUITE(waiting);

Test(waiting, result_that_does_not_come) {
  struct shmq_farm_outcome outcome;
  shmq_farm *farm = start_farm(NULL, 1);
  const shmq_farm_ticket ticket = submit_number(farm, "gate", 0);
  check_is(shmq_farm_result(farm, ticket, &outcome, SHMQ_NOWAIT), -EAGAIN);
  const shmq_ns begin = now();
  check_is(shmq_farm_result(farm, ticket, &outcome, 150 * MS), -ETIMEDOUT);
  check_at_least(now() - begin, 150 * MS);
  stage->open = 1;
  outcome = outcome_of(farm, ticket);
  check_is(outcome_number(&outcome), 0);
  check_is(shmq_farm_result(farm, ticket, &outcome, PATIENCE), -ENOENT);
  check_is(shmq_farm_result(farm, 0, &outcome, PATIENCE), -ENOENT);
  check_is(shmq_farm_result(farm, ticket + 12345, &outcome, PATIENCE), -ENOENT);
  end_farm(farm);
}

Test(waiting, full_farm_refuses_and_then_goes_on) {
  struct shmq_farm_options options = default_farm_options();
  struct shmq_farm_outcome outcome;
  shmq_farm_ticket ticket;
  const int64_t number = 0;
  options.max_waiting = 4;
  shmq_farm *farm = start_farm(&options, 1);
  for (int i = 0; i < 4; i++)
    submit_number(farm, "gate", 0);
  check_is(shmq_farm_submit(farm, "gate", &number, 8, &ticket, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_farm_submit(farm, "gate", &number, 8, &ticket, 20 * MS), -ETIMEDOUT);
  stage->open = 1;
  check_is(shmq_farm_submit(farm, "gate", &number, 8, &ticket, PATIENCE), 0);
  for (int i = 0; i < 5; i++) {
    check_is(shmq_farm_next(farm, &outcome, PATIENCE), 0);
    shmq_farm_free(&outcome);
  }
  check_is(stage->runs, 5);
  end_farm(farm);
}

Test(waiting, queue_full_of_the_tasks_of_another) {
  struct shmq_farm_options options = default_farm_options();
  options.max_waiting = 2;
  shmq_farm *farm = start_farm(&options, 1), *other = NULL;
  check_is(shmq_farm_open(&other, queue_name, NULL), 0);
  const int64_t number = 0;
  shmq_farm_ticket ticket;
  submit_number(farm, "gate", 0);
  check_becomes(stage->runs == 1);
  submit_number(other, "gate", 0);
  submit_number(other, "gate", 0);
  check_is(shmq_farm_submit(farm, "gate", &number, 8, &ticket, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_farm_submit(farm, "gate", &number, 8, &ticket, 20 * MS), -ETIMEDOUT);
  check_is(shmq_farm_submit(farm, "gate", &number, 8, NULL, 20 * MS), -ETIMEDOUT);
  stage->open = 1;
  check_is(ask(farm, "square", 4), 16);
  check_is(shmq_farm_close(other), 0);
  end_farm(farm);
}

Test(waiting, results_that_nobody_fetches_are_bounded) {
  struct shmq_farm_options options = default_farm_options();
  struct shmq_farm_outcome outcome;
  shmq_farm_ticket ticket;
  options.max_tickets = 1000;
  options.max_waiting = 10;
  shmq_farm *farm = start_farm(&options, 2);
  for (int64_t i = 0; i < 1000; i++)
    submit_number(farm, "square", i);
  check_is(shmq_farm_submit(farm, "square", "", 0, &ticket, PATIENCE), -ENOBUFS);
  check_is(shmq_farm_submit(farm, "square", "", 0, NULL, PATIENCE), 0);
  check_is(shmq_farm_next(farm, &outcome, PATIENCE), 0);
  shmq_farm_free(&outcome);
  check_is(ask(farm, "square", 7), 49);
  end_farm(farm);
}

Test(waiting, cancelled_task_never_runs) {
  struct shmq_farm_outcome outcome;
  shmq_farm *farm = start_farm(NULL, 1);
  const shmq_farm_ticket begun = submit_number(farm, "gate", 0);
  check_becomes(stage->runs == 1);
  const shmq_farm_ticket waiting = submit_number(farm, "gate", 0);
  check_is(shmq_farm_cancel(farm, begun), -EBUSY);
  check_is(shmq_farm_cancel(farm, waiting), 0);
  check_is(shmq_farm_cancel(farm, waiting), -ENOENT);
  check_is(shmq_farm_result(farm, waiting, &outcome, PATIENCE), -ENOENT);
  stage->open = 1;
  outcome = outcome_of(farm, begun);
  shmq_farm_free(&outcome);
  check_is(ask(farm, "square", 2), 4);
  check_is(stage->runs, 2);
  end_farm(farm);
}

Test(waiting, ended_task_cannot_be_cancelled) {
  shmq_farm *farm = start_farm(NULL, 1);
  const shmq_farm_ticket ticket = submit_number(farm, "square", 3);
  check_is(ask(farm, "square", 2), 4);
  check_is(shmq_farm_cancel(farm, ticket), -EBUSY);
  struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
  check_is(outcome_number(&outcome), 9);
  end_farm(farm);
}

Test(waiting, places_of_cancelled_tasks_are_free_at_once) {
  struct shmq_farm_options options = default_farm_options();
  options.max_tickets = 2;
  shmq_farm *farm = start_farm(&options, 1);
  const shmq_farm_ticket begun = submit_number(farm, "gate", 0);
  check_becomes(stage->runs == 1);
  for (int i = 0; i < 100; i++) {
    check_is(shmq_farm_cancel(farm, submit_number(farm, "gate", 0)), 0);
  }
  const shmq_farm_ticket last = submit_number(farm, "square", 6);
  stage->open = 1;
  struct shmq_farm_outcome outcome = outcome_of(farm, last);
  check_is(outcome_number(&outcome), 36);
  outcome = outcome_of(farm, begun);
  shmq_farm_free(&outcome);
  check_is(stage->runs, 2);
  end_farm(farm);
}

Test(waiting, forgotten_tickets) {
  struct shmq_farm_outcome outcome;
  shmq_farm *farm = start_farm(NULL, 1);
  const shmq_farm_ticket ended = submit_number(farm, "square", 3);
  check_is(ask(farm, "square", 2), 4);
  const shmq_farm_ticket begun = submit_number(farm, "gate", 0);
  check_becomes(stage->runs == 3);
  const shmq_farm_ticket waiting = submit_number(farm, "gate", 0);
  check_is(shmq_farm_forget(farm, ended), 0);
  check_is(shmq_farm_forget(farm, begun), 0);
  check_is(shmq_farm_forget(farm, waiting), 0);
  check_is(shmq_farm_forget(farm, waiting), -ENOENT);
  check_is(shmq_farm_next(farm, &outcome, PATIENCE), -ENOENT);
  stage->open = 1;
  check_is(ask(farm, "square", 2), 4);
  check_is(stage->runs, 4);
  end_farm(farm);
}

/* Nobody collects their reports but submit itself. */
Test(waiting, forgotten_tasks_do_not_hold_up_the_others) {
  struct shmq_farm_options options = default_farm_options();
  options.max_waiting = 4;
  options.result_max = 8192;
  shmq_farm *farm = start_farm(&options, 2), *other = open_farm(NULL);
  for (int i = 0; i < 200; i++) {
    const shmq_farm_ticket ticket = submit_number(farm, "square", i);
    check_becomes(stage->runs == i + 1);
    check_is(shmq_farm_forget(farm, ticket), 0);
  }
  check_is(ask(other, "square", 7), 49);
  check_is(shmq_farm_close(other), 0);
  end_farm(farm);
}

/* ---- Threads ---- */

static shmq_farm *shared;

static void *cancel_soon(void *ticket) {
  nap(50 * MS);
  check_is(shmq_farm_cancel(shared, *(shmq_farm_ticket *)ticket), 0);
  return NULL;
}

Test(waiting, cancel_wakes_who_waits_for_the_ticket) {
  struct shmq_farm_outcome outcome;
  pthread_t thread;
  shared = start_farm(NULL, 1);
  submit_number(shared, "gate", 0);
  check_becomes(stage->runs == 1);
  shmq_farm_ticket waiting = submit_number(shared, "gate", 0);
  pthread_create(&thread, NULL, cancel_soon, &waiting);
  check_is(shmq_farm_result(shared, waiting, &outcome, PATIENCE), -ENOENT);
  pthread_join(thread, NULL);
  end_farm(shared);
}

enum { THREADS = 4, ROUNDS = 500 };

static void *ask_often(void *unused) {
  (void)unused;
  for (int64_t i = 0; i < ROUNDS; i++)
    check_is(ask(shared, "square", i), i * i);
  return NULL;
}

static void *map_often(void *unused) {
  int64_t numbers[50];
  struct iovec arguments[50];
  struct shmq_farm_outcome outcomes[50];
  (void)unused;
  for (int64_t i = 0; i < 50; i++) {
    numbers[i] = i;
    arguments[i] = (struct iovec){.iov_base = &numbers[i], .iov_len = sizeof numbers[i]};
  }
  for (int round = 0; round < ROUNDS / 50; round++) {
    check_is(shmq_farm_map(shared, "square", arguments, 50, outcomes, PATIENCE), 0);
    for (int64_t i = 0; i < 50; i++)
      check_is(outcome_number(&outcomes[i]), i * i);
  }
  return NULL;
}

Test(waiting, threads_share_a_handle) {
  pthread_t threads[2 * THREADS];
  struct shmq_farm_outcome outcome;
  shared = start_farm(NULL, 2);
  for (int i = 0; i < ROUNDS; i++)
    submit_number(shared, "square", i);
  for (int i = 0; i < THREADS; i++) {
    pthread_create(&threads[2 * i], NULL, ask_often, NULL);
    pthread_create(&threads[2 * i + 1], NULL, map_often, NULL);
  }
  for (int i = 0; i < 2 * THREADS; i++)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < ROUNDS; i++) {
    check_is(shmq_farm_next(shared, &outcome, PATIENCE), 0);
    outcome_number(&outcome);
  }
  check_is(shmq_farm_next(shared, &outcome, PATIENCE), -ENOENT);
  end_farm(shared);
}
