/* SPDX-License-Identifier: Apache-2.0 */
/* P1, P2, P3: processes killed at any instruction; nobody hangs, nothing is lost or invented. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

SUITE(p1_nobody_hangs);
SUITE(p2_nothing_lost);
SUITE(p3_nothing_invented);

enum { ROUNDS = 300 };

/* A queue so small that it is full and empty all the time. */
static shmq *make_small_queue(void) {
  struct shmq_options options = default_options();
  options.capacity = 4096;
  options.item_max = 1024;
  options.max_leases = 4;
  return make_queue(&options);
}

/* Kill a child up to a millisecond from now. */
static void kill_soon(const struct child *child, struct chance *chance) {
  const shmq_ns end = now() + (shmq_ns)chance_below(chance, 1000) * US;
  while (now() < end)
    continue;
  child_kill(child);
}

/* ---- P1 -----------------------------------------------------------------------------------------
 */

_Noreturn static int64_t use_everything(void *unused) {
  struct shmq_lease leases[3];
  int64_t number;
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  for (int64_t i = 0;; i++) {
    shmq_put(queue, &i, sizeof i, SHMQ_NOWAIT);
    shmq_put(queue, &i, sizeof i, SHMQ_NOWAIT);
    if (shmq_take(queue, &leases[0], SHMQ_NOWAIT) == 0)
      i % 2 ? shmq_done(queue, &leases[0]) : shmq_give_back(queue, &leases[0]);
    if (shmq_get(queue, &number, sizeof number, SHMQ_NOWAIT) > 0) shmq_task_done(queue);
    const ssize_t taken = shmq_take_many(queue, leases, 3, SHMQ_NOWAIT);
    for (ssize_t k = 0; k < taken; k++)
      shmq_done(queue, &leases[k]);
  }
}

/* Whoever is left can do everything at once. */
static void check_usable(shmq *queue) {
  struct shmq_lease lease;
  int64_t number;
  while (shmq_get(queue, &number, sizeof number, SHMQ_NOWAIT) >= 0)
    shmq_task_done(queue);
  check_is(put_number(queue, 1), 0);
  check_is(put_number(queue, 2), 0);
  check_is(shmq_get(queue, &number, sizeof number, PATIENCE), sizeof number);
  check_is(shmq_task_done(queue), 0);
  check_is(shmq_take(queue, &lease, PATIENCE), 0);
  check_is(shmq_done(queue, &lease), 0);
}

Test(p1_nobody_hangs, process_killed_inside_any_call) {
  struct chance chance = chance_begin();
  shmq *queue = make_small_queue();
  for (int round = 0; round < ROUNDS; round++) {
    struct child child = child_start(use_everything, NULL);
    check_is(child_hear(&child), 0);
    kill_soon(&child, &chance);
    check_usable(queue);
    check_sound(queue);
  }
}

/* Alone for long enough that both locks are biased to it. */
_Noreturn static int64_t go_at_full_speed(void *unused) {
  enum { ALONE = 40000 };
  struct shmq_lease lease;
  shmq *queue = open_queue();
  (void)unused;
  for (int64_t i = 0;; i++) {
    if (i == ALONE) say(0);
    shmq_put(queue, &i, sizeof i, SHMQ_FOREVER);
    if (shmq_take(queue, &lease, SHMQ_FOREVER) == 0) shmq_done(queue, &lease);
  }
}

Test(p1_nobody_hangs, process_killed_at_full_speed) {
  struct chance chance = chance_begin();
  shmq *queue = make_small_queue();
  for (int round = 0; round < ROUNDS / 2; round++) {
    struct child child = child_start(go_at_full_speed, NULL);
    check_is(child_hear(&child), 0);
    kill_soon(&child, &chance);
    check_usable(queue);
    check_sound(queue);
  }
}

Test(p1_nobody_hangs, four_processes_killed_at_one_time) {
  enum { CROWD = 4 };
  struct chance chance = chance_begin();
  struct child crowd[CROWD];
  shmq *queue = make_small_queue();
  for (int round = 0; round < ROUNDS / 4; round++) {
    for (int i = 0; i < CROWD; i++)
      crowd[i] = child_start(use_everything, NULL);
    for (int i = 0; i < CROWD; i++)
      check_is(child_hear(&crowd[i]), 0);
    nap((shmq_ns)chance_below(&chance, 1000) * US);
    for (int i = 0; i < CROWD; i++)
      kill_soon(&crowd[i], &chance);
    check_usable(queue);
    check_sound(queue);
  }
}

