/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, registering, starting; stopping, shutting down, closing. */
#include "farms.h"

SUITE(ends);

Test(ends, bad_calls) {
  struct shmq_farm_options options = default_farm_options();
  shmq_farm_ticket ticket;
  shmq_farm *farm = make_farm(NULL), *other;
  check_is(shmq_farm_open(&other, "", NULL), -EINVAL);
  check_is(shmq_farm_open(&other, NULL, NULL), -EINVAL);
  options.max_attempts = 0;
  check_is(shmq_farm_open(&other, queue_name, &options), -EINVAL);
  check_is(shmq_farm_register(farm, "", echo), -EINVAL);
  check_is(shmq_farm_register(farm, "a name of more than thirty-five bytes", echo), -EINVAL);
  check_is(shmq_farm_register(farm, "echo", echo), -EEXIST);
  check_is(shmq_farm_submit(farm, "", "", 0, &ticket, PATIENCE), -EINVAL);
  check_is(shmq_farm_start(farm, 257), -EINVAL);
  check_is(shmq_farm_start(farm, 1), 0);
  check_is(shmq_farm_start(farm, 1), -EBUSY);
  check_is(shmq_farm_register(farm, "more", echo), -EBUSY);
  check_is(shmq_farm_shutdown(farm, 77, PATIENCE), -EINVAL);
  check_is(shmq_farm_close(NULL), 0);
  check_is(shmq_farm_unlink("test-no-such-farm"), -ENOENT);
  end_farm(farm);
}

Test(ends, queue_that_is_too_small_for_tasks) {
  struct shmq_options options = default_options();
  shmq_farm *farm;
  options.item_max = 32;
  shmq *queue = make_queue(&options);
  check_is(shmq_farm_open(&farm, queue_name, NULL), -EPROTO);
  shmq_close(queue);
}

Test(ends, first_to_open_decides_for_all) {
  struct shmq_farm_options options = default_farm_options();
  shmq_farm_ticket ticket;
  options.argument_max = 10;
  options.max_workers = 2;
  shmq_farm *farm = make_farm(&options), *other = open_farm(NULL);
  check_is(shmq_farm_submit(other, "echo", "0123456789a", 11, &ticket, SHMQ_NOWAIT), -EMSGSIZE);
  check_is(shmq_farm_start(other, 3), -EINVAL);
  check_is(shmq_farm_close(other), 0);
  end_farm(farm);
}

Test(ends, tasks_may_be_submitted_before_there_are_workers) {
  shmq_farm *farm = make_farm(NULL);
  const shmq_farm_ticket ticket = submit_number(farm, "square", 5);
  check_is(shmq_farm_start(farm, 0), 0);
  struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
  check_is(outcome_number(&outcome), 25);
  end_farm(farm);
}

Test(ends, shutdown_finishes_what_waits) {
  struct shmq_farm_outcome outcome;
  shmq_farm_ticket ticket;
  shmq_farm *farm = start_farm(NULL, 2);
  for (int64_t i = 0; i < 200; i++)
    submit_number(farm, "square", i);
  check_is(shmq_farm_shutdown(farm, 0, PATIENCE), 0);
  check_is(stage->runs, 200);
  check_is(shmq_farm_submit(farm, "square", "", 0, &ticket, PATIENCE), -ESHUTDOWN);
  int64_t sum = 0;
  while (shmq_farm_next(farm, &outcome, SHMQ_NOWAIT) == 0)
    sum += outcome_number(&outcome);
  check_is(sum, 2646700);
  check_is(shmq_farm_shutdown(farm, 0, SHMQ_NOWAIT), 0);
  end_farm(farm);
}

Test(ends, shutdown_without_waiting) {
  shmq_farm *farm = start_farm(NULL, 1);
  const shmq_farm_ticket ticket = submit_number(farm, "gate", 0);
  check_is(shmq_farm_shutdown(farm, 0, SHMQ_NOWAIT), -EAGAIN);
  check_is(shmq_farm_shutdown(farm, 0, 20 * MS), -ETIMEDOUT);
  stage->open = 1;
  struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
  check_is(outcome_number(&outcome), 0);
  check_is(shmq_farm_shutdown(farm, 0, PATIENCE), 0);
  end_farm(farm);
}

Test(ends, shutdown_now_discards_what_waits) {
  shmq_farm *farm = start_farm(NULL, 1);
  const shmq_farm_ticket begun = submit_number(farm, "gate", 0);
  check_becomes(stage->runs == 1);
  const shmq_farm_ticket waiting = submit_number(farm, "gate", 0);
  check_is(shmq_farm_shutdown(farm, SHMQ_NOW, SHMQ_NOWAIT), -EAGAIN);
  stage->open = 1;
  struct shmq_farm_outcome outcome = outcome_of(farm, begun);
  check_is(outcome_number(&outcome), 0);
  outcome = outcome_of(farm, waiting);
  check_is(outcome.attempt, 0);
  check_failed(&outcome, -ECANCELED, "discarded");
  check_is(stage->runs, 1);
  check_is(shmq_farm_shutdown(farm, 0, PATIENCE), 0);
  end_farm(farm);
}

