/* SPDX-License-Identifier: Apache-2.0 */
/* P8: a queue is either absent or complete. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "check.h"

SUITE(p8_absent_or_complete);

/* Give this process, and its children, a shared-memory file system of their own. */
static int mount_shm(const char *size) {
  char options[32];
  snprintf(options, sizeof options, "size=%s", size);
  if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL)) return -errno;
  return mount("tmpfs", "/dev/shm", "tmpfs", 0, options) ? -errno : 0;
}

#define skip_unless_permitted(error) \
  if ((error) == -EPERM) cr_skip("mounting is not permitted here")

static int files_in_shm(void) {
  DIR *folder = opendir("/dev/shm");
  int files = 0;
  while (readdir(folder))
    files++;
  closedir(folder);
  return files - 2; /* . and .. */
}

static uint64_t free_blocks(void) {
  struct statvfs status;
  statvfs("/dev/shm", &status);
  return status.f_bfree;
}

/* ---- Full ---------------------------------------------------------------------------------------
 */

enum { MOUNT = 1, CREATE, LEFT_BEHIND, SMALL };

static int64_t create_where_it_does_not_fit(void *unused) {
  struct shmq_options small = default_options();
  shmq *queue = NULL;
  (void)unused;
  const int error = mount_shm("1m");
  if (error) return error;
  const uint64_t blocks = free_blocks();
  if (shmq_create(&queue, "large", NULL) != -ENOSPC) return CREATE;
  if (files_in_shm() != 0 || free_blocks() != blocks) return LEFT_BEHIND;
  small.capacity = 4096;
  small.item_max = 64;
  small.max_leases = small.max_processes = small.max_threads = 8;
  return shmq_create(&queue, "small", &small) ? SMALL : 0;
}

Test(p8_absent_or_complete, queue_that_does_not_fit_fails_at_creation) {
  struct child creator = child_start(create_where_it_does_not_fit, NULL);
  const int64_t result = child_result(&creator);
  skip_unless_permitted(result);
  check_is(result, 0);
}