Test(p1_nobody_hangs, newcomer_goes_on_when_all_were_killed) {
  struct chance chance = chance_begin();
  check_is(shmq_close(make_small_queue()), 0);
  for (int round = 0; round < ROUNDS / 4; round++) {
    struct child child = child_start(use_everything, NULL);
    check_is(child_hear(&child), 0);
    kill_soon(&child, &chance);
    shmq *queue = open_queue();
    check_usable(queue);
    check_sound(queue);
    check_is(shmq_close(queue), 0);
  }
}

_Noreturn static int64_t recover_for_ever(void *unused) {
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  for (;;)
    shmq_recover(queue);
}

Test(p1_nobody_hangs, recoverer_killed_during_recovery) {
  struct chance chance = chance_begin();
  shmq *queue = make_small_queue();
  for (int round = 0; round < ROUNDS; round++) {
    struct child worker = child_start(use_everything, NULL);
    struct child recoverer = child_start(recover_for_ever, NULL);
    check_is(child_hear(&worker), 0);
    check_is(child_hear(&recoverer), 0);
    kill_soon(&worker, &chance);
    kill_soon(&recoverer, &chance);
    check_usable(queue);
    check_sound(queue);
  }
}

static int64_t get_number_said(void *unused) {
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  return get_number(queue, SHMQ_FOREVER);
}

static int64_t put_one_and_stay(void *unused) {
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  shmq_put(queue, "12345678", 8, SHMQ_FOREVER);
  stay();
}

/* The putter dies around its commit: the item that it put must reach the sleeper all the same. */
Test(p1_nobody_hangs, wake_up_owed_by_a_dead_putter_is_collected) {
  struct chance chance = chance_begin();
  shmq *queue = make_small_queue();
  for (int round = 0; round < ROUNDS / 4; round++) {
    struct child getter = child_start(get_number_said, NULL);
    check_is(child_hear(&getter), 0);
    check_becomes(child_sleeps(&getter));
    struct child putter = child_start(put_one_and_stay, NULL);
    check_is(child_hear(&putter), 0);
    const shmq_ns end = now() + (shmq_ns)chance_below(&chance, 100) * 100;
    while (now() < end)
      continue;
    child_kill(&putter);
    if (stats_of(queue).put == (uint64_t)round) check_is(put_number(queue, round), 0);
    check_at_least(child_result(&getter), 0);
    check_is(stats_of(queue).put, round + 1);
  }
}

Test(p1_nobody_hangs, blocked_putter_goes_on_when_the_getter_died) {
  struct chance chance = chance_begin();
  struct shmq_options options = default_options();
  options.maxsize = 1;
  shmq *queue = make_queue(&options);
  for (int round = 0; round < ROUNDS / 4; round++) {
    check_is(put_number(queue, 0), 0);
    struct child putter = child_start(put_one_and_stay, NULL);
    check_is(child_hear(&putter), 0);
    struct child getter = child_start(get_number_said, NULL);
    check_is(child_hear(&getter), 0);
    kill_soon(&getter, &chance);
    get_number(queue, SHMQ_NOWAIT);
    check_becomes(stats_of(queue).put == 2 * (uint64_t)(round + 1));
    child_kill(&putter);
    while (get_number(queue, SHMQ_NOWAIT) >= 0)
      continue;
  }
}

/* ---- P2, P3 -------------------------------------------------------------------------------------
 */

