/* SPDX-License-Identifier: Apache-2.0 */
/* P10: it asks nothing of its users: threads, forks and quick processes come and go as they like.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "check.h"

SUITE(p10_asks_nothing);

/* ---- Threads ------------------------------------------------------------------------------------
 */

enum { THREADS = 4, ITEMS_EACH = 20000 };

static void *put_share(void *queue) {
  return (void *)(intptr_t)put_numbers(queue, 0, ITEMS_EACH);
}

static void *sum_up(void *queue) {
  int64_t sum = 0, number;
  while ((number = get_number(queue, PATIENCE)) >= 0) {
    sum += number;
    if (shmq_task_done(queue)) return (void *)-1;
  }
  return (void *)(number == -ESHUTDOWN ? sum : number);
}

Test(p10_asks_nothing, threads_share_a_handle) {
  struct shmq_options options = default_options();
  pthread_t producers[THREADS], consumers[THREADS];
  void *result;
  int64_t sum = 0;
  options.capacity = 4096;
  options.item_max = 64;
  shmq *queue = make_queue(&options);
  for (int i = 0; i < THREADS; i++) {
    pthread_create(&producers[i], NULL, put_share, queue);
    pthread_create(&consumers[i], NULL, sum_up, queue);
  }
  for (int i = 0; i < THREADS; i++) {
    pthread_join(producers[i], &result);
    check_is((intptr_t)result, 0);
  }
  check_is(shmq_join(queue, PATIENCE), 0);
  check_is(shmq_shutdown(queue, 0), 0);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(consumers[i], &result);
    check_at_least((intptr_t)result, 0);
    sum += (intptr_t)result;
  }
  check_is(sum, (int64_t)THREADS * ITEMS_EACH * (ITEMS_EACH - 1) / 2);
  check_at_rest(queue);
}

static void *put_one(void *queue) {
  return (void *)(intptr_t)put_number(queue, 1);
}

static void *get_one(void *queue) {
  return (void *)(intptr_t)get_number(queue, PATIENCE);
}

static int64_t run_thread(void *(*run)(void *), shmq *queue) {
  pthread_t thread;
  void *result;
  pthread_create(&thread, NULL, run, queue);
  pthread_join(thread, &result);
  return (intptr_t)result;
}

Test(p10_asks_nothing, threads_that_end_give_their_slots_back) {
  struct shmq_options options = default_options();
  options.max_threads = 2;
  shmq *queue = make_queue(&options);
  for (int i = 0; i < 2500; i++) {
    check_is(run_thread(put_one, queue), 0);
    check_is(run_thread(get_one, queue), 1);
    check_is(shmq_task_done(queue), 0);
  }
  check_at_rest(queue);
}

Test(p10_asks_nothing, closed_handles_leave_nothing_to_threads_that_end) {
  pthread_t thread;
  void *result;
  for (int i = 0; i < 50; i++) {
    shmq *queue = make_queue(NULL);
    pthread_create(&thread, NULL, put_one, queue);
    pthread_join(thread, &result);
    check_is((intptr_t)result, 0);
    check_is(get_number(queue, SHMQ_NOWAIT), 1);
    check_is(shmq_close(queue), 0);
    check_is(shmq_unlink(queue_name), 0);
  }
}

struct outlived {
  shmq *queue;
  pthread_barrier_t used, closed;
};

static void *end_after_close(void *given) {
  struct outlived *outlived = given;
  const intptr_t error = put_number(outlived->queue, 1);
  pthread_barrier_wait(&outlived->used);
  pthread_barrier_wait(&outlived->closed);
  return (void *)error;
}

Test(p10_asks_nothing, thread_may_end_after_the_handle_was_closed) {
  struct outlived outlived = {.queue = make_queue(NULL)};
  pthread_t thread;
  void *result;
  pthread_barrier_init(&outlived.used, NULL, 2);
  pthread_barrier_init(&outlived.closed, NULL, 2);
  pthread_create(&thread, NULL, end_after_close, &outlived);
  pthread_barrier_wait(&outlived.used);
  check_is(shmq_close(outlived.queue), 0);
  shmq *queue = open_queue();
  pthread_barrier_wait(&outlived.closed);
  pthread_join(thread, &result);
  check_is((intptr_t)result, 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 1);
  check_sound(queue);
}

static void *get_when_slots_are_used_up(void *queue) {
  return (void *)(intptr_t)get_number(queue, SHMQ_NOWAIT);
}

Test(p10_asks_nothing, no_thread_slot_left_is_an_error_not_a_hang) {
  struct shmq_options options = default_options();
  options.max_threads = 1;
  shmq *queue = make_queue(&options);
  check_is(put_number(queue, 1), 0);
  check_is(run_thread(get_when_slots_are_used_up, queue), -EUSERS);
  check_is(run_thread(put_one, queue), -EUSERS);
  check_is(get_number(queue, SHMQ_NOWAIT), 1);
}

/* ---- Processes ----------------------------------------------------------------------------------
 */

static int64_t open_and_stay(void *unused) {
  shmq *queue = NULL;
  (void)unused;
  say(shmq_open(&queue, queue_name));
  stay();
}

