/* SPDX-License-Identifier: Apache-2.0 */
/* The files of lib/os. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "os/clock.h"
#include "os/file_lock.h"
#include "os/futex.h"
#include "os/mapping.h"
#include "os/membarrier.h"

SUITE(os);

static int new_file(size_t size) {
  const int file = memfd_create("test", MFD_CLOEXEC);
  cr_assert(file >= 0 && ftruncate(file, (off_t)size) == 0);
  return file;
}

/* Another description of the same file. */
static int open_again(int file, int flags) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  const int again = open(path, flags | O_CLOEXEC);
  cr_assert(again >= 0);
  return again;
}

/* ---- clock --------------------------------------------------------------------------------------
 */

Test(os, deadlines_do_not_overflow) {
  check_is(clock_deadline(-1), NEVER);
  check_is(clock_deadline(INT64_MIN), NEVER);
  check_is(clock_deadline(INT64_MAX), NEVER);
  check_at_least(clock_deadline(NS_PER_S), clock_now());
}

Test(os, coarse_clock_is_close_behind) {
  const int64_t coarse = clock_coarse();
  check_at_least(clock_now(), coarse);
  check_at_most(clock_now() - coarse, NS_PER_S);
}

/* ---- mapping ------------------------------------------------------------------------------------
 */

Test(os, end_of_the_file_is_mapped_twice) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const int file = new_file(3 * page);
  struct mapping mapping;
  check_is(mapping_create(&mapping, file, 3 * page, 2 * page, true), 0);
  memset(mapping.base + 3 * page - 2, 'x', 4); /* over the seam */
  cr_assert(memcmp(mapping.base + page, "xx", 2) == 0);
  mapping.base[2 * page] = 'y';
  check_is(mapping.base[4 * page], 'y');
  mapping_destroy(&mapping);
}

Test(os, file_that_cannot_be_mapped_is_an_error) {
  struct mapping mapping;
  check_is(mapping_create(&mapping, -1, 4096, 4096, true), -EBADF);
  const int readonly = open_again(new_file(8192), O_RDONLY);
  check_is(mapping_create(&mapping, readonly, 8192, 4096, true), -EACCES);
  check_is(mapping_create(&mapping, readonly, 8192, 4096, false), 0);
}

/* ---- file_lock ----------------------------------------------------------------------------------
 */

Test(os, byte_is_held_by_one_description) {
  const int first = new_file(4096), second = open_again(first, O_RDWR);
  cr_assert(file_lock_try(first, 7));
  cr_assert(!file_lock_try(second, 7));
  cr_assert(file_lock_try(second, 8));
  cr_assert(file_lock_held(second, 7));
  cr_assert(!file_lock_held(first, 7), "its own lock is seen");
  file_lock_release(first, 7);
  cr_assert(!file_lock_held(second, 7));
  cr_assert(file_lock_try(second, 7));
}

Test(os, byte_is_free_when_its_description_is_closed) {
  const int first = new_file(4096), second = open_again(first, O_RDWR);
  cr_assert(file_lock_try(second, 7));
  close(second);
  cr_assert(!file_lock_held(first, 7));
}

Test(os, reader_s_lock_makes_nobody_look_alive) {
  const int file = new_file(4096), reader = open_again(file, O_RDONLY);
  struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 7, .l_len = 1};
  check_is(fcntl(reader, F_OFD_SETLK, &lock), 0);
  cr_assert(!file_lock_held(file, 7));
}

static int64_t lock_and_stay(void *file) {
  const int own = open_again((int)(intptr_t)file, O_RDWR);
  say(file_lock_try(own, 7));
  stay();
}

Test(os, byte_is_free_when_its_process_is_a_zombie) {
  const int file = new_file(4096);
  struct child child = child_start(lock_and_stay, (void *)(intptr_t)file);
  check_is(child_hear(&child), true);
  cr_assert(file_lock_held(file, 7));
  child_stop(&child);
  cr_assert(file_lock_held(file, 7));
  child_kill_unreaped(&child);
  cr_assert(!file_lock_held(file, 7));
}

/* ---- futex, membarrier --------------------------------------------------------------------------
 */

static void *sleep_on(void *given) {
  _Atomic uint32_t *word = given;
  while (*word == 0)
    futex_wait(word, 0, NS_PER_S);
  return NULL;
}

Test(os, futex_wakes_a_sleeper_and_counts_it) {
  static _Atomic uint32_t word;
  pthread_t thread;
  check_is(futex_wake(&word, 1), 0);
  pthread_create(&thread, NULL, sleep_on, &word);
  check_becomes(futex_wake(&word, 1) == 1);
  word = 1;
  futex_wake(&word, FUTEX_ALL);
  pthread_join(thread, NULL);
}

Test(os, futex_sleeps_no_longer_than_told_nor_on_another_value) {
  static _Atomic uint32_t word = 1;
  const shmq_ns start = now();
  futex_wait(&word, 0, 10 * SECOND);
  futex_wait(&word, 1, 5 * MS);
  check_at_most(now() - start, 9 * SECOND);
  check_at_least(now() - start, 5 * MS);
}

Test(os, membarrier_works_once_registered) {
  if (!membarrier_register()) cr_skip("no membarrier here");
  cr_assert(membarrier_all());
}
