/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments, results, failures; next and map. */
#include "farms.h"

SUITE(tasks);

Test(tasks, result_comes_back) {
  shmq_farm *farm = start_farm(NULL, 2);
  struct shmq_farm_outcome outcome = outcome_of(farm, submit_number(farm, "square", 12));
  check_is(outcome.attempt, 1);
  check_is(outcome.signal, 0);
  check_is(outcome_number(&outcome), 144);
  end_farm(farm);
}

Test(tasks, empty_argument_and_result) {
  shmq_farm_ticket ticket;
  shmq_farm *farm = start_farm(NULL, 1);
  check_is(shmq_farm_submit(farm, "echo", NULL, 0, &ticket, PATIENCE), 0);
  struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
  check_is(outcome.code, 0);
  check_is(outcome.size, 0);
  check_is(((char *)outcome.data)[0], 0);
  shmq_farm_free(&outcome);
  end_farm(farm);
}

Test(tasks, largest_argument_and_result) {
  struct shmq_farm_options options = default_farm_options();
  static char large[100001];
  shmq_farm_ticket ticket;
  options.argument_max = options.result_max = 100000;
  options.max_waiting = 4;
  shmq_farm *farm = start_farm(&options, 1);
  memset(large, 'x', sizeof large);
  check_is(shmq_farm_submit(farm, "echo", large, 100001, &ticket, PATIENCE), -EMSGSIZE);
  check_is(shmq_farm_submit(farm, "echo", large, 100000, &ticket, PATIENCE), 0);
  struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
  check_is(outcome.size, 100000);
  cr_assert(memcmp(outcome.data, large, 100000) == 0);
  shmq_farm_free(&outcome);
  end_farm(farm);
}

Test(tasks, room_is_never_too_small_for_a_sentence) {
  struct shmq_farm_options options = default_farm_options();
  options.argument_max = options.result_max = 1;
  shmq_farm_ticket ticket;
  shmq_farm *farm = start_farm(&options, 1);
  check_is(shmq_farm_submit(farm, "fail", "x", 1, &ticket, PATIENCE), 0);
  struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
  check_failed(&outcome, -ENOENT, "no x here");
  end_farm(farm);
}

static ssize_t boast(const void *argument, size_t size, void *result, size_t room) {
  (void)argument, (void)size;
  memset(result, 'x', room);
  return (ssize_t)room + 1;
}

Test(tasks, result_larger_than_the_room_is_a_failure) {
  shmq_farm *farm = make_farm(NULL);
  check_is(shmq_farm_register(farm, "boast", boast), 0);
  check_is(shmq_farm_start(farm, 1), 0);
  struct shmq_farm_outcome outcome = outcome_of(farm, submit_number(farm, "boast", 0));
  check_failed(&outcome, -EMSGSIZE, "a result of 4097 bytes, room for 4096");
  end_farm(farm);
}

Test(tasks, failure_brings_its_code_and_sentence) {
  shmq_farm_ticket ticket;
  shmq_farm *farm = start_farm(NULL, 1);
  check_is(shmq_farm_submit(farm, "fail", "milk", 4, &ticket, PATIENCE), 0);
  struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
  check_is(outcome.attempt, 1);
  check_is(outcome.signal, 0);
  check_failed(&outcome, -ENOENT, "no milk here");
  check_is(stage->runs, 1);
  end_farm(farm);
}

Test(tasks, long_sentence_is_cut) {
  struct shmq_farm_options options = default_farm_options();
  shmq_farm_ticket ticket;
  options.result_max = 256;
  shmq_farm *farm = start_farm(&options, 1);
  char argument[1000];
  memset(argument, 'x', sizeof argument);
  check_is(shmq_farm_submit(farm, "fail", argument, sizeof argument, &ticket, PATIENCE), 0);
  struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
  check_is(outcome.size, 255);
  check_failed(&outcome, -ENOENT, "no xxx");
  end_farm(farm);
}

Test(tasks, name_that_nobody_registered) {
  shmq_farm *farm = start_farm(NULL, 1);
  struct shmq_farm_outcome outcome = outcome_of(farm, submit_number(farm, "nonsense", 1));
  check_failed(&outcome, -ENOSYS, "\"nonsense\"");
  end_farm(farm);
}