Test(ends, poison_at_the_end_is_given_up) {
  shmq_farm *farm = start_farm(NULL, 2);
  const shmq_farm_ticket ticket = submit_number(farm, "die", SIGKILL);
  check_is(shmq_farm_shutdown(farm, 0, PATIENCE), 0);
  struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
  check_is(outcome.signal, SIGKILL);
  shmq_farm_free(&outcome);
  check_is(stage->runs, 3);
  end_farm(farm);
}

Test(ends, task_that_somebody_drained) {
  struct shmq_lease lease;
  shmq_farm *farm = make_farm(NULL);
  const shmq_farm_ticket ticket = submit_number(farm, "square", 1);
  shmq *tasks = open_queue();
  check_is(shmq_take(tasks, &lease, SHMQ_NOWAIT), 0);
  check_is(shmq_done(tasks, &lease), 0);
  struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
  check_failed(&outcome, -ECANCELED, "discarded");
  shmq_close(tasks);
  end_farm(farm);
}

Test(ends, stopped_workers_finish_what_they_have) {
  shmq_farm *farm = start_farm(NULL, 1);
  const shmq_farm_ticket ticket = submit_number(farm, "gate", 0);
  check_becomes(stage->runs == 1);
  const shmq_farm_ticket later = submit_number(farm, "square", 3);
  check_is(shmq_farm_stop(farm, 20 * MS), -ETIMEDOUT);
  stage->open = 1;
  check_is(shmq_farm_stop(farm, PATIENCE), 0);
  check_is(stage->runs, 1);
  struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
  check_is(outcome_number(&outcome), 0);
  check_is(shmq_farm_start(farm, 2), 0);
  outcome = outcome_of(farm, later);
  check_is(outcome_number(&outcome), 9);
  end_farm(farm);
}

Test(ends, close_kills_what_is_not_finished) {
  shmq_farm *farm = start_farm(NULL, 1);
  const pid_t worker = (pid_t)ask(farm, "worker_pid", 0);
  submit_number(farm, "gate", 0);
  check_becomes(stage->runs == 1);
  check_is(shmq_farm_close(farm), 0);
  check_becomes(process_is_gone(worker));
  farm = open_farm(NULL);
  stage->open = 1;
  check_is(shmq_farm_start(farm, 1), 0);
  check_is(ask(farm, "square", 3), 9);
  check_is(stage->runs, 3);
  end_farm(farm);
}

static int64_t use_parents_handle(void *farm) {
  shmq_farm_ticket ticket;
  struct shmq_farm_outcome outcome;
  check_is(shmq_farm_submit(farm, "square", "", 0, &ticket, SHMQ_NOWAIT), -EPERM);
  check_is(shmq_farm_next(farm, &outcome, SHMQ_NOWAIT), -EPERM);
  check_is(shmq_farm_start(farm, 1), -EPERM);
  check_is(shmq_farm_stop(farm, SHMQ_NOWAIT), -EPERM);
  check_is(shmq_farm_shutdown(farm, 0, SHMQ_NOWAIT), -EPERM);
  return shmq_farm_close(farm);
}

Test(ends, handle_of_the_parent) {
  shmq_farm *farm = start_farm(NULL, 1);
  struct child child = child_start(use_parents_handle, farm);
  check_is(child_result(&child), -EPERM);
  check_is(ask(farm, "square", 3), 9);
  end_farm(farm);
}

/* A task that submits tasks opens the farm for itself. */
static ssize_t sum_of_squares(const void *argument, size_t size, void *result, size_t room) {
  const int64_t n = argument_number(argument, size);
  int64_t sum = 0;
  shmq_farm *farm;
  (void)room;
  if (shmq_farm_open(&farm, queue_name, NULL)) return -EIO;
  for (int64_t i = 0; i < n; i++)
    sum += ask(farm, "square", i);
  shmq_farm_close(farm);
  return return_number(result, sum);
}

Test(ends, tasks_submit_tasks) {
  shmq_farm *farm = make_farm(NULL);
  check_is(shmq_farm_register(farm, "sum_of_squares", sum_of_squares), 0);
  check_is(shmq_farm_start(farm, 2), 0);
  check_is(ask(farm, "sum_of_squares", 10), 285);
  end_farm(farm);
}

enum { SUBMITTERS = 12 };

Test(ends, many_submitters) {
  shmq_farm *farms[SUBMITTERS];
  farms[0] = start_farm(NULL, 2);
  for (int i = 1; i < SUBMITTERS; i++)
    farms[i] = open_farm(NULL);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < SUBMITTERS; i++)
      check_is(ask(farms[i], "square", i), i * i);
  }
  for (int i = 1; i < SUBMITTERS; i++)
    check_is(shmq_farm_close(farms[i]), 0);
  end_farm(farms[0]);
}
