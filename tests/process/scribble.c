/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P9: a segment that is scribbled over while it is in use. Those who meet the damage get -EBADMSG
 * or a plain result; nobody crashes, hangs, or writes outside the segment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "layout.h"

SUITE(p9_scribbled_segment);

enum { ROUNDS = 400, ITEM_MAX = 256, BATCH = 3 };

static struct shmq_options small_options(void) {
  struct shmq_options options = default_options();
  options.capacity = 4096;
  options.item_max = ITEM_MAX;
  options.max_leases = options.max_processes = options.max_threads = 6;
  return options;
}

/* ---- The scribbler ------------------------------------------------------------------------------
 */

struct segment_bytes {
  unsigned char *bytes;
  size_t size;
};

static struct segment_bytes map_segment(void) {
  struct stat status;
  const int file = open(segment_path(), O_RDWR | O_CLOEXEC);
  cr_assert(file >= 0 && fstat(file, &status) == 0);
  const size_t size = (size_t)status.st_size;
  void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  cr_assert(bytes != MAP_FAILED);
  close(file);
  return (struct segment_bytes){bytes, size};
}

static uint64_t odd_value(uint64_t old, struct chance *chance) {
  switch (chance_below(chance, 8)) {
    case 0:
      return 0;
    case 1:
      return UINT64_MAX;
    case 2:
      return old + 1;
    case 3:
      return old - 1;
    case 4:
      return old ^ (uint64_t)1 << chance_below(chance, 64);
    case 5:
      return chance_below(chance, 8);
    case 6:
      return old + 4096;
    default:
      return chance_next(chance);
  }
}

/* A lock that names a living thread is waited for, as it would be if that thread were stopped:
   calls without a timeout would wait for ever. forged_locks_... below looks at those with one. */
static const size_t locks[] = {offsetof(struct segment, producer.lock),
                               offsetof(struct segment, consumer.lock)};

static bool is_in_lock(size_t offset) {
  for (size_t i = 0; i < 2; i++)
    if (offset >= locks[i] && offset < locks[i] + sizeof(struct robust_mutex)) return true;
  return false;
}

static void scribble_word(struct segment_bytes segment, size_t from, size_t to,
                          struct chance *chance) {
  const size_t size = chance_below(chance, 2) ? 8 : 4;
  const size_t offset = (from + chance_below(chance, to - from)) / 8 * 8;
  uint64_t value;
  if (is_in_lock(offset)) return;
  memcpy(&value, segment.bytes + offset, sizeof value);
  value = odd_value(value, chance);
  memcpy(segment.bytes + offset, &value, size);
}

/* Anywhere behind the header; every other time among the few words that rule the queue. */
static void scribble(struct segment_bytes segment, struct chance *chance) {
  const size_t from = sizeof(struct header);
  const size_t to = chance_below(chance, 2) ? sizeof(struct segment) : segment.size;
  const uint64_t words = 1 + chance_below(chance, 4);
  for (uint64_t i = 0; i < words; i++)
    scribble_word(segment, from, to, chance);
}

/* ---- The victim ---------------------------------------------------------------------------------
 */

/* Pages on both sides of the mapped segment, to be found as they were. */
enum { CANARY = 1 << 16 };