Test(p10_asks_nothing, no_process_slot_left_is_an_error_until_one_dies) {
  struct shmq_options options = default_options();
  options.max_processes = 3;
  shmq *queue = make_queue(&options);
  struct child first = child_start(open_and_stay, NULL), second = child_start(open_and_stay, NULL);
  check_is(child_hear(&first), 0);
  check_is(child_hear(&second), 0);
  struct child third = child_start(open_and_stay, NULL);
  check_is(child_hear(&third), -EUSERS);
  child_kill(&first);
  struct child fourth = child_start(open_and_stay, NULL);
  check_is(child_hear(&fourth), 0);
  check_is(stats_of(queue).processes, 3);
}

static int64_t take_one_and_die(void *unused) {
  struct shmq_lease lease;
  shmq *queue = open_queue();
  (void)unused;
  if (take_number(queue, &lease, PATIENCE) < 0) _exit(1);
  _exit(0);
}

static uint64_t thread_slots_in_use(shmq *queue) {
  struct shmq_process processes[16];
  const ssize_t n = shmq_processes(queue, processes, 16);
  uint64_t threads = 0;
  for (ssize_t i = 0; i < n && i < 16; i++)
    threads += processes[i].threads;
  return threads;
}

Test(p10_asks_nothing, two_hundred_quick_processes_leave_nothing_behind) {
  enum { QUICK = 200, AT_ONCE = 10 };
  struct shmq_options options = default_options();
  struct child quick[AT_ONCE];
  struct shmq_lease lease;
  bool seen[QUICK] = {false};
  options.max_processes = AT_ONCE + 1;
  options.max_threads = AT_ONCE + 1;
  options.max_leases = AT_ONCE + 1;
  shmq *queue = make_queue(&options);
  check_is(put_numbers(queue, 0, QUICK), 0);
  for (int round = 0; round < QUICK / AT_ONCE; round++) {
    for (int i = 0; i < AT_ONCE; i++)
      quick[i] = child_start(take_one_and_die, NULL);
    for (int i = 0; i < AT_ONCE; i++)
      check_is(child_status(&quick[i]), 0);
  }
  shmq_recover(queue);
  const struct shmq_stats stats = stats_of(queue);
  check_is(stats.processes, 1);
  check_is(stats.leased, 0);
  check_is(stats.qsize, QUICK);
  check_is(thread_slots_in_use(queue), 1);
  for (int i = 0; i < QUICK; i++) {
    const int64_t number = take_number(queue, &lease, SHMQ_NOWAIT);
    cr_assert(number >= 0 && number < QUICK && !seen[number]);
    seen[number] = true;
    check_is(shmq_done(queue, &lease), 0);
  }
  check_at_rest(queue);
}

static int64_t take_and_be_killed(void *unused) {
  struct shmq_lease lease;
  (void)unused;
  say(take_number(open_queue(), &lease, PATIENCE));
  stay();
}

Test(p10_asks_nothing, killed_processes_never_use_up_the_slots) {
  struct shmq_options options = default_options();
  options.max_processes = options.max_threads = options.max_leases = 2;
  shmq *queue = make_queue(&options);
  check_is(put_number(queue, 7), 0);
  for (int i = 0; i < 100; i++) {
    struct child taker = child_start(take_and_be_killed, NULL);
    check_is(child_hear(&taker), 7);
    child_kill(&taker);
  }
}

static int64_t leave_without_close(void *unused) {
  (void)unused;
  return put_number(open_queue(), 7);
}

Test(p10_asks_nothing, process_may_end_without_close) {
  shmq *queue = make_queue(NULL);
  struct child child = child_start(leave_without_close, NULL);
  check_is(child_result(&child), 0);
  check_is(shmq_recover(queue), 1);
  check_is(stats_of(queue).processes, 1);
  check_is(get_number(queue, SHMQ_NOWAIT), 7);
}

/* All slots are the dead's, and some come at a time: one cleans up, the others find nothing left to
   clean up. */
Test(p10_asks_nothing, newcomers_at_once_get_the_slots_of_the_dead) {
  enum { SLOTS = 4 };
  struct shmq_options options = default_options();
  struct child newcomers[SLOTS];
  options.max_processes = options.max_threads = SLOTS;
  shmq_close(make_queue(&options)); /* this process takes none */
  for (int round = 0; round < 100; round++) {
    for (int i = 0; i < SLOTS; i++)
      newcomers[i] = child_start(leave_without_close, NULL);
    for (int i = 0; i < SLOTS; i++)
      check_is(child_result(&newcomers[i]), 0);
  }
}

/* ---- fork ---------------------------------------------------------------------------------------
 */

static int64_t use_inherited_handle(void *queue) {
  struct shmq_lease lease;
  if (get_number(queue, SHMQ_NOWAIT) != 0) return -1;
  if (shmq_task_done(queue)) return -2;
  if (take_number(queue, &lease, SHMQ_NOWAIT) != 1) return -3;
  if (shmq_done(queue, &lease)) return -4;
  if (put_number(queue, 2)) return -5;
  return stats_of(queue).processes;
}

