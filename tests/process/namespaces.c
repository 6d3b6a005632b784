/* SPDX-License-Identifier: Apache-2.0 */
/* P2 across containers: processes of different PID namespaces share a queue. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "check.h"

SUITE(p2_pid_namespaces);

static int own_namespace = -1;

/* The children started from now on live in a new PID namespace; the first of them is its pid 1. */
static void enter_new_namespace(void) {
  if (own_namespace < 0) own_namespace = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
  if (setns(own_namespace, CLONE_NEWPID) || unshare(CLONE_NEWPID)) {
    cr_assert(errno == EPERM, "no new PID namespace");
    cr_skip("PID namespaces are not permitted here");
  }
}

static int64_t take_and_stay(void *unused) {
  struct shmq_lease lease;
  (void)unused;
  say(getpid());
  say(take_number(open_queue(), &lease, PATIENCE));
  stay();
}

static struct child start_taker_in_new_namespace(int64_t expected) {
  enter_new_namespace();
  struct child taker = child_start(take_and_stay, NULL);
  check_is(child_hear(&taker), 1);
  check_is(child_hear(&taker), expected);
  return taker;
}

Test(p2_pid_namespaces, death_in_another_namespace_is_noticed) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 7), 0);
  struct child taker = start_taker_in_new_namespace(7);
  check_is(shmq_recover(queue), 0);
  child_kill(&taker);
  check_is(take_number(queue, &lease, PATIENCE), 7);
  check_is(lease.attempt, 2);
}

static int64_t wait_for_the_dead(void *unused) {
  struct shmq_lease lease;
  shmq *queue = open_queue();
  (void)unused;
  say(0);
  return take_number(queue, &lease, PATIENCE);
}

Test(p2_pid_namespaces, death_outside_is_noticed_from_within) {
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 7), 0);
  struct child taker = child_start(take_and_stay, NULL);
  check_is(child_hear(&taker), taker.pid);
  check_is(child_hear(&taker), 7);
  check_is(shmq_close(queue), 0);
  enter_new_namespace();
  struct child waiter = child_start(wait_for_the_dead, NULL);
  check_is(child_hear(&waiter), 0);
  check_becomes(child_sleeps(&waiter));
  child_kill(&taker);
  check_is(child_result(&waiter), 7);
}

Test(p2_pid_namespaces, two_processes_of_one_pid_are_told_apart) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 2), 0);
  struct child first = start_taker_in_new_namespace(0);
  struct child second = start_taker_in_new_namespace(1);
  child_kill(&first);
  check_is(shmq_recover(queue), 1);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), -EAGAIN);
  check_is(stats_of(queue).leased, 2);
  child_kill(&second);
  check_is(take_number(queue, &lease, PATIENCE), 1);
}
