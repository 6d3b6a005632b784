/* SPDX-License-Identifier: Apache-2.0 */
/* Items that could not be worked on go to NAME.dead: bury and max_attempts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

SUITE(dead_letters);

static shmq *make_queue_with_attempts(uint32_t attempts) {
  struct shmq_options options = default_options();
  options.max_attempts = attempts;
  return make_queue(&options);
}

Test(dead_letters, buried_item_moves_to_the_dead_queue) {
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 7, 9), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
  check_is(shmq_bury(queue, &lease), 0);
  check_is(shmq_done(queue, &lease), -ESTALE);
  check_is(stats_of(queue).dead_lettered, 1);
  check_is(stats_of(queue).unfinished, 1);
  shmq *dead = open_dead_queue();
  check_is(get_number(dead, SHMQ_NOWAIT), 7);
  check_is(get_number(queue, SHMQ_NOWAIT), 8);
  check_is(shmq_task_done(queue), 0);
  check_at_rest(queue);
}

Test(dead_letters, items_are_buried_whole) {
  unsigned char item[4096], found[4096];
  struct shmq_lease lease;
  shmq *queue = make_queue(NULL);
  for (size_t i = 0; i < sizeof item; i++)
    item[i] = (unsigned char)(i * 7);
  static const size_t sizes[] = {0, 1, 9, 4096};
  for (size_t i = 0; i < 4; i++) {
    check_is(shmq_put(queue, item, sizes[i], SHMQ_NOWAIT), 0);
    check_is(shmq_take(queue, &lease, SHMQ_NOWAIT), 0);
    check_is(shmq_bury(queue, &lease), 0);
  }
  shmq *dead = open_dead_queue();
  for (size_t i = 0; i < 4; i++) {
    check_is(shmq_get(dead, found, sizeof found, SHMQ_NOWAIT), sizes[i]);
    cr_assert(memcmp(found, item, sizes[i]) == 0);
  }
}

Test(dead_letters, lease_stays_when_the_dead_queue_is_full) {
  struct shmq_options options = default_options();
  struct shmq_lease lease;
  char dead_name[SHMQ_NAME_MAX + 6];
  shmq *dead;
  shmq *queue = make_queue(NULL);
  options.maxsize = 1;
  snprintf(dead_name, sizeof dead_name, "%s.dead", queue_name);
  check_is(shmq_create(&dead, dead_name, &options), 0);
  check_is(put_number(dead, 0), 0);
  check_is(put_number(queue, 7), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
  check_is(shmq_bury(queue, &lease), -EAGAIN);
  check_is(lease_number(&lease), 7);
  check_is(get_number(dead, SHMQ_NOWAIT), 0);
  check_is(shmq_bury(queue, &lease), 0);
  check_is(get_number(dead, SHMQ_NOWAIT), 7);
  check_at_rest(queue);
}

Test(dead_letters, longest_name_has_a_dead_queue_too) {
  char name[SHMQ_NAME_MAX + 1];
  struct shmq_lease lease;
  shmq *queue;
  new_queue_name();
  memset(name, '-', SHMQ_NAME_MAX);
  name[SHMQ_NAME_MAX] = 0;
  memcpy(name, queue_name, strlen(queue_name));
  strcpy(queue_name, name);
  check_is(shmq_create(&queue, name, NULL), 0);
  check_is(put_number(queue, 7), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
  check_is(shmq_bury(queue, &lease), 0);
  check_is(get_number(open_dead_queue(), SHMQ_NOWAIT), 7);
}

Test(dead_letters, item_given_back_too_often_is_buried) {
  struct shmq_lease lease;
  shmq *queue = make_queue_with_attempts(3);
  check_is(put_numbers(queue, 7, 9), 0);
  for (uint32_t attempt = 1; attempt <= 3; attempt++) {
    check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
    check_is(lease.attempt, attempt);
    check_is(shmq_give_back(queue, &lease), 0);
  }
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 8);
  check_is(shmq_done(queue, &lease), 0);
  check_is(shmq_join(queue, PATIENCE), 0);
  check_is(stats_of(queue).dead_lettered, 1);
  check_is(get_number(open_dead_queue(), PATIENCE), 7);
  check_at_rest(queue);
}

static int64_t take_and_stay(void *unused) {
  struct shmq_lease lease;
  (void)unused;
  say(take_number(open_queue(), &lease, PATIENCE));
  stay();
}

Test(dead_letters, item_that_kills_its_takers_is_buried) {
  shmq *queue = make_queue_with_attempts(2);
  check_is(put_number(queue, 7), 0);
  for (int i = 0; i < 2; i++) {
    struct child taker = child_start(take_and_stay, NULL);
    check_is(child_hear(&taker), 7);
    child_kill(&taker);
  }
  check_is(shmq_join(queue, PATIENCE), 0);
  check_is(get_number(open_dead_queue(), PATIENCE), 7);
  check_is(stats_of(queue).dead_lettered, 1);
  check_at_rest(queue);
}

Test(dead_letters, item_whose_leases_run_out_is_buried) {
  struct shmq_options options = default_options();
  struct shmq_lease lease;
  options.max_attempts = 1;
  options.lease_timeout = 20 * MS;
  shmq *queue = make_queue(&options);
  check_is(put_number(queue, 7), 0);
  check_is(take_number(queue, &lease, SHMQ_NOWAIT), 7);
  check_is(shmq_join(queue, PATIENCE), 0);
  check_is(shmq_done(queue, &lease), -ESTALE);
  check_is(get_number(open_dead_queue(), PATIENCE), 7);
  check_at_rest(queue);
}
