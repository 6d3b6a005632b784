/* SPDX-License-Identifier: Apache-2.0 */
/* P7: watching costs the watched nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

SUITE(p7_watching);

static shmq *watch_queue(void) {
  shmq *watcher = NULL;
  check_is(shmq_open_readonly(&watcher, queue_name), 0);
  return watcher;
}

static char *read_segment(size_t *size) {
  FILE *file = fopen(segment_path(), "re");
  struct stat status;
  cr_assert(file && fstat(fileno(file), &status) == 0);
  *size = (size_t)status.st_size;
  char *bytes = malloc(*size);
  cr_assert(fread(bytes, 1, *size, file) == *size);
  fclose(file);
  return bytes;
}

static void watch_everything(shmq *watcher) {
  struct shmq_stats stats;
  struct shmq_process processes[4];
  struct shmq_thread threads[4];
  check_is(shmq_stat(watcher, &stats), 0);
  check_at_least(shmq_threads(watcher, threads, 4), 1);
  check_at_least(shmq_processes(watcher, processes, 4), 1);
  shmq_qsize(watcher);
  shmq_empty(watcher);
  shmq_full(watcher);
}

/* Every call that is not for watching; each must be refused. */
static void try_everything_else(shmq *watcher) {
  char item[8] = {0};
  struct iovec items[1] = {{item, sizeof item}};
  struct shmq_lease lease = {item, sizeof item, 0, 1, 0};
  const enum shmq_event event = SHMQ_NOT_EMPTY;
  struct shmq_futex futex;
  check_is(shmq_put(watcher, item, 1, SHMQ_NOWAIT), -EPERM);
  check_is(shmq_put_many(watcher, items, 1, SHMQ_NOWAIT), -EPERM);
  check_is(shmq_get(watcher, item, sizeof item, SHMQ_NOWAIT), -EPERM);
  check_is(shmq_get_many(watcher, items, 1, SHMQ_NOWAIT), -EPERM);
  check_is(shmq_peek(watcher, item, sizeof item), -EPERM);
  check_is(shmq_take(watcher, &lease, SHMQ_NOWAIT), -EPERM);
  check_is(shmq_take_many(watcher, &lease, 1, SHMQ_NOWAIT), -EPERM);
  check_is(shmq_done(watcher, &lease), -EPERM);
  check_is(shmq_give_back(watcher, &lease), -EPERM);
  check_is(shmq_bury(watcher, &lease), -EPERM);
  check_is(shmq_touch(watcher, &lease), -EPERM);
  check_is(shmq_task_done(watcher), -EPERM);
  check_is(shmq_join(watcher, SHMQ_NOWAIT), -EPERM);
  check_is(shmq_shutdown(watcher, 0), -EPERM);
  check_is(shmq_recover(watcher), -EPERM);
  check_is(shmq_wait_any(&watcher, &event, 1, SHMQ_NOWAIT), -EPERM);
  check_is(shmq_event_arm(watcher, event, &futex), -EPERM);
  check_is(shmq_look(watcher, event), -EPERM);
  check_is(shmq_check(watcher, NULL), -EPERM);
}

