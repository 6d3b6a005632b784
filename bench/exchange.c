/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include <err.h>
#include <stdatomic.h>
#include <time.h>

#include "clock.h"
#include "team.h"

enum { SAMPLES_MIN = 300, SAMPLES_MAX = 1 << 20, ITEM_WORDS = 8 };
enum { ASLEEP_NS = 500 * 1000 }; /* more than anybody spins */

const char *const latency_metrics[] = {"p50", "p99", "p99.9", "max", NULL};

/* The item. */
struct letter {
  uint64_t sent; /* when */
  uint64_t way;  /* how long the way there took, for the answer */
  uint64_t last;
  uint64_t rest[ITEM_WORDS - 3];
};

/* In memory that all share. */
struct diary {
  _Atomic uint32_t count;
  _Atomic uint32_t ended; /* receivers that have got their last letter */
  double us[SAMPLES_MAX];
};

struct game {
  const struct peer *peer;
  void *there, *back;
  struct diary *diary;
  struct gate *gate;
  unsigned index, receivers;
};

static void note(const struct game *game, uint64_t ns) {
  struct diary *diary = game->diary;
  uint32_t at = atomic_fetch_add_explicit(&diary->count, 1, memory_order_relaxed);
  if (at < SAMPLES_MAX) diary->us[at] = 1e-3 * (double)ns;
}

/* The time is over, and there are samples enough for a p99. */
static bool is_over(const struct game *game) {
  return team_stopped(game->gate) &&
         atomic_load_explicit(&game->diary->count, memory_order_relaxed) >= SAMPLES_MIN;
}

static void attach(const struct game *game, void *channel, enum side side) {
  if (channel && game->peer->attach) game->peer->attach(channel, side, game->index);
}

static void arrive(const struct game *game, enum side there, enum side back) {
  attach(game, game->there, there);
  attach(game, game->back, back);
  team_gate(game->gate);
}

/* Some peers drop what is on its way when the sender leaves: wait for the receivers. */
static void leave(const struct game *game) {
  const struct timespec moment = {.tv_nsec = 1000 * 1000};
  while (atomic_load(&game->diary->ended) < game->receivers)
    nanosleep(&moment, NULL);
  if (!game->peer->detach) return;
  game->peer->detach(game->there);
  if (game->back) game->peer->detach(game->back);
}

static void put(const struct game *game, void *channel, const struct letter *letter) {
  game->peer->put(channel, letter, sizeof *letter);
}

static void get(const struct game *game, void *channel, struct letter *letter) {
  if (game->peer->get(channel, letter, sizeof *letter) != sizeof *letter) errx(1, "a bad item");
}

/* ---- There and back, awake: one clock, the sender's ---- */

static void ping(void *argument) {
  struct game *game = argument;
  struct letter letter = {0};
  arrive(game, PRODUCER, CONSUMER);
  while (!letter.last) {
    letter.last = is_over(game);
    letter.sent = now_ns();
    put(game, game->there, &letter);
    get(game, game->back, &letter);
    note(game, now_ns() - letter.sent);
  }
  atomic_fetch_add(&game->diary->ended, 1);
  leave(game);
}

static void echo(void *argument) {
  struct game *game = argument;
  struct letter letter = {0};
  arrive(game, CONSUMER, PRODUCER);
  while (!letter.last) {
    get(game, game->there, &letter);
    put(game, game->back, &letter);
  }
  leave(game);
}

/* ---- There and back, asleep: the two ways are timed one by one, and added ---- */

static void put_to_sleeper(const struct game *game, void *channel, struct letter *letter) {
  burn_ns(ASLEEP_NS);
  letter->sent = now_ns();
  put(game, channel, letter);
}

static void call(void *argument) {
  struct game *game = argument;
  struct letter letter = {0};
  arrive(game, PRODUCER, CONSUMER);
  while (!letter.last) {
    letter.last = is_over(game);
    put_to_sleeper(game, game->there, &letter);
    get(game, game->back, &letter);
    note(game, letter.way + now_ns() - letter.sent);
  }
  atomic_fetch_add(&game->diary->ended, 1);
  leave(game);
}

static void answer(void *argument) {
  struct game *game = argument;
  struct letter letter = {0};
  arrive(game, CONSUMER, PRODUCER);
  while (!letter.last) {
    get(game, game->there, &letter);
    letter.way = now_ns() - letter.sent;
    put_to_sleeper(game, game->back, &letter);
  }
  leave(game);
}

/* ---- One knocks, many sleep ---- */

static void knock(void *argument) {
  struct game *game = argument;
  struct letter letter = {0};
  arrive(game, PRODUCER, PRODUCER);
  while (!is_over(game))
    put_to_sleeper(game, game->there, &letter);
  letter.last = 1;
  for (unsigned i = 0; i < game->receivers; i++)
    put_to_sleeper(game, game->there, &letter);
  leave(game);
}

static void wake(void *argument) {
  struct game *game = argument;
  struct letter letter = {0};
  arrive(game, CONSUMER, CONSUMER);
  for (;;) {
    get(game, game->there, &letter);
    if (letter.last) break;
    note(game, now_ns() - letter.sent);
  }
  atomic_fetch_add(&game->diary->ended, 1);
  leave(game);
}

/* ---- The run ---- */

static bool evaluate(struct diary *diary, double *values) {
  size_t n = diary->count < SAMPLES_MAX ? diary->count : SAMPLES_MAX;
  sort_values(diary->us, n);
  values[0] = quantile(diary->us, n, 0.5);
  values[1] = quantile(diary->us, n, 0.99);
  values[2] = quantile(diary->us, n, 0.999);
  values[3] = quantile(diary->us, n, 1);
  return n > 0;
}

static bool play(struct game *game, const struct settings *settings, team_role *one,
                 team_role *others, unsigned n, double *values) {
  struct team team;
  team_begin(&team);
  game->gate = team.gate;
  game->diary = shared_map(sizeof *game->diary);
  team_add(&team, one, game);
  for (unsigned i = 0; i < n; i++) {
    game->index = i;
    team_add(&team, others, game);
  }
  bool good = team_run(&team, settings->seconds) && evaluate(game->diary, values);
  shared_unmap(game->diary, sizeof *game->diary);
  return good;
}

static void *set_up(const struct peer *peer, unsigned consumers) {
  const struct shape shape = {.item = sizeof(struct letter),
                              .producers = 1,
                              .consumers = consumers,
                              .batch = 1,
                              .prompt = true};
  void *channel = peer->setup(&shape);
  if (!channel) err(1, "%s", peer->name);
  return channel;
}

static bool play_two_ways(const struct settings *settings, const struct peer *peer, team_role *one,
                          team_role *other, double *values) {
  struct game game = {.peer = peer, .receivers = 1};
  game.there = set_up(peer, 1);
  game.back = set_up(peer, 1);
  bool good = play(&game, settings, one, other, 1, values);
  peer->teardown(game.there);
  peer->teardown(game.back);
  return good;
}

bool round_trip(const struct settings *settings, const struct peer *peer, double *values) {
  return play_two_ways(settings, peer, ping, echo, values);
}

bool round_trip_asleep(const struct settings *settings, const struct peer *peer, double *values) {
  return play_two_ways(settings, peer, call, answer, values);
}

bool wake_up(const struct settings *settings, const struct peer *peer, unsigned sleepers,
             double *values) {
  struct game game = {.peer = peer, .receivers = sleepers, .there = set_up(peer, sleepers)};
  bool good = play(&game, settings, knock, wake, sleepers, values);
  peer->teardown(game.there);
  return good;
}
