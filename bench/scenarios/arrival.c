/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <stdatomic.h>
#include <time.h>

#include "bench.h"
#include "clock.h"
#include "team.h"

/*
 * Who has been alone on a side for long has its lock by bias. What does it cost when another comes,
 * and how soon is it as fast as before when the other has left?
 *
 * All times in windows, counted from the consumer's start.
 */
enum {
  WINDOW_MS = 20,
  SETTLED = 10, /* the first windows are not counted */
  ARRIVES = 30,
  LEAVES = 40,
  WINDOWS = 60,
  SOON = 80 / WINDOW_MS, /* after the leaving: the windows that should be as before, */
  SPAN = 100 / WINDOW_MS /* so many */
};

static const char *const cases[] = {"for 200 ms", NULL};
static const char *const metrics[] = {"after/before", "before", "during", "ms to 90 %", NULL};

enum { ITEM_WORDS = 8 };
static const uint64_t pill = UINT64_MAX;

/* In memory that all share. */
struct diary {
  _Atomic uint64_t start;
  _Atomic uint64_t left;
  double got[WINDOWS];
};

struct visit {
  const struct peer *peer;
  void *channel;
  struct gate *gate;
  struct diary *diary;
};

static uint64_t window_ns(const struct visit *visit, unsigned window) {
  return atomic_load(&visit->diary->start) + window * (WINDOW_MS * UINT64_C(1000000));
}

static void sleep_until(uint64_t ns) {
  const struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u),
                                .tv_nsec = (long)(ns % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0)
    continue;
}

static void begin(const struct visit *visit) {
  uint64_t none = 0;
  team_gate(visit->gate);
  atomic_compare_exchange_strong(&visit->diary->start, &none, now_ns());
}

static void attach(const struct visit *visit, enum side side) {
  visit->peer->attach(visit->channel, side, 0);
}

static void put(const struct visit *visit, uint64_t word) {
  const uint64_t item[ITEM_WORDS] = {word, word, word, word, word, word, word, word};
  visit->peer->put(visit->channel, item, sizeof item);
}

static void put_until(const struct visit *visit, uint64_t end) {
  for (uint64_t i = 0; i % 64 || now_ns() < end; i++)
    put(visit, i);
}

static void stay(void *argument) {
  const struct visit *visit = argument;
  attach(visit, PRODUCER);
  begin(visit);
  put_until(visit, window_ns(visit, WINDOWS));
  put(visit, pill);
}

static void call(void *argument) {
  const struct visit *visit = argument;
  begin(visit);
  sleep_until(window_ns(visit, ARRIVES));
  attach(visit, PRODUCER);
  put_until(visit, window_ns(visit, LEAVES));
  visit->peer->detach(visit->channel);
  atomic_store(&visit->diary->left, now_ns());
}

static uint64_t get(const struct visit *visit) {
  uint64_t item[ITEM_WORDS];
  visit->peer->get(visit->channel, item, sizeof item);
  for (unsigned i = 1; i < ITEM_WORDS; i++) {
    if (item[i] != item[0]) errx(1, "an item was altered");
  }
  return item[0];
}

static void consume(void *argument) {
  const struct visit *visit = argument;
  attach(visit, CONSUMER);
  begin(visit);
  uint64_t start = window_ns(visit, 0), got = 0, window = 0;
  while (get(visit) != pill) {
    if (++got % 64 == 0) window = (now_ns() - start) / (WINDOW_MS * UINT64_C(1000000));
    if (window < WINDOWS) visit->diary->got[window]++;
  }
}

/* Items a second: the median of some windows. */
static double rate(const struct diary *diary, unsigned first, unsigned end) {
  double got[WINDOWS];
  for (unsigned i = first; i < end; i++)
    got[i - first] = diary->got[i] * (1000.0 / WINDOW_MS);
  sort_values(got, end - first);
  return quantile(got, end - first, 0.5);
}

static bool evaluate(const struct visit *visit, double *values) {
  const struct diary *diary = visit->diary;
  uint64_t left_ms = (diary->left - diary->start) / 1000000;
  unsigned left = (unsigned)(left_ms / WINDOW_MS) + 1, back = left; /* the first whole window */
  if (left + SOON + SPAN > WINDOWS) return false;
  values[1] = rate(diary, SETTLED, ARRIVES);
  values[2] = rate(diary, ARRIVES + 1, LEAVES);
  if (values[1] == 0) return false;
  values[0] = rate(diary, left + SOON, left + SOON + SPAN) / values[1];
  while (back < WINDOWS && rate(diary, back, back + 1) < 0.9 * values[1])
    back++;
  values[3] = (double)((back + 1) * WINDOW_MS) - (double)left_ms;
  return true;
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  const struct shape shape = {
      .item = ITEM_WORDS * sizeof(uint64_t), .producers = 2, .consumers = 1, .batch = 1};
  struct visit visit = {.peer = peer, .channel = peer->setup(&shape)};
  struct team team;
  (void)settings;
  (void)chosen;
  if (!visit.channel) err(1, "%s", peer->name);
  visit.diary = shared_map(sizeof *visit.diary);
  team_begin(&team);
  visit.gate = team.gate;
  team_add(&team, stay, &visit);
  team_add(&team, consume, &visit);
  team_add(&team, call, &visit);
  bool good = team_run(&team, -1) && evaluate(&visit, values);
  shared_unmap(visit.diary, sizeof *visit.diary);
  peer->teardown(visit.channel);
  return good;
}

const struct scenario scenario_arrival = {
    .name = "arrival",
    .about = "1 producer, 1 consumer; a second producer comes, puts, and leaves; 64 bytes",
    .axis = "it stays",
    .cases = cases,
    .metrics = metrics,
    .unit = "ratio; items a second; ms after it left until a 20-ms window is as fast as before",
    .fits = is_shmq,
    .sample = sample,
};
