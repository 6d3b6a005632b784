/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <shmq.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "clock.h"

static const char *const cases[] = {"0, 0",    "1, 0",   "100, 0",  "10 k, 0", "64 k, 0",
                                    "1, 10 k", "1, 1 M", "1, 10 M", NULL};
static const struct {
  uint32_t leases;
  uint64_t backlog;
} states[] = {{0, 0},     {1, 0},     {100, 0},     {10000, 0},
              {65536, 0}, {1, 10000}, {1, 1000000}, {1, 10000000}};
static const char *const metrics[] = {"ms", NULL};

enum { ITEM = 64 };

static void must(int64_t result, const char *what) {
  if (result < 0) errx(1, "shmq %s: %s", what, shmq_strerror((int)result));
}

static void fill(shmq *queue, uint64_t items) {
  const char item[ITEM] = {0};
  while (items-- > 0)
    must(shmq_put(queue, item, sizeof item, SHMQ_NOWAIT), "put");
}

static void create(shmq **queue, const char *name, size_t chosen) {
  struct shmq_options options;
  uint64_t items = states[chosen].leases + states[chosen].backlog;
  shmq_options_init(&options);
  options.item_max = ITEM;
  options.capacity = (items + 1) * (ITEM + 8);
  options.max_leases = states[chosen].leases ? states[chosen].leases : 1;
  must(shmq_create(queue, name, &options), "create");
  fill(*queue, items);
}

/* Take the leases and die of it. */
static void take_and_die(const char *name, uint32_t leases) {
  shmq *queue;
  struct shmq_lease lease;
  pid_t pid = fork();
  if (pid < 0) err(1, "fork");
  if (pid == 0) {
    must(shmq_open(&queue, name), "open");
    shmq_peek(queue, NULL, 0);
    while (leases-- > 0)
      must(shmq_take(queue, &lease, SHMQ_NOWAIT), "take");
    raise(SIGKILL);
  }
  waitpid(pid, NULL, 0);
}

static bool check(shmq *queue, size_t chosen, int recovered) {
  struct shmq_stats stats;
  must(shmq_stat(queue, &stats), "stat");
  return recovered == 1 && stats.leased == 0 && stats.returned == states[chosen].leases;
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  char name[64];
  shmq *queue;
  (void)settings;
  (void)peer;
  unique_name(name, sizeof name, "bench");
  create(&queue, name, chosen);
  take_and_die(name, states[chosen].leases);
  uint64_t began = now_ns();
  int recovered = shmq_recover(queue);
  values[0] = 1e-6 * (double)(now_ns() - began);
  bool good = check(queue, chosen, recovered);
  if (!good) warnx("recovery went wrong: %s", shmq_strerror(recovered));
  shmq_close(queue);
  shmq_unlink(name);
  return good;
}

const struct scenario scenario_recovery = {
    .name = "recovery",
    .about = "clean up after one killed process; 64 bytes",
    .axis = "leases it held, items that wait",
    .cases = cases,
    .metrics = metrics,
    .unit = "milliseconds",
    .less_is_better = true,
    .fits = is_shmq,
    .sample = sample,
};