static unsigned char *new_canary(void) {
  unsigned char *canary =
      mmap(NULL, CANARY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(canary, 0xa5, CANARY);
  return canary;
}

static bool canary_lives(const unsigned char *canary) {
  for (size_t i = 0; i < CANARY; i++)
    if (canary[i] != 0xa5) return false;
  return true;
}

static bool is_plain(int64_t result) {
  switch (result) {
    case -EBADMSG:
    case -EAGAIN:
    case -ETIMEDOUT:
    case -EMSGSIZE:
    case -ESHUTDOWN:
    case -ESTALE:
    case -EINVAL:
    case -EUSERS:
      return true;
    default:
      return result >= 0;
  }
}

/* The result of a call that is no result of its interface ends the victim with the line. */
#define must_be_plain(call)                \
  do {                                     \
    if (!is_plain(call)) return -__LINE__; \
  } while (0)

#define must(condition)                 \
  do {                                  \
    if (!(condition)) return -__LINE__; \
  } while (0)

static bool lease_is_readable(const struct shmq_lease *lease) {
  const volatile unsigned char *bytes = lease->data;
  for (size_t i = 0; i < lease->size; i++)
    (void)bytes[i];
  return lease->size <= ITEM_MAX;
}

static int64_t put_and_get(shmq *queue) {
  unsigned char *buffer = malloc(ITEM_MAX), *small = malloc(8);
  struct iovec items[2] = {{buffer, ITEM_MAX}, {small, 8}};
  memset(buffer, 0, ITEM_MAX);
  must_be_plain(shmq_put(queue, buffer, 100, MS));
  must_be_plain(shmq_put_many(queue, items, 1, MS));
  const ssize_t got = shmq_get(queue, buffer, ITEM_MAX, MS);
  must(is_plain(got) && got <= ITEM_MAX);
  const ssize_t many = shmq_get_many(queue, items, 2, MS);
  must(is_plain(many) && many <= 2);
  must(items[0].iov_len <= ITEM_MAX && items[1].iov_len <= 8);
  must_be_plain(shmq_peek(queue, small, 8));
  must_be_plain(shmq_task_done(queue));
  free(buffer);
  free(small);
  return 0;
}

static int64_t take_and_finish(shmq *queue) {
  struct shmq_lease leases[BATCH];
  const ssize_t taken = shmq_take_many(queue, leases, BATCH, MS);
  must(is_plain(taken) && taken <= BATCH);
  for (ssize_t i = 0; i < taken; i++)
    must(lease_is_readable(&leases[i]));
  if (taken > 0) must_be_plain(shmq_done(queue, &leases[0]));
  if (taken > 1) must_be_plain(shmq_give_back(queue, &leases[1]));
  if (taken > 2) must_be_plain(shmq_touch(queue, &leases[2]));
  return 0;
}

static int64_t look_around(shmq *queue) {
  struct shmq_stats stats;
  struct shmq_process *processes = malloc(2 * sizeof *processes);
  must_be_plain(shmq_stat(queue, &stats));
  must_be_plain(shmq_processes(queue, processes, 2));
  shmq_qsize(queue);
  shmq_empty(queue);
  shmq_full(queue);
  free(processes);
  return 0;
}

static int64_t use_everything(shmq *queue, const struct shmq_lease *held) {
  int64_t result = look_around(queue);
  if (!result) result = put_and_get(queue);
  if (!result) result = take_and_finish(queue);
  if (result) return result;
  must_be_plain(shmq_done(queue, held));
  must_be_plain(shmq_join(queue, MS));
  must_be_plain(shmq_recover(queue));
  must_be_plain(shmq_check(queue, NULL));
  return 0;
}

/* Holds a lease and an unfinished get when the segment is damaged; then calls everything. */
static int64_t be_victim(void *unused) {
  struct shmq_lease held;
  (void)unused;
  const unsigned char *below = new_canary();
  shmq *queue = open_queue();
  const unsigned char *above = new_canary();
  shmq_take(queue, &held, MS);
  get_number(queue, MS);
  say(0);
  listen_to_parent();
  for (int i = 0; i < 3; i++) {
    const int64_t result = use_everything(queue, &held);
    if (result) return result;
  }
  must_be_plain(shmq_shutdown(queue, SHMQ_NOW));
  must_be_plain(shmq_close(queue));
  return canary_lives(below) && canary_lives(above) ? 0 : -1;
}

/* Comes when the damage is done. */
static int64_t be_newcomer(void *unused) {
  struct shmq_lease held = {NULL, 0, 0, 1, 0};
  shmq *queue = NULL, *watcher = NULL;
  (void)unused;
  if (shmq_open_readonly(&watcher, queue_name) == 0) look_around(watcher);
  const int error = shmq_open(&queue, queue_name);
  if (error) return is_plain(error) ? 0 : error;
  const int64_t result = use_everything(queue, &held);
  shmq_close(queue);
  return result;
}

static struct child start_victim(void) {
  struct child victim = child_start(be_victim, NULL);
  check_is(child_hear(&victim), 0);
  return victim;
}

Test(p9_scribbled_segment, damage_harms_neither_users_nor_newcomers) {
  const struct shmq_options options = small_options();
  struct chance chance = chance_begin();
  for (int round = 0; round < ROUNDS; round++) {
    shmq *queue = make_queue(&options);
    check_is(put_numbers(queue, 0, 8), 0);
    check_is(shmq_close(queue), 0);
    struct child victim = start_victim();
    struct segment_bytes segment = map_segment();
    scribble(segment, &chance);
    munmap(segment.bytes, segment.size);
    child_tell(&victim, 0);
    struct child newcomer = child_start(be_newcomer, NULL);
    check_is(child_result(&victim), 0);
    check_is(child_result(&newcomer), 0);
    check_is(shmq_unlink(queue_name), 0);
  }
}

Test(p9_scribbled_segment, dead_holder_of_a_damaged_segment_harms_nobody) {
  const struct shmq_options options = small_options();
  struct chance chance = chance_begin();
  for (int round = 0; round < ROUNDS / 2; round++) {
    shmq *queue = make_queue(&options);
    check_is(put_numbers(queue, 0, 8), 0);
    check_is(shmq_close(queue), 0);
    struct child victim = start_victim();
    struct segment_bytes segment = map_segment();
    scribble(segment, &chance);
    munmap(segment.bytes, segment.size);
    child_kill(&victim);
    struct child newcomer = child_start(be_newcomer, NULL);
    check_is(child_result(&newcomer), 0);
    check_is(shmq_unlink(queue_name), 0);
  }
}

/* ---- Locks that name somebody -------------------------------------------------------------------
 */

static int64_t call_with_timeouts(shmq *queue) {
  char item[ITEM_MAX] = {0};
  struct iovec items[1] = {{item, sizeof item}};
  struct shmq_lease lease;
  must_be_plain(shmq_put(queue, item, 1, 5 * MS));
  must_be_plain(shmq_put_many(queue, items, 1, 5 * MS));
  must_be_plain(shmq_get(queue, item, sizeof item, 5 * MS));
  must_be_plain(shmq_get_many(queue, items, 1, 5 * MS));
  must_be_plain(shmq_take(queue, &lease, 5 * MS));
  must_be_plain(shmq_join(queue, 5 * MS));
  must_be_plain(shmq_peek(queue, item, sizeof item));
  must_be_plain(shmq_put(queue, item, 1, SHMQ_NOWAIT));
  must_be_plain(shmq_get(queue, item, sizeof item, SHMQ_NOWAIT));
  return 0;
}

static int64_t use_forged_locks(void *unused) {
  (void)unused;
  shmq *queue = open_queue();
  put_numbers(queue, 0, 8);
  say(0);
  listen_to_parent();
  const int64_t result = call_with_timeouts(queue);
  shmq_recover(queue);
  return result ? result : shmq_close(queue);
}

static void forge_locks(size_t field, uint32_t value) {
  struct segment_bytes segment = map_segment();
  for (size_t i = 0; i < 2; i++)
    memcpy(segment.bytes + locks[i] + field, &value, sizeof value);
  munmap(segment.bytes, segment.size);
}

static void check_forged(size_t field, uint32_t value) {
  const struct shmq_options options = small_options();
  shmq *queue = make_queue(&options);
  struct child user = child_start(use_forged_locks, NULL);
  check_is(child_hear(&user), 0);
  forge_locks(field, value);
  child_tell(&user, 0);
  check_is(child_result(&user), 0);
  check_is(shmq_close(queue), 0);
}

Test(p9_scribbled_segment, forged_locks_are_in_the_timeouts_of_calls) {
  static const uint32_t ids[] = {1,    2,          3,          6,          7,
                                 1000, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff};
  for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
    check_forged(offsetof(struct robust_mutex, word), ids[i]);
    check_forged(offsetof(struct robust_mutex, bias), ids[i]);
    check_forged(offsetof(struct robust_mutex, occupant), ids[i]);
  }
}