static int64_t fill_when_no_memory_is_left(void *unused) {
  struct shmq_options options = default_options();
  char filler[4096] = {0};
  shmq *queue = NULL;
  (void)unused;
  int error = mount_shm("4m");
  if (error) return error;
  options.max_leases = 16;
  error = shmq_create(&queue, "whole", &options);
  if (error) return error;
  const int file = open("/dev/shm/filler", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  while (write(file, filler, sizeof filler) > 0)
    continue;
  while ((error = shmq_put(queue, filler, sizeof filler, SHMQ_NOWAIT)) == 0)
    continue;
  struct shmq_lease leases[16];
  return error == -EAGAIN && shmq_take_many(queue, leases, 16, SHMQ_NOWAIT) == 16 ? 0 : error;
}

Test(p8_absent_or_complete, memory_is_reserved_at_creation) {
  struct child user = child_start(fill_when_no_memory_is_left, NULL);
  const int64_t result = child_result(&user);
  skip_unless_permitted(result);
  check_is(result, 0);
}

static int64_t bury_where_it_does_not_fit(void *unused) {
  struct shmq_options options = default_options();
  struct shmq_lease lease;
  char filler[4096] = {0};
  shmq *queue = NULL;
  (void)unused;
  int error = mount_shm("4m");
  if (error) return error;
  options.max_leases = 16;
  error = shmq_create(&queue, "whole", &options);
  if (error) return error;
  const int file = open("/dev/shm/filler", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  while (write(file, filler, sizeof filler) > 0)
    continue;
  put_number(queue, 7);
  if (take_number(queue, &lease, SHMQ_NOWAIT) != 7) return 1;
  if (shmq_bury(queue, &lease) != -ENOSPC) return 2;
  if (files_in_shm() != 2) return LEFT_BEHIND;
  return lease_number(&lease) == 7 ? shmq_done(queue, &lease) : 4;
}

Test(p8_absent_or_complete, dead_queue_that_does_not_fit_leaves_the_lease) {
  struct child user = child_start(bury_where_it_does_not_fit, NULL);
  const int64_t result = child_result(&user);
  skip_unless_permitted(result);
  check_is(result, 0);
}

/* ---- Killed creators ----------------------------------------------------------------------------
 */

_Noreturn static int64_t create_for_ever(void *unused) {
  (void)unused;
  say(0);
  for (;;) {
    shmq *queue = NULL;
    if (shmq_create(&queue, queue_name, NULL) == 0) shmq_close(queue);
    shmq_unlink(queue_name);
  }
}

/* A complete queue or none; and no other file. */
static int64_t judge_what_is_left(void) {
  shmq *queue = NULL;
  const int error = shmq_open(&queue, queue_name);
  if (error == -ENOENT) return files_in_shm() == 0 ? 0 : LEFT_BEHIND;
  if (error) return error;
  const int sound = shmq_check(queue, NULL);
  if (sound) return sound;
  if (put_number(queue, 7) || get_number(queue, SHMQ_NOWAIT) != 7) return -EIO;
  shmq_close(queue);
  shmq_unlink(queue_name);
  return files_in_shm() == 0 ? 0 : LEFT_BEHIND;
}

static int64_t kill_creators(void *seed) {
  struct chance *chance = seed;
  int64_t result = mount_shm("64m");
  for (int round = 0; round < 300 && result == 0; round++) {
    struct child creator = child_start(create_for_ever, NULL);
    child_hear(&creator);
    nap((shmq_ns)chance_below(chance, 1500) * US);
    child_kill(&creator);
    result = judge_what_is_left();
  }
  return result;
}

Test(p8_absent_or_complete, killed_creator_leaves_nothing_or_a_complete_queue) {
  struct chance chance = chance_begin();
  new_queue_name();
  struct child killer = child_start(kill_creators, &chance);
  const int64_t result = child_result(&killer);
  skip_unless_permitted(result);
  check_is(result, 0);
}

/* ---- Crowds -------------------------------------------------------------------------------------
 */

static int64_t open_while_it_comes_and_goes(void *unused) {
  int64_t opened = 0;
  (void)unused;
  for (const shmq_ns end = now() + SECOND; now() < end;) {
    shmq *queue = NULL;
    const int error = shmq_open(&queue, queue_name);
    if (error == -ENOENT) continue;
    if (error) return error;
    const int sound = shmq_check(queue, NULL);
    if (sound) return sound;
    shmq_close(queue);
    opened++;
  }
  return opened;
}

Test(p8_absent_or_complete, nobody_sees_a_queue_half_created) {
  struct child openers[2];
  new_queue_name();
  struct child creator = child_start(create_for_ever, NULL);
  check_is(child_hear(&creator), 0);
  for (int i = 0; i < 2; i++)
    openers[i] = child_start(open_while_it_comes_and_goes, NULL);
  for (int i = 0; i < 2; i++)
    check_at_least(child_result(&openers[i]), 1);
  child_kill(&creator);
}

static int64_t open_or_create_and_put(void *number) {
  shmq *queue = NULL;
  const int error = shmq_open_or_create(&queue, queue_name, NULL);
  return error ? error : put_number(queue, (intptr_t)number);
}

Test(p8_absent_or_complete, crowd_that_opens_or_creates_gets_one_queue) {
  enum { CROWD = 16 };
  struct child crowd[CROWD];
  for (int round = 0; round < 20; round++) {
    uint64_t seen = 0;
    new_queue_name();
    for (intptr_t i = 0; i < CROWD; i++)
      crowd[i] = child_start(open_or_create_and_put, (void *)i);
    for (int i = 0; i < CROWD; i++)
      check_is(child_result(&crowd[i]), 0);
    shmq *queue = open_queue();
    for (int i = 0; i < CROWD; i++)
      seen |= 1ull << get_number(queue, SHMQ_NOWAIT);
    check_is(seen, (1ull << CROWD) - 1);
    check_is(shmq_close(queue), 0);
    check_is(shmq_unlink(queue_name), 0);
  }
}

static int64_t create_once(void *unused) {
  shmq *queue = NULL;
  (void)unused;
  return shmq_create(&queue, queue_name, NULL);
}

Test(p8_absent_or_complete, one_of_a_crowd_creates) {
  enum { CROWD = 16 };
  struct child crowd[CROWD];
  int created = 0;
  new_queue_name();
  for (int i = 0; i < CROWD; i++)
    crowd[i] = child_start(create_once, NULL);
  for (int i = 0; i < CROWD; i++) {
    const int64_t result = child_result(&crowd[i]);
    cr_assert(result == 0 || result == -EEXIST);
    created += result == 0;
  }
  check_is(created, 1);
}
