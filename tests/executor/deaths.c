/* SPDX-License-Identifier: Apache-2.0 */
/* Workers, supervisors and programs that are killed. */
#include <sys/wait.h>

#include "farms.h"

SUITE(deaths);

static void check_killed_by(int number) {
  shmq_farm *farm = start_farm(NULL, 2);
  struct shmq_farm_outcome outcome = outcome_of(farm, submit_number(farm, "die", number));
  check_is(outcome.signal, number);
  check_is(outcome.attempt, 3);
  check_failed(&outcome, -EOWNERDEAD, strsignal(number));
  check_is(stage->runs, 3);
  check_is(ask(farm, "square", 3), 9);
  end_farm(farm);
}

Test(deaths, killed_worker) {
  check_killed_by(SIGKILL);
}

Test(deaths, crashed_worker) {
  check_killed_by(SIGSEGV);
}

Test(deaths, aborted_worker) {
  check_killed_by(SIGABRT);
}

Test(deaths, worker_that_leaves) {
  shmq_farm *farm = start_farm(NULL, 1);
  struct shmq_farm_outcome outcome = outcome_of(farm, submit_number(farm, "leave", 7));
  check_is(outcome.signal, 0);
  check_failed(&outcome, -EOWNERDEAD, "exit status 7");
  outcome = outcome_of(farm, submit_number(farm, "leave", 0));
  check_failed(&outcome, -EOWNERDEAD, "exit status 0");
  check_is(stage->runs, 6);
  end_farm(farm);
}

Test(deaths, only_attempt) {
  struct shmq_farm_options options = default_farm_options();
  options.max_attempts = 1;
  shmq_farm *farm = start_farm(&options, 2);
  for (int i = 0; i < 20; i++) {
    struct shmq_farm_outcome outcome = outcome_of(farm, submit_number(farm, "die", SIGKILL));
    check_is(outcome.signal, SIGKILL);
    check_is(outcome.attempt, 1);
    shmq_farm_free(&outcome);
  }
  check_is(stage->runs, 20);
  end_farm(farm);
}

Test(deaths, second_attempt_succeeds) {
  shmq_farm *farm = start_farm(NULL, 2);
  struct shmq_farm_outcome outcome = outcome_of(farm, submit_number(farm, "die_once", 5));
  check_is(outcome.attempt, 2);
  check_is(outcome.signal, 0);
  check_is(outcome_number(&outcome), 5);
  end_farm(farm);
}

Test(deaths, others_are_done_meanwhile) {
  struct shmq_farm_outcome outcome;
  shmq_farm *farm = start_farm(NULL, 2);
  int64_t failed = 0, sum = 0;
  for (int i = 0; i < 100; i++) {
    submit_number(farm, "square", i);
    if (i % 10 == 0) submit_number(farm, "die", SIGKILL);
  }
  while (shmq_farm_next(farm, &outcome, PATIENCE) == 0) {
    if (outcome.code == 0) sum += argument_number(outcome.data, outcome.size);
    if (outcome.code != 0) failed += outcome.signal == SIGKILL;
    shmq_farm_free(&outcome);
  }
  check_is(failed, 10);
  check_is(sum, 328350);
  end_farm(farm);
}

Test(deaths, supervisor_is_started_anew) {
  shmq_farm *farm = start_farm(NULL, 2);
  for (int i = 0; i < 3; i++) {
    const pid_t supervisor = (pid_t)ask(farm, "supervisor_pid", 0);
    const pid_t worker = (pid_t)ask(farm, "worker_pid", 0);
    const shmq_farm_ticket ticket = submit_number(farm, "gate", i);
    check_becomes(stage->runs >= 2 * i + 1);
    check_is(kill(supervisor, SIGKILL), 0);
    check_becomes(process_is_gone(worker));
    stage->open = i + 1;
    struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
    check_is(outcome.attempt, 2);
    check_is(outcome_number(&outcome), i);
    cr_assert(ask(farm, "supervisor_pid", 0) != supervisor);
  }
  end_farm(farm);
}

/* A program that serves the same farm until it is told to end. */
static int64_t serve(void *unused) {
  shmq_farm *farm = open_farm(NULL);
  (void)unused;
  check_is(shmq_farm_start(farm, 1), 0);
  say(ask(farm, "supervisor_pid", 0));
  listen_to_parent();
  return shmq_farm_close(farm);
}