/* ---- Damage that does not end -------------------------------------------------------------------
 */

_Noreturn static int64_t scribble_for_ever(void *chance) {
  struct segment_bytes segment = map_segment();
  for (;;) {
    scribble(segment, chance);
    nap(20 * US);
  }
}

static int64_t use_for_a_while(void *unused) {
  struct shmq_lease held = {NULL, 0, 0, 1, 0};
  int64_t result = 0;
  (void)unused;
  shmq *queue = open_queue();
  say(0);
  listen_to_parent();
  for (const shmq_ns end = now() + 2 * SECOND; now() < end && !result;)
    result = use_everything(queue, &held);
  return result;
}

Test(p9_scribbled_segment, damage_during_every_call_harms_nobody) {
  const struct shmq_options options = small_options();
  struct chance chance = chance_begin();
  struct child users[2];
  for (int round = 0; round < 3; round++) {
    make_queue(&options);
    for (int i = 0; i < 2; i++) {
      users[i] = child_start(use_for_a_while, NULL);
      check_is(child_hear(&users[i]), 0);
    }
    struct child scribbler = child_start(scribble_for_ever, &chance);
    for (int i = 0; i < 2; i++)
      child_tell(&users[i], 0);
    for (int i = 0; i < 2; i++)
      check_is(child_result(&users[i]), 0);
    child_kill(&scribbler);
    chance_next(&chance);
  }
}
