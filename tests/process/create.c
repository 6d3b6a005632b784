/* SPDX-License-Identifier: Apache-2.0 */
/* Making, naming, opening and removing queues. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"

SUITE(create);

static int create_and_close(const char *name, const struct shmq_options *options) {
  shmq *queue = NULL;
  const int error = shmq_create(&queue, name, options);
  if (!error) shmq_close(queue);
  return error;
}

Test(create, defaults_are_as_documented) {
  const struct shmq_stats stats = stats_of(make_queue(NULL));
  check_is(stats.capacity, 1 << 20);
  check_is(stats.maxsize, 0);
  check_is(stats.item_max, 4096);
  check_is(stats.max_leases, 256);
  check_is(stats.max_attempts, 0);
  check_is(stats.lease_timeout, 0);
  check_is(stats.max_processes, 256);
  check_is(stats.max_threads, 1024);
  check_is(stats.mode & 07777, 0600);
  check_is(stats.processes, 1);
}

Test(create, second_create_of_a_name_is_refused) {
  make_queue(NULL);
  check_is(create_and_close(queue_name, NULL), -EEXIST);
}

Test(create, absent_queue_is_not_opened_nor_removed) {
  shmq *queue = NULL;
  new_queue_name();
  check_is(shmq_open(&queue, queue_name), -ENOENT);
  check_is(shmq_open_readonly(&queue, queue_name), -ENOENT);
  check_is(shmq_unlink(queue_name), -ENOENT);
}

Test(create, bad_names_are_refused) {
  static const char *const names[] = {"",   ".",   "..",  ".hidden",  "a/b",
                                      "/a", "a b", "a\n", "\xc3\xa9", "a*"};
  shmq *queue = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    check_is(create_and_close(names[i], NULL), -EINVAL);
    check_is(shmq_open(&queue, names[i]), -EINVAL);
    check_is(shmq_open_readonly(&queue, names[i]), -EINVAL);
    check_is(shmq_open_or_create(&queue, names[i], NULL), -EINVAL);
    check_is(shmq_unlink(names[i]), -EINVAL);
  }
}

Test(create, names_are_200_characters_at_most) {
  char name[SHMQ_NAME_MAX + 2];
  new_queue_name();
  memset(name, '-', sizeof name - 1);
  memcpy(name, queue_name, strlen(queue_name));
  name[SHMQ_NAME_MAX + 1] = 0;
  const int error = create_and_close(name, NULL);
  cr_assert(error == -ENAMETOOLONG || error == -EINVAL);
  name[SHMQ_NAME_MAX] = 0;
  check_is(create_and_close(name, NULL), 0);
  check_is(shmq_unlink(name), 0);
}

#define check_refuses(option, value)                           \
  do {                                                         \
    struct shmq_options options = default_options();           \
    options.option = value;                                    \
    check_is(create_and_close(queue_name, &options), -EINVAL); \
  } while (0)

Test(create, options_out_of_range_are_refused) {
  new_queue_name();
  check_refuses(capacity, ((size_t)1 << 33) + 1);
  check_refuses(capacity, SIZE_MAX);
  check_refuses(item_max, 0);
  check_refuses(item_max, ((size_t)1 << 30) + 1);
  check_refuses(item_max, SIZE_MAX);
  check_refuses(max_leases, 0);
  check_refuses(max_leases, 65537);
  check_refuses(max_attempts, 4095);
  check_refuses(lease_timeout, -1);
  check_refuses(max_processes, 0);
  check_refuses(max_processes, 4097);
  check_refuses(max_threads, 0);
  check_refuses(max_threads, 65537);
}

Test(create, options_at_their_limits_are_accepted) {
  struct shmq_options options = default_options();
  options.capacity = 1;
  options.item_max = 1;
  options.max_leases = 1;
  options.max_attempts = 4094;
  options.max_processes = 1;
  options.max_threads = 1;
  shmq *queue = make_queue(&options);
  check_is(shmq_put(queue, "x", 1, SHMQ_NOWAIT), 0);
  check_is(shmq_get(queue, (char[1]){0}, 1, SHMQ_NOWAIT), 1);
  options = default_options();
  options.max_leases = 65536;
  options.item_max = 16;
  options.max_processes = 4096;
  options.max_threads = 65536;
  check_sound(make_queue(&options));
}

Test(create, mode_is_exact_whatever_the_umask) {
  struct shmq_options options = default_options();
  struct stat status;
  options.mode = 0666;
  umask(077);
  shmq *queue = make_queue(&options);
  check_is(stat(segment_path(), &status), 0);
  check_is(status.st_mode & 07777, 0666);
  check_is(stats_of(queue).mode & 07777, 0666);
}

Test(create, removed_queue_serves_those_who_have_it) {
  shmq *queue = make_queue(NULL), *other = open_queue(), *absent = NULL;
  check_is(shmq_unlink(queue_name), 0);
  check_is(shmq_open(&absent, queue_name), -ENOENT);
  check_is(put_number(queue, 5), 0);
  check_is(get_number(other, SHMQ_NOWAIT), 5);
}

Test(create, removed_name_is_free_for_another_queue) {
  shmq *queue = make_queue(NULL), *other = NULL;
  check_is(put_number(queue, 5), 0);
  check_is(shmq_unlink(queue_name), 0);
  check_is(shmq_create(&other, queue_name, NULL), 0);
  cr_assert(shmq_empty(other));
  check_is(shmq_qsize(queue), 1);
}

Test(create, items_outlive_everybody) {
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 5), 0);
  check_is(shmq_close(queue), 0);
  check_is(get_number(open_queue(), SHMQ_NOWAIT), 5);
}

Test(create, close_of_nothing_is_allowed) {
  check_is(shmq_close(NULL), 0);
}

Test(create, open_or_create_makes_then_opens) {
  struct shmq_options options = default_options();
  shmq *made = NULL, *opened = NULL;
  options.maxsize = 9;
  new_queue_name();
  check_is(shmq_open_or_create(&made, queue_name, &options), 0);
  check_is(put_number(made, 5), 0);
  check_is(shmq_open_or_create(&opened, queue_name, NULL), 0);
  check_is(stats_of(opened).maxsize, 9);
  check_is(get_number(opened, SHMQ_NOWAIT), 5);
}

Test(create, every_result_has_a_sentence) {
  for (int error = -200; error <= 1; error++) {
    const char *sentence = shmq_strerror(error);
    cr_assert(sentence && *sentence, "no sentence for %d", error);
  }
}