/* What a process had done when it was killed: it writes here, in memory that outlives it. */
static _Atomic int64_t *shared_word(void) {
  void *word = mmap(NULL, sizeof(_Atomic int64_t), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  cr_assert(word != MAP_FAILED);
  return word;
}

static int64_t put_and_count(void *counter) {
  _Atomic int64_t *put = counter;
  shmq *queue = open_queue();
  say(0);
  while (put_number(queue, *put) == 0)
    ++*put;
  return 0;
}

Test(p2_nothing_lost, put_that_returned_is_delivered) {
  struct chance chance = chance_begin();
  _Atomic int64_t *put = shared_word();
  shmq *queue = make_small_queue();
  for (int round = 0; round < ROUNDS; round++) {
    *put = 0;
    struct child producer = child_start(put_and_count, put);
    check_is(child_hear(&producer), 0);
    kill_soon(&producer, &chance);
    int64_t got = 0;
    while (get_number(queue, SHMQ_NOWAIT) == got)
      got++;
    cr_assert(got == *put || got == *put + 1, "%" PRId64 " puts, %" PRId64 " items", *put, got);
    cr_assert(shmq_empty(queue));
  }
}

static int64_t take_and_stay(void *count) {
  struct shmq_lease leases[4];
  say(shmq_take_many(open_queue(), leases, (size_t)(intptr_t)count, PATIENCE));
  stay();
}

Test(p2_nothing_lost, leases_of_the_dead_are_delivered_again) {
  struct shmq_lease lease;
  shmq *queue = make_small_queue();
  check_is(put_numbers(queue, 0, 6), 0);
  struct child taker = child_start(take_and_stay, (void *)4);
  check_is(child_hear(&taker), 4);
  check_is(stats_of(queue).leased, 4);
  child_kill(&taker);
  for (int64_t i = 0; i < 6; i++) {
    check_is(take_number(queue, &lease, PATIENCE), i);
    check_is(lease.attempt, i < 4 ? 2 : 1);
    check_is(shmq_done(queue, &lease), 0);
  }
  check_at_rest(queue);
}

Test(p2_nothing_lost, leases_of_the_dead_reach_a_sleeping_taker) {
  struct shmq_lease lease;
  shmq *queue = make_small_queue();
  check_is(put_number(queue, 7), 0);
  struct child taker = child_start(take_and_stay, (void *)1);
  check_is(child_hear(&taker), 1);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), -EAGAIN);
  struct child waiter = child_start(get_number_said, NULL);
  check_is(child_hear(&waiter), 0);
  check_becomes(child_sleeps(&waiter));
  child_kill(&taker);
  check_is(child_result(&waiter), 7);
}

Test(p2_nothing_lost, zombie_counts_as_dead) {
  struct shmq_lease lease;
  shmq *queue = make_small_queue();
  check_is(put_number(queue, 7), 0);
  struct child taker = child_start(take_and_stay, (void *)1);
  check_is(child_hear(&taker), 1);
  child_kill_unreaped(&taker);
  check_is(take_number(queue, &lease, PATIENCE), 7);
  check_is(lease.attempt, 2);
}

/* The heir outlives its parent, and has all that the parent had open. It ends with the test. */
_Noreturn static void live_on(pid_t parent) {
  while (getppid() == parent)
    nap(MS);
  say(0);
  listen_to_parent();
  _exit(0);
}

static int64_t take_and_leave_an_heir(void *heir_calls) {
  struct shmq_lease lease;
  shmq *queue = open_queue();
  const int64_t number = take_number(queue, &lease, PATIENCE);
  const pid_t parent = getpid();
  int called[2];
  char nothing;
  if (pipe(called)) return -errno;
  if (fork() == 0) {
    if (heir_calls) shmq_put(queue, "12345678", 8, SHMQ_NOWAIT);
    close(called[0]);
    close(called[1]);
    live_on(parent);
  }
  close(called[1]);
  while (read(called[0], &nothing, 1) > 0) /* else the heir's call might clean up after us */
    ;
  say(number);
  stay();
}

static void check_killed_parent_is_dead(bool heir_calls) {
  struct shmq_lease lease;
  shmq *queue = make_small_queue();
  check_is(put_number(queue, 7), 0);
  struct child parent = child_start(take_and_leave_an_heir, heir_calls ? "" : NULL);
  check_is(child_hear(&parent), 7);
  child_kill_unreaped(&parent);
  check_is(child_hear(&parent), 0);
  check_is(shmq_recover(queue), 1);
  check_is(take_number(queue, &lease, PATIENCE), 7);
  check_is(lease.attempt, 2);
}

Test(p2_nothing_lost, killed_parent_is_dead_though_its_children_live) {
  check_killed_parent_is_dead(false);
}

Test(p2_nothing_lost, killed_parent_is_dead_though_its_children_call) {
  check_killed_parent_is_dead(true);
}

/* The heir is made while another thread is opening the queue, or closing it. */
struct helper {
  pthread_t thread;
  _Atomic pid_t tid;
  shmq *queue;
};

