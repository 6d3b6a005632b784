/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <stdatomic.h>
#include <time.h>

#include "bench.h"
#include "clock.h"
#include "team.h"

enum { ITEM_WORDS = 8 };

/* A consumer waits for an item that comes only when the time is over. */
struct wait {
  const struct peer *peer;
  void *channel;
  struct gate *gate;
  struct outcome *outcome; /* shared */
};

struct outcome {
  double percent;
  _Atomic bool known;
};

enum { SECONDS = 3 }; /* so that the start does not count */
static const char *const cases[] = {"for 3 s", NULL};
static const char *const metrics[] = {"percent", NULL};

static void attach(const struct wait *wait, enum side side) {
  if (wait->peer->attach) wait->peer->attach(wait->channel, side, 0);
}

/* Of all threads of this process. */
static uint64_t processor_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void consume(void *argument) {
  const struct wait *wait = argument;
  uint64_t item[ITEM_WORDS];
  attach(wait, CONSUMER);
  team_gate(wait->gate);
  uint64_t used = processor_ns(), began = now_ns();
  wait->peer->get(wait->channel, item, sizeof item);
  wait->outcome->percent = 100 * (double)(processor_ns() - used) / (double)(now_ns() - began);
  atomic_store(&wait->outcome->known, true);
}

static void produce(void *argument) {
  const struct timespec moment = {.tv_nsec = 1000 * 1000};
  const struct wait *wait = argument;
  const uint64_t item[ITEM_WORDS] = {0};
  attach(wait, PRODUCER);
  team_gate(wait->gate);
  while (!team_stopped(wait->gate))
    nanosleep(&moment, NULL);
  wait->peer->put(wait->channel, item, sizeof item);
  while (!atomic_load(&wait->outcome->known))
    nanosleep(&moment, NULL);
}

static bool fits(const struct peer *peer, size_t chosen) {
  (void)chosen;
  return can_sleep(peer) && !peer->bare;
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  const struct shape shape = {
      .item = ITEM_WORDS * sizeof(uint64_t), .producers = 1, .consumers = 1, .batch = 1};
  struct wait wait = {.peer = peer, .channel = peer->setup(&shape)};
  struct team team;
  (void)settings;
  (void)chosen;
  if (!wait.channel) err(1, "%s", peer->name);
  wait.outcome = shared_map(sizeof *wait.outcome);
  team_begin(&team);
  wait.gate = team.gate;
  team_add(&team, produce, &wait);
  team_add(&team, consume, &wait);
  bool good = team_run(&team, SECONDS);
  values[0] = wait.outcome->percent;
  shared_unmap(wait.outcome, sizeof *wait.outcome);
  peer->teardown(wait.channel);
  return good;
}

const struct scenario scenario_blocked = {
    .name = "blocked",
    .about = "processor time of a consumer that waits",
    .axis = "an empty queue",
    .cases = cases,
    .metrics = metrics,
    .unit = "percent of one processor",
    .less_is_better = true,
    .fits = fits,
    .sample = sample,
};