/* There is always an answer to wait for, and never a pause in which nothing comes. */
Test(deaths, supervisor_is_started_anew_though_others_answer) {
  new_queue_name();
  stage_open();
  struct child other = child_start(serve, NULL);
  const pid_t theirs = (pid_t)child_hear(&other);
  shmq_farm *farm = open_farm(NULL);
  check_is(shmq_farm_start(farm, 1), 0);
  pid_t first = theirs, next;
  check_becomes((first = (pid_t)ask(farm, "supervisor_pid", 0)) != theirs);
  check_is(kill(first, SIGKILL), 0);
  check_becomes((next = (pid_t)ask(farm, "supervisor_pid", 0)) != theirs && next != first);
  child_tell(&other, 0);
  check_is(child_result(&other), 0);
  end_farm(farm);
}

Test(deaths, supervisor_dies_with_the_last_attempt) {
  struct shmq_farm_options options = default_farm_options();
  options.max_attempts = 1;
  shmq_farm *farm = start_farm(&options, 1);
  const pid_t supervisor = (pid_t)ask(farm, "supervisor_pid", 0);
  const shmq_farm_ticket ticket = submit_number(farm, "gate", 0);
  check_becomes(stage->runs == 1);
  check_is(kill(supervisor, SIGKILL), 0);
  struct shmq_farm_outcome outcome = outcome_of(farm, ticket);
  check_is(outcome.signal, 0);
  check_is(outcome.attempt, 1);
  check_failed(&outcome, -EOWNERDEAD, "supervisor");
  check_is(stage->runs, 1);
  end_farm(farm);
}

/* A program that says its worker's and its supervisor's pid, submits three tasks, and stays. */
static int64_t program(void *unused) {
  shmq_farm *farm = open_farm(NULL);
  (void)unused;
  check_is(shmq_farm_start(farm, 1), 0);
  say(ask(farm, "worker_pid", 0));
  say(ask(farm, "supervisor_pid", 0));
  submit_number(farm, "gate", 0);
  submit_number(farm, "square", 1);
  check_is(shmq_farm_submit(farm, "square", "", 0, NULL, PATIENCE), 0);
  say(0);
  stay();
}

Test(deaths, program_dies_and_its_tasks_are_done_by_the_next) {
  char pattern[sizeof queue_name + 32];
  glob_t left;
  new_queue_name();
  stage_open();
  struct child child = child_start(program, NULL);
  const pid_t worker = (pid_t)child_hear(&child), supervisor = (pid_t)child_hear(&child);
  check_is(child_hear(&child), 0);
  check_becomes(stage->runs == 1);
  child_kill(&child);
  check_becomes(process_is_gone(worker) && process_is_gone(supervisor));

  shmq_farm *farm = open_farm(NULL);
  snprintf(pattern, sizeof pattern, "/dev/shm/shmq*.%s.results-*", queue_name);
  check_is(glob(pattern, 0, NULL, &left), GLOB_NOMATCH);
  stage->open = 1;
  check_is(shmq_farm_start(farm, 1), 0);
  check_is(ask(farm, "square", 5), 25);
  check_becomes(stage->runs == 5);
  end_farm(farm);
}

Test(deaths, left_overs_of_the_living_stay) {
  new_queue_name();
  stage_open();
  struct child child = child_start(program, NULL);
  for (int i = 0; i < 3; i++)
    child_hear(&child);
  shmq_farm *farm = open_farm(NULL), *third = open_farm(NULL);
  char pattern[sizeof queue_name + 32];
  glob_t there;
  snprintf(pattern, sizeof pattern, "/dev/shm/shmq*.%s.results-*", queue_name);
  check_is(glob(pattern, 0, NULL, &there), 0);
  check_is(there.gl_pathc, 2);
  globfree(&there);
  child_kill(&child);
  check_is(shmq_farm_close(third), 0);
  end_farm(farm);
}

/* ---- Tasks that nobody asks for ---- */

Test(deaths, poison_that_nobody_asks_for_goes_to_the_dead_queue) {
  const int64_t number = SIGKILL;
  shmq_farm *farm = start_farm(NULL, 2);
  check_is(shmq_farm_submit(farm, "die", &number, sizeof number, NULL, PATIENCE), 0);
  check_is(ask(farm, "square", 2), 4);
  check_becomes(stage->runs == 4);
  shmq *tasks = open_queue();
  check_is(shmq_join(tasks, PATIENCE), 0);
  shmq *dead = open_dead_queue();
  check_is(shmq_qsize(dead), 1);
  check_is(stats_of(tasks).dead_lettered, 1);
  shmq_close(dead);
  shmq_close(tasks);
  new_queue_name();
  shmq_farm_close(farm);
}