/* Returns when it sleeps. */
static void helper_start(struct helper *helper, void *(*run)(void *)) {
  pthread_create(&helper->thread, NULL, run, helper);
  while (helper->tid == 0 || !child_sleeps(&(struct child){.pid = helper->tid}))
    nap(MS);
}

static struct helper opener;
static bool opens_meanwhile;

static void *open_another_handle(void *unused) {
  (void)unused;
  opener.tid = gettid();
  opener.queue = open_queue();
  return NULL;
}

/* Registered before the library's own handler, and so called after it. */
static void open_during_fork(void) {
  if (opens_meanwhile) helper_start(&opener, open_another_handle);
}

static int64_t leave_an_heir_while_opening(void *unused) {
  struct shmq_lease lease;
  const pid_t parent = getpid();
  (void)unused;
  opens_meanwhile = true;
  if (fork() == 0) live_on(parent);
  pthread_join(opener.thread, NULL);
  say(take_number(opener.queue, &lease, PATIENCE));
  stay();
}

Test(p2_nothing_lost, killed_parent_is_dead_though_it_forked_while_opening) {
  struct shmq_lease lease;
  pthread_atfork(open_during_fork, NULL, NULL);
  shmq *queue = make_small_queue();
  check_is(put_number(queue, 7), 0);
  struct child parent = child_start(leave_an_heir_while_opening, NULL);
  check_is(child_hear(&parent), 7);
  child_kill_unreaped(&parent);
  check_is(child_hear(&parent), 0);
  check_is(shmq_recover(queue), 1);
  check_is(take_number(queue, &lease, PATIENCE), 7);
}

static void *close_handle(void *given) {
  struct helper *closer = given;
  closer->tid = gettid();
  shmq_close(closer->queue);
  return NULL;
}

static int64_t leave_an_heir_while_closing(void *unused) {
  struct helper closer = {.queue = open_queue()};
  struct shmq_lease lease;
  const pid_t parent = getpid();
  (void)unused;
  say(take_number(closer.queue, &lease, PATIENCE));
  listen_to_parent();
  helper_start(&closer, close_handle);
  if (fork() == 0) live_on(parent);
  pthread_join(closer.thread, NULL);
  say(0);
  stay();
}

/* Somebody keeps the registry lock, so the one who closes leaves its slot to the others. */
Test(p2_nothing_lost, who_closed_is_gone_though_it_forked_meanwhile) {
  struct flock registry = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
  struct shmq_lease lease;
  shmq *queue = make_small_queue();
  check_is(put_number(queue, 7), 0);
  struct child parent = child_start(leave_an_heir_while_closing, NULL);
  check_is(child_hear(&parent), 7);
  const int fd = open(segment_path(), O_RDWR | O_CLOEXEC);
  check_is(fcntl(fd, F_OFD_SETLK, &registry), 0);
  child_tell(&parent, 0);
  check_is(child_hear(&parent), 0);
  close(fd);
  check_is(shmq_recover(queue), 1);
  check_is(take_number(queue, &lease, PATIENCE), 7);
}

Test(p2_nothing_lost, item_in_hand_survives_any_number_of_deaths) {
  struct shmq_lease lease;
  shmq *queue = make_small_queue();
  check_is(put_number(queue, 7), 0);
  for (uint32_t attempt = 1; attempt <= 30; attempt++) {
    struct child taker = child_start(take_and_stay, (void *)1);
    check_is(child_hear(&taker), 1);
    child_kill(&taker);
  }
  check_is(take_number(queue, &lease, PATIENCE), 7);
  check_is(lease.attempt, 31);
}

/* An item that tells whether it is whole: its number, many times over. */
enum { WORDS = 128 };

_Noreturn static int64_t put_patterns(void *unused) {
  int64_t item[WORDS];
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  for (int64_t i = 0;; i++) {
    for (int k = 0; k < WORDS; k++)
      item[k] = i;
    shmq_put(queue, item, sizeof item, SHMQ_FOREVER);
  }
}

static void check_pattern(const int64_t *item, int64_t number) {
  for (int k = 0; k < WORDS; k++)
    check_is(item[k], number);
}