Test(tasks, next_brings_whichever_is_finished_first) {
  struct shmq_farm_outcome outcome;
  shmq_farm *farm = start_farm(NULL, 2);
  const shmq_farm_ticket slow = submit_number(farm, "gate", 0);
  check_becomes(stage->runs == 1);
  const shmq_farm_ticket fast = submit_number(farm, "square", 5);
  check_is(shmq_farm_next(farm, &outcome, PATIENCE), 0);
  check_is(outcome.ticket, fast);
  check_is(outcome_number(&outcome), 25);
  check_is(shmq_farm_next(farm, &outcome, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_farm_next(farm, &outcome, 20 * MS), -ETIMEDOUT);
  stage->open = 1;
  check_is(shmq_farm_next(farm, &outcome, PATIENCE), 0);
  check_is(outcome.ticket, slow);
  shmq_farm_free(&outcome);
  check_is(shmq_farm_next(farm, &outcome, PATIENCE), -ENOENT);
  end_farm(farm);
}

Test(tasks, next_brings_them_in_the_order_in_which_they_ended) {
  struct shmq_farm_outcome outcome;
  shmq_farm_ticket tickets[100];
  shmq_farm *farm = start_farm(NULL, 1);
  for (int i = 0; i < 100; i++)
    tickets[i] = submit_number(farm, "square", i);
  for (int i = 0; i < 100; i++) {
    check_is(shmq_farm_next(farm, &outcome, PATIENCE), 0);
    check_is(outcome.ticket, tickets[i]);
    check_is(outcome_number(&outcome), i * i);
  }
  end_farm(farm);
}

/* ---- map ---- */

enum { MANY = 3000 };

static int64_t numbers[MANY];
static struct iovec arguments[MANY];
static struct shmq_farm_outcome outcomes[MANY];

static void fill_arguments(void) {
  for (int i = 0; i < MANY; i++) {
    numbers[i] = i;
    arguments[i] = (struct iovec){.iov_base = &numbers[i], .iov_len = sizeof numbers[i]};
  }
}

static void check_squares(void) {
  for (int64_t i = 0; i < MANY; i++)
    check_is(outcome_number(&outcomes[i]), i * i);
}

Test(tasks, map_keeps_the_order) {
  shmq_farm *farm = start_farm(NULL, 3);
  fill_arguments();
  check_is(shmq_farm_map(farm, "square", arguments, MANY, outcomes, PATIENCE), 0);
  check_squares();
  check_is(stage->runs, MANY);
  check_is(shmq_farm_map(farm, "square", NULL, 0, NULL, SHMQ_NOWAIT), 0);
  end_farm(farm);
}

Test(tasks, map_gets_by_with_few_tickets_and_little_room) {
  struct shmq_farm_options options = default_farm_options();
  options.max_tickets = 7;
  options.max_waiting = 3;
  shmq_farm *farm = start_farm(&options, 3);
  fill_arguments();
  check_is(shmq_farm_map(farm, "square", arguments, MANY, outcomes, PATIENCE), 0);
  check_squares();
  end_farm(farm);
}

Test(tasks, map_leaves_the_other_tickets_alone) {
  struct shmq_farm_outcome outcome;
  shmq_farm *farm = start_farm(NULL, 2);
  fill_arguments();
  const shmq_farm_ticket ticket = submit_number(farm, "square", 9);
  check_is(shmq_farm_map(farm, "square", arguments, MANY, outcomes, PATIENCE), 0);
  check_squares();
  check_is(shmq_farm_next(farm, &outcome, PATIENCE), 0);
  check_is(outcome.ticket, ticket);
  check_is(outcome_number(&outcome), 81);
  end_farm(farm);
}

Test(tasks, map_that_runs_out_of_time_takes_back_what_has_not_begun) {
  struct shmq_farm_outcome outcome;
  shmq_farm *farm = start_farm(NULL, 1);
  fill_arguments();
  check_is(shmq_farm_map(farm, "gate", arguments, 50, outcomes, 50 * MS), -ETIMEDOUT);
  check_is(shmq_farm_next(farm, &outcome, SHMQ_NOWAIT), -ENOENT);
  stage->open = 50;
  check_is(ask(farm, "square", 3), 9);
  check_at_most(stage->runs, 2);
  end_farm(farm);
}

Test(tasks, map_with_one_argument_too_large) {
  static char large[5000];
  struct iovec some[3] = {{large, 1}, {large, sizeof large}, {large, 1}};
  shmq_farm *farm = start_farm(NULL, 1);
  check_is(shmq_farm_map(farm, "echo", some, 3, outcomes, PATIENCE), -EMSGSIZE);
  end_farm(farm);
}