Test(deaths, items_that_are_no_tasks_go_to_the_dead_queue) {
  shmq_farm *farm = start_farm(NULL, 1);
  shmq *tasks = open_queue();
  char item[100];
  memset(item, 'x', sizeof item);
  check_is(shmq_put(tasks, item, sizeof item, PATIENCE), 0);
  check_is(shmq_put(tasks, item, 3, PATIENCE), 0);
  check_is(ask(farm, "square", 2), 4);
  check_is(shmq_join(tasks, PATIENCE), 0);
  check_is(stats_of(tasks).dead_lettered, 2);
  shmq_close(tasks);
  shmq_farm_close(farm);
}

/* ---- Other programs ---- */

static int64_t work_here(void *unused) {
  shmq_farm *farm = open_farm(NULL);
  (void)unused;
  return shmq_farm_work(farm, 2);
}

Test(deaths, workers_of_another_program) {
  shmq_farm *farm = make_farm(NULL);
  struct child other = child_start(work_here, NULL);
  check_is(ask(farm, "square", 11), 121);
  cr_assert(ask(farm, "supervisor_pid", 0) != getpid());
  struct shmq_farm_outcome outcome = outcome_of(farm, submit_number(farm, "die", SIGKILL));
  check_is(outcome.signal, SIGKILL);
  shmq_farm_free(&outcome);
  check_is(ask(farm, "square", 12), 144);
  check_is(shmq_farm_shutdown(farm, 0, PATIENCE), 0);
  check_is(child_result(&other), 0);
  end_farm(farm);
}

Test(deaths, poison_between_two_programs) {
  struct shmq_farm_options options = default_farm_options();
  options.max_attempts = 2;
  shmq_farm *farm = start_farm(&options, 2);
  struct child other = child_start(work_here, NULL);
  for (int i = 0; i < 20; i++) {
    struct shmq_farm_outcome outcome = outcome_of(farm, submit_number(farm, "die", SIGKILL));
    check_is(outcome.signal, SIGKILL);
    check_is(outcome.attempt, 2);
    shmq_farm_free(&outcome);
  }
  check_is(stage->runs, 40);
  check_is(shmq_farm_shutdown(farm, 0, PATIENCE), 0);
  check_is(child_result(&other), 0);
  end_farm(farm);
}

/* ---- The program's own affairs ---- */

static _Atomic int signals_seen;

static void count_signal(int number) {
  (void)number;
  signals_seen++;
}

static int64_t end_with_5(void *unused) {
  (void)unused;
  return 5;
}

Test(deaths, other_children_of_the_program_are_its_own) {
  shmq_farm *farm = start_farm(NULL, 2);
  signal(SIGCHLD, count_signal);
  struct child child = child_start(end_with_5, NULL);
  struct shmq_farm_outcome outcome = outcome_of(farm, submit_number(farm, "die", SIGKILL));
  shmq_farm_free(&outcome);
  check_is(child_result(&child), 5);
  check_is(signals_seen, 1);
  cr_assert(signal(SIGCHLD, SIG_DFL) == count_signal);
  end_farm(farm);
}

Test(deaths, program_that_ignores_its_children) {
  signal(SIGCHLD, SIG_IGN);
  shmq_farm *farm = start_farm(NULL, 1);
  struct shmq_farm_outcome outcome = outcome_of(farm, submit_number(farm, "die", SIGTERM));
  check_is(outcome.signal, SIGTERM);
  shmq_farm_free(&outcome);
  check_is(kill((pid_t)ask(farm, "supervisor_pid", 0), SIGKILL), 0);
  check_is(ask(farm, "square", 3), 9);
  check_is(shmq_farm_shutdown(farm, 0, PATIENCE), 0);
  end_farm(farm);
}

Test(deaths, program_that_reaps_the_supervisor) {
  shmq_farm *farm = start_farm(NULL, 1);
  const pid_t supervisor = (pid_t)ask(farm, "supervisor_pid", 0);
  check_is(kill(supervisor, SIGKILL), 0);
  check_is(wait(NULL), supervisor);
  check_is(ask(farm, "square", 3), 9);
  end_farm(farm);
}

Test(deaths, interrupt_from_the_terminal_is_the_programs_affair) {
  shmq_farm *farm = start_farm(NULL, 1);
  const pid_t supervisor = (pid_t)ask(farm, "supervisor_pid", 0);
  const pid_t worker = (pid_t)ask(farm, "worker_pid", 0);
  check_is(kill(supervisor, SIGINT), 0);
  check_is(kill(worker, SIGINT), 0);
  check_is(ask(farm, "worker_pid", 0), worker);
  end_farm(farm);
}