Test(p3_nothing_invented, killed_put_is_whole_or_absent) {
  struct chance chance = chance_begin();
  int64_t item[WORDS];
  shmq *queue = make_small_queue();
  for (int round = 0; round < ROUNDS; round++) {
    struct child producer = child_start(put_patterns, NULL);
    check_is(child_hear(&producer), 0);
    kill_soon(&producer, &chance);
    ssize_t size;
    for (int64_t i = 0; (size = shmq_get(queue, item, sizeof item, SHMQ_NOWAIT)) >= 0; i++) {
      check_is(size, sizeof item);
      check_pattern(item, i);
      check_is(shmq_task_done(queue), 0);
    }
    check_is(size, -EAGAIN);
    check_at_rest(queue);
  }
}

static int64_t finish_and_count(void *counter) {
  _Atomic int64_t *finished = counter;
  struct shmq_lease lease;
  shmq *queue = open_queue();
  say(0);
  while (shmq_take(queue, &lease, SHMQ_NOWAIT) == 0 && shmq_done(queue, &lease) == 0)
    ++*finished;
  stay();
}

Test(p3_nothing_invented, finished_item_is_not_delivered_again) {
  enum { ITEMS = 200 };
  struct chance chance = chance_begin();
  _Atomic int64_t *finished = shared_word();
  shmq *queue = make_small_queue();
  for (int round = 0; round < ROUNDS; round++) {
    *finished = 0;
    check_is(put_numbers(queue, 0, ITEMS), 0);
    struct child taker = child_start(finish_and_count, finished);
    check_is(child_hear(&taker), 0);
    kill_soon(&taker, &chance);
    shmq_recover(queue);
    int64_t first = get_number(queue, SHMQ_NOWAIT);
    if (first < 0) first = ITEMS;
    cr_assert(first == *finished || first == *finished + 1,
              "%" PRId64 " finished, then %" PRId64 " came", *finished, first);
    for (int64_t i = first + 1; i < ITEMS; i++)
      check_is(get_number(queue, SHMQ_NOWAIT), i);
    cr_assert(shmq_empty(queue));
  }
}

static int64_t get_and_count(void *counter) {
  _Atomic int64_t *got = counter;
  shmq *queue = open_queue();
  say(0);
  while (get_number(queue, SHMQ_NOWAIT) >= 0)
    ++*got;
  stay();
}

Test(p3_nothing_invented, item_got_by_the_dead_is_not_delivered_again) {
  enum { ITEMS = 200 };
  struct chance chance = chance_begin();
  _Atomic int64_t *got = shared_word();
  shmq *queue = make_small_queue();
  for (int round = 0; round < ROUNDS; round++) {
    *got = 0;
    const uint64_t abandoned = stats_of(queue).abandoned;
    check_is(put_numbers(queue, 0, ITEMS), 0);
    struct child getter = child_start(get_and_count, got);
    check_is(child_hear(&getter), 0);
    kill_soon(&getter, &chance);
    shmq_recover(queue);
    const int64_t left = (int64_t)shmq_qsize(queue), missing = ITEMS - left;
    cr_assert(missing == *got || missing == *got + 1);
    check_is(stats_of(queue).abandoned - abandoned, missing);
    for (int64_t i = missing; i < ITEMS; i++) {
      check_is(get_number(queue, SHMQ_NOWAIT), i);
      check_is(shmq_task_done(queue), 0);
    }
    check_at_rest(queue);
  }
}

_Noreturn static int64_t put_batches(void *unused) {
  int64_t numbers[8];
  struct iovec items[8];
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  for (int64_t i = 0;; i += 8) {
    for (int k = 0; k < 8; k++) {
      numbers[k] = i + k;
      items[k] = (struct iovec){&numbers[k], sizeof numbers[k]};
    }
    shmq_put_many(queue, items, 8, SHMQ_FOREVER);
  }
}

Test(p3_nothing_invented, killed_batch_goes_in_whole_or_not_at_all) {
  struct chance chance = chance_begin();
  shmq *queue = make_queue(NULL); /* large: each batch has room, so each is one run */
  for (int round = 0; round < ROUNDS; round++) {
    struct child producer = child_start(put_batches, NULL);
    check_is(child_hear(&producer), 0);
    kill_soon(&producer, &chance);
    int64_t got = 0;
    while (get_number(queue, SHMQ_NOWAIT) == got)
      got++;
    cr_assert(shmq_empty(queue));
    const bool filled_up = got >= (int64_t)(stats_of(queue).capacity / 16);
    cr_assert(got % 8 == 0 || filled_up, "%" PRId64 " items of batches of 8", got);
  }
}