Test(p7_watching, watcher_sees_the_counts) {
  shmq *queue = make_queue(NULL), *watcher = watch_queue();
  check_is(put_numbers(queue, 0, 3), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  check_is(shmq_qsize(watcher), 2);
  cr_assert(!shmq_empty(watcher) && !shmq_full(watcher));
  struct shmq_stats own = stats_of(queue), seen = stats_of(watcher);
  check_at_least(own.oldest_waiting, 1);
  check_at_least(seen.oldest_waiting, own.oldest_waiting);
  own.oldest_waiting = seen.oldest_waiting;
  cr_assert(memcmp(&own, &seen, sizeof own) == 0);
}

Test(p7_watching, watcher_writes_nothing) {
  size_t size, size_after;
  shmq *queue = make_queue(NULL);
  check_is(put_numbers(queue, 0, 3), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 0);
  char *before = read_segment(&size);
  shmq *watcher = watch_queue();
  for (int i = 0; i < 100; i++)
    watch_everything(watcher);
  try_everything_else(watcher);
  check_is(shmq_close(watcher), 0);
  char *after = read_segment(&size_after);
  check_is(size, size_after);
  cr_assert(memcmp(before, after, size) == 0);
  free(before);
  free(after);
}

Test(p7_watching, segment_is_mapped_read_only) {
  char line[512];
  int mapped = 0;
  check_is(shmq_close(make_queue(NULL)), 0);
  watch_queue();
  FILE *maps = fopen("/proc/self/maps", "re");
  while (fgets(line, sizeof line, maps)) {
    if (!strstr(line, queue_name)) continue;
    mapped++;
    cr_assert(strstr(line, " r--s "), "mapped writable: %s", line);
  }
  fclose(maps);
  check_at_least(mapped, 1);
}

Test(p7_watching, everything_but_watching_is_refused) {
  shmq *queue = make_queue(NULL);
  check_is(put_number(queue, 0), 0);
  try_everything_else(watch_queue());
  check_is(stats_of(queue).put, 1);
  check_is(stats_of(queue).got, 0);
}

Test(p7_watching, watcher_takes_no_slot) {
  struct shmq_options options = default_options();
  options.max_processes = 1;
  options.max_threads = 1;
  shmq *queue = make_queue(&options), *refused = NULL;
  for (int i = 0; i < 10; i++)
    watch_everything(watch_queue());
  check_is(shmq_open(&refused, queue_name), -EUSERS);
  check_is(stats_of(queue).processes, 1);
}

_Noreturn static int64_t watch_for_ever(void *unused) {
  shmq *watcher;
  (void)unused;
  say(shmq_open_readonly(&watcher, queue_name));
  for (;;) {
    struct shmq_stats stats;
    shmq_stat(watcher, &stats);
  }
}

Test(p7_watching, watcher_may_be_stopped_and_killed_at_any_point) {
  struct chance chance = chance_begin();
  shmq *queue = make_queue(NULL);
  for (int round = 0; round < 50; round++) {
    struct child watcher = child_start(watch_for_ever, NULL);
    check_is(child_hear(&watcher), 0);
    nap((shmq_ns)chance_below(&chance, 1000) * US);
    child_stop(&watcher);
    for (int64_t i = 0; i < 100; i++) {
      check_is(shmq_put(queue, &i, sizeof i, SHMQ_NOWAIT), 0);
      check_is(get_number(queue, SHMQ_NOWAIT), i);
      check_is(shmq_task_done(queue), 0);
    }
    child_kill(&watcher);
  }
  check_is(shmq_recover(queue), 0);
  check_at_rest(queue);
}

_Noreturn static int64_t use_for_ever(void *unused) {
  shmq *queue = open_queue();
  char item[8] = {0};
  (void)unused;
  say(0);
  for (;;) {
    shmq_put(queue, item, sizeof item, SHMQ_NOWAIT);
    shmq_get(queue, item, sizeof item, SHMQ_NOWAIT);
    shmq_task_done(queue);
  }
}

/* Never more than one item waits or is unfinished; no look may see counts torn apart. */
Test(p7_watching, counts_of_a_busy_queue_are_never_absurd) {
  shmq *queue = make_queue(NULL), *watcher = watch_queue();
  struct child user = child_start(use_for_ever, NULL);
  check_is(child_hear(&user), 0);
  for (int i = 0; i < 100000; i++) {
    check_at_most(shmq_qsize(watcher), 1);
    if (i % 16) continue;
    const struct shmq_stats stats = stats_of(watcher);
    check_at_most(stats.qsize, 1);
    check_at_most(stats.used, stats.capacity);
    check_at_most(stats.processes, 2);
  }
  child_kill(&user);
  check_is(shmq_recover(queue), 1);
}

Test(p7_watching, reader_of_another_user_may_watch_but_not_use) {
  struct shmq_options options = default_options();
  shmq *watcher = NULL, *refused = NULL;
  if (getuid() != 0) cr_skip("needs root");
  options.mode = 0644;
  make_queue(&options);
  check_is(chown(segment_path(), 12345, 12345), 0);
  check_is(shmq_open(&refused, queue_name), -EACCES);
  check_is(shmq_open_readonly(&watcher, queue_name), 0);
  watch_everything(watcher);
}

static int64_t take_one_get_two(void *unused) {
  struct shmq_lease lease;
  shmq *queue = open_queue();
  (void)unused;
  say(take_number(queue, &lease, PATIENCE));
  say(get_number(queue, PATIENCE));
  say(get_number(queue, PATIENCE));
  stay();
}

static struct shmq_process process_of(shmq *queue, pid_t pid) {
  struct shmq_process processes[8];
  const ssize_t n = shmq_processes(queue, processes, 8);
  for (ssize_t i = 0; i < n && i < 8; i++)
    if (processes[i].pid == pid) return processes[i];
  return (struct shmq_process){0};
}

Test(p7_watching, attached_processes_are_listed_with_what_they_hold) {
  shmq *queue = make_queue(NULL), *watcher = watch_queue();
  check_is(put_numbers(queue, 0, 3), 0);
  struct child user = child_start(take_one_get_two, NULL);
  for (int64_t i = 0; i < 3; i++)
    check_is(child_hear(&user), i);
  check_is(shmq_processes(watcher, NULL, 0), 2);
  struct shmq_process process = process_of(watcher, user.pid);
  check_is(process.pid, user.pid);
  cr_assert(process.alive);
  check_is(process.threads, 1);
  check_is(process.leased, 1);
  check_is(process.unfinished, 3);
  cr_assert(process_of(watcher, getpid()).alive);
  child_kill(&user);
  process = process_of(watcher, user.pid);
  check_is(process.pid, user.pid);
  cr_assert(!process.alive, "a dead process is listed as alive");
  check_is(shmq_recover(queue), 1);
  check_is(process_of(watcher, user.pid).pid, 0);
}
