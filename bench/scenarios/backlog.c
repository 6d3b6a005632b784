/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "clock.h"
#include "team.h"

enum { ITEM_WORDS = 8 };

static const char *const cases[] = {"1", "1 k", "100 k", "1 M", "10 M", NULL};
static const size_t backlogs[] = {1, 1000, 100 * 1000, 1000 * 1000, 10 * 1000 * 1000};
static const size_t longest = 10 * 1000 * 1000;
static const char *const metrics[] = {"ns", NULL};

/* One process, so that the backlog stays what it is. */
struct turn {
  const struct peer *peer;
  void *channel;
  struct gate *gate;
  size_t backlog;
  double *ns; /* shared */
};

static void put(const struct turn *turn, uint64_t number) {
  const uint64_t item[ITEM_WORDS] = {number, number ^ 1, number ^ 2, number ^ 3,
                                     number, number ^ 5, number ^ 6, number ^ 7};
  turn->peer->put(turn->channel, item, sizeof item);
}

static void get(const struct turn *turn, uint64_t number) {
  uint64_t item[ITEM_WORDS], sum = 0;
  turn->peer->get(turn->channel, item, sizeof item);
  for (size_t i = 0; i < ITEM_WORDS; i++)
    sum ^= item[i];
  if (item[0] != number || sum != 4) errx(1, "an item was lost or altered");
}

/* So that no page of shared memory comes in for the first time while the clock runs. */
static void touch_all(void) {
  unsigned long from, to;
  char mode[5];
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps) err(1, "/proc/self/maps");
  while (fscanf(maps, "%lx-%lx %4s%*[^\n]", &from, &to, mode) == 3) {
    if (strcmp(mode, "rw-s") == 0) madvise((void *)from, to - from, MADV_POPULATE_WRITE);
  }
  fclose(maps);
}

static void work(void *argument) {
  struct turn *turn = argument;
  uint64_t in = 0, out = 0;
  if (turn->peer->attach) turn->peer->attach(turn->channel, CONSUMER, 0);
  touch_all();
  while (in < turn->backlog)
    put(turn, in++);
  team_gate(turn->gate);
  uint64_t began = now_ns();
  while (out % 64 || !team_stopped(turn->gate)) {
    put(turn, in++);
    get(turn, out++);
  }
  *turn->ns = (double)(now_ns() - began) / (double)out;
}

static bool fits(const struct peer *peer, size_t chosen) {
  (void)chosen;
  return peer->deep && strcmp(peer->name, "shmq-take") != 0;
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  const struct shape shape = {.item = ITEM_WORDS * sizeof(uint64_t),
                              .producers = 1,
                              .consumers = 1,
                              .batch = 1,
                              .backlog = longest + 1}; /* one ring for all cases */
  struct turn turn = {.peer = peer, .channel = peer->setup(&shape), .backlog = backlogs[chosen]};
  struct team team;
  if (!turn.channel) err(1, "%s", peer->name);
  turn.ns = shared_map(sizeof *turn.ns);
  team_begin(&team);
  turn.gate = team.gate;
  team_add(&team, work, &turn);
  bool good = team_run(&team, settings->seconds);
  values[0] = *turn.ns;
  shared_unmap(turn.ns, sizeof *turn.ns);
  peer->teardown(turn.channel);
  return good;
}

const struct scenario scenario_backlog = {
    .name = "backlog",
    .about = "one process puts and gets by turns while others wait before its items; 64 bytes",
    .axis = "waiting items",
    .cases = cases,
    .metrics = metrics,
    .unit = "nanoseconds for a put and a get",
    .less_is_better = true,
    .fits = fits,
    .sample = sample,
};