Test(p10_asks_nothing, child_uses_the_handle_it_inherited) {
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 2), 0);
  struct child child = child_start(use_inherited_handle, queue);
  check_is(child_result(&child), 2);
  check_is(get_number(queue, SHMQ_NOWAIT), 2);
  check_is(shmq_task_done(queue), 0);
  cr_assert(shmq_recover(queue) >= 0); /* the get may have looked for the dead */
  check_is(stats_of(queue).processes, 1);
  check_at_rest(queue);
}

struct inheritance {
  shmq *queue;
  struct shmq_lease lease;
};

static int64_t use_lease_of_parent(void *given) {
  struct inheritance *inherited = given;
  if (shmq_done(inherited->queue, &inherited->lease) != -ESTALE) return 1;
  if (shmq_give_back(inherited->queue, &inherited->lease) != -ESTALE) return 2;
  if (shmq_touch(inherited->queue, &inherited->lease) != -ESTALE) return 3;
  return shmq_task_done(inherited->queue) != -EINVAL ? 4 : 0;
}

Test(p10_asks_nothing, child_holds_nothing_of_its_parent_s) {
  struct inheritance given = {make_queue(NULL), {0}};
  check_is(put_numbers(given.queue, 0, 2), 0);
  check_is(take_number(given.queue, &given.lease, SHMQ_NOWAIT), 0);
  check_is(get_number(given.queue, SHMQ_NOWAIT), 1);
  struct child child = child_start(use_lease_of_parent, &given);
  check_is(child_result(&child), 0);
  check_is(shmq_recover(given.queue), 1);
  check_is(shmq_done(given.queue, &given.lease), 0);
  check_is(shmq_task_done(given.queue), 0);
  check_at_rest(given.queue);
}

static int64_t close_inherited_handle(void *queue) {
  return shmq_close(queue);
}

Test(p10_asks_nothing, child_that_closes_the_handle_does_not_close_its_parent_s) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 2), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 0);
  struct child child = child_start(close_inherited_handle, queue);
  check_is(child_result(&child), 0);
  check_is(shmq_recover(queue), 0);
  check_is(shmq_done(queue, &lease), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 1);
}

static int64_t child_of_child(void *queue) {
  const int error = put_number(queue, 2);
  return error ? error : getpid();
}

static int64_t fork_again(void *queue) {
  int error = put_number(queue, 1);
  struct child child = child_start(child_of_child, queue);
  say(child_result(&child) > 0 ? 0 : -1);
  return error;
}

Test(p10_asks_nothing, handle_survives_two_forks) {
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 0), 0);
  struct child child = child_start(fork_again, queue);
  check_is(child_hear(&child), 0);
  check_is(child_result(&child), 0);
  for (int64_t i = 0; i < 3; i++)
    check_is(get_number(queue, SHMQ_NOWAIT), i);
}

static int64_t take_with_inherited_handle(void *queue) {
  struct shmq_lease lease;
  say(take_number(queue, &lease, PATIENCE));
  stay();
}

Test(p10_asks_nothing, death_of_a_child_that_inherited_the_handle_is_noticed) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 7), 0);
  struct child child = child_start(take_with_inherited_handle, queue);
  check_is(child_hear(&child), 7);
  child_kill(&child);
  check_is(take_number(queue, &lease, PATIENCE), 7);
  check_is(lease.attempt, 2);
}

struct bustle {
  shmq *queue;
  _Atomic bool over;
};

static void *bustle_about(void *given) {
  struct bustle *bustle = given;
  struct shmq_lease lease;
  while (!bustle->over) {
    put_number(bustle->queue, 1);
    if (take_number(bustle->queue, &lease, SHMQ_NOWAIT) > 0) shmq_done(bustle->queue, &lease);
  }
  return NULL;
}

static int64_t use_handle_of_busy_parent(void *queue) {
  struct shmq_lease lease;
  const int error = put_number(queue, 1);
  if (error) return error;
  return take_number(queue, &lease, PATIENCE) > 0 ? shmq_done(queue, &lease) : -EIO;
}

Test(p10_asks_nothing, fork_while_other_threads_are_inside_calls) {
  struct bustle bustle = {.queue = make_queue(NULL)};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    pthread_create(&threads[i], NULL, bustle_about, &bustle);
  for (int i = 0; i < 200; i++) {
    struct child child = child_start(use_handle_of_busy_parent, bustle.queue);
    check_is(child_result(&child), 0);
  }
  bustle.over = true;
  for (int i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
  check_sound(bustle.queue);
}

Test(p10_asks_nothing, two_handles_of_one_process_are_two_users) {
  struct shmq_lease lease;
  shmq *first = make_queue(NULL), *second = open_queue();
  check_is(put_number(first, 7), 0);
  check_is(take_number(first, &lease, SHMQ_NOWAIT), 7);
  check_is(stats_of(first).processes, 2);
  check_is(shmq_close(second), 0);
  check_is(shmq_recover(first), 0);
  check_is(shmq_done(first, &lease), 0);
  check_is(stats_of(first).processes, 1);
}
