/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "futex.h"
#include "team.h"

/*
 * The first word of an item: its producer and its number there. All others are the producer's own
 * and stay, so that the making of an item costs next to nothing; the sum covers all of them.
 */
enum { NUMBER_BITS = 48, PLAYERS_MAX = 64 };
static const uint64_t pill = UINT64_MAX; /* a consumer's last item */

/* What one process reports; nobody else writes its line. */
struct report {
  _Alignas(128) uint64_t items;
  uint64_t sum;
  uint64_t ended;
};

struct board {
  _Alignas(128) _Atomic uint32_t producing; /* producers that have not put their last item */
  _Alignas(128) _Atomic uint32_t consuming; /* consumers that have not got theirs */
  struct report producers[PLAYERS_MAX], consumers[PLAYERS_MAX];
};

struct player {
  const struct peer *peer;
  void *channel;
  const struct load *load;
  struct board *board;
  struct gate *gate;
  unsigned index;
};

/* ---- Items, and batches of them ---- */

/* As many items as go into one call, one behind the other. */
struct batch {
  size_t n, words;
  uint64_t *data;
  struct iovec *items;
};

static void batch_init(struct batch *batch, const struct shape *shape, bool many) {
  batch->n = many ? shape->batch : 1;
  batch->words = shape->item / sizeof(uint64_t);
  batch->data = aligned_alloc(128, (batch->n * shape->item + 127) & ~(size_t)127);
  batch->items = calloc(batch->n, sizeof *batch->items);
  if (!batch->data || !batch->items) err(1, "batch");
  for (size_t i = 0; i < batch->n; i++) {
    batch->items[i] = (struct iovec){batch->data + i * batch->words, shape->item};
  }
}

static uint64_t sum_words(const uint64_t *words, size_t n) {
  uint64_t sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += words[i];
  return sum;
}

/* Fill all words but the first of each item; returns their sum for one item. */
static uint64_t batch_fill(struct batch *batch, unsigned producer) {
  for (size_t i = 0; i < batch->n * batch->words; i++) {
    batch->data[i] = (i % batch->words + producer + 1) * UINT64_C(0x9e3779b97f4a7c15);
  }
  return sum_words(batch->data + 1, batch->words - 1);
}

/* ---- Producers ---- */

static void put_batch(const struct player *me, struct batch *batch) {
  if (batch->n > 1) {
    me->peer->put_many(me->channel, batch->items, batch->n);
  } else {
    me->peer->put(me->channel, batch->data, batch->items->iov_len);
  }
}

static void put_items(struct player *me, struct batch *batch, struct report *report) {
  const struct load *load = me->load;
  uint64_t limit = load->items ? load->items / load->shape.producers : UINT64_MAX;
  uint64_t rest_sum = batch_fill(batch, me->index);
  uint64_t first = (uint64_t)me->index << NUMBER_BITS;
  uint64_t items = 0, sum = 0;
  do {
    for (size_t i = 0; i < batch->n; i++) {
      batch->data[i * batch->words] = first + items;
      sum += first + items++ + rest_sum;
    }
    put_batch(me, batch);
  } while (items < limit && !team_stopped(me->gate));
  report->items = items;
  report->sum = sum;
}

/* One for each consumer; from the last producer, where a queue keeps the order of all. */
static void put_pills(struct player *me, struct batch *batch) {
  bool last = atomic_fetch_sub(&me->board->producing, 1) == 1;
  if (!last && !me->peer->pairwise) return;
  batch->data[0] = pill;
  for (unsigned i = 0; i < me->load->shape.consumers; i++) {
    me->peer->put(me->channel, batch->data, me->load->shape.item);
  }
}

/* Some peers drop what is on its way when the sender leaves. */
static void await_consumers(struct board *board) {
  for (uint32_t left; (left = atomic_load(&board->consuming)) > 0;) {
    futex_wait(&board->consuming, left);
  }
}

static void leave_consumers(struct board *board) {
  if (atomic_fetch_sub(&board->consuming, 1) == 1) futex_wake(&board->consuming, INT_MAX);
}

static void attach(const struct player *me, enum side side) {
  if (me->peer->attach) me->peer->attach(me->channel, side, me->index);
}

static void detach(const struct player *me) {
  if (me->peer->detach) me->peer->detach(me->channel);
}

static void produce(void *argument) {
  struct player *me = argument;
  struct batch batch;
  batch_init(&batch, &me->load->shape, me->peer->put_many != NULL);
  attach(me, PRODUCER);
  team_gate(me->gate);
  put_items(me, &batch, &me->board->producers[me->index]);
  put_pills(me, &batch);
  await_consumers(me->board);
  detach(me);
}

/* ---- Consumers ---- */

struct check {
  uint64_t items, sum;
  uint64_t next[PLAYERS_MAX]; /* of each producer, the number that may come next */
  unsigned pills;
};

static void check_item(struct check *check, const uint64_t *item, size_t words) {
  uint64_t producer = item[0] >> NUMBER_BITS;
  uint64_t number = item[0] & ((UINT64_C(1) << NUMBER_BITS) - 1);
  if (item[0] == pill) {
    check->pills++;
    return;
  }
  if (producer >= PLAYERS_MAX) errx(1, "an item was altered");
  if (number < check->next[producer]) errx(1, "an item came twice or too late");
  check->next[producer] = number + 1;
  check->items++;
  check->sum += sum_words(item, words);
}

static void check_size(const struct player *me, size_t size) {
  if (size != me->load->shape.item) errx(1, "an item changed its size");
}

static void take_one(const struct player *me, struct batch *batch, struct check *check) {
  size_t size;
  const void *item = me->peer->take(me->channel, &size);
  check_size(me, size);
  check_item(check, item, batch->words);
  me->peer->release(me->channel);
}

static void get_one(const struct player *me, struct batch *batch, struct check *check) {
  check_size(me, me->peer->get(me->channel, batch->data, batch->items->iov_len));
  check_item(check, batch->data, batch->words);
}

static void get_batch(const struct player *me, struct batch *batch, struct check *check) {
  size_t n = me->peer->get_many(me->channel, batch->items, batch->n);
  for (size_t i = 0; i < n; i++) {
    check_size(me, batch->items[i].iov_len);
    check_item(check, batch->data + i * batch->words, batch->words);
  }
}

static void get_items(const struct player *me, struct batch *batch, struct check *check) {
  unsigned pills = me->peer->pairwise ? me->load->shape.producers : 1;
  void (*get)(const struct player *, struct batch *, struct check *) = batch->n > 1     ? get_batch
                                                                       : me->peer->take ? take_one
                                                                                        : get_one;
  while (check->pills < pills)
    get(me, batch, check);
}

static void consume(void *argument) {
  struct player *me = argument;
  struct report *report = &me->board->consumers[me->index];
  struct batch batch;
  struct check check = {0};
  batch_init(&batch, &me->load->shape, me->peer->get_many != NULL);
  attach(me, CONSUMER);
  team_gate(me->gate);
  get_items(me, &batch, &check);
  *report = (struct report){check.items, check.sum, now_ns()};
  leave_consumers(me->board);
  detach(me);
}

/* ---- Those who only stand by ---- */

static void stand_by(void *argument) {
  struct player *me = argument;
  attach(me, BYSTANDER);
  team_gate(me->gate);
  for (;;)
    pause();
}

static void burn(void *argument) {
  struct player *me = argument;
  team_gate(me->gate);
  for (;;)
    cpu_pause();
}

/* ---- The run ---- */

/* Producers and consumers by turns, so that one of each shares a processor with its like. */
static void add_players(struct team *team, struct player *player) {
  const struct shape *shape = &player->load->shape;
  for (unsigned i = 0; i < shape->producers || i < shape->consumers; i++) {
    player->index = i;
    if (i < shape->producers) team_add(team, produce, player);
    if (i < shape->consumers) team_add(team, consume, player);
  }
}

static void add_helpers(struct team *team, struct player *player) {
  for (unsigned i = 0; i < player->load->bystanders; i++)
    team_add_helper(team, stand_by, player);
  if (player->load->neighbour) team_add_helper(team, burn, player);
}

static bool evaluate(const struct board *board, uint64_t opened, double *items_per_second) {
  struct report put = {0}, got = {0};
  for (unsigned i = 0; i < PLAYERS_MAX; i++) {
    put.items += board->producers[i].items;
    put.sum += board->producers[i].sum;
    got.items += board->consumers[i].items;
    got.sum += board->consumers[i].sum;
    if (got.ended < board->consumers[i].ended) got.ended = board->consumers[i].ended;
  }
  *items_per_second = 1e9 * (double)got.items / (double)(got.ended - opened);
  if (put.items != got.items) warnx("items lost: %ld", (long)(put.items - got.items));
  if (put.sum != got.sum) warnx("items altered");
  return put.items == got.items && put.sum == got.sum;
}

static bool run_team(struct player *player, double *items_per_second) {
  const struct load *load = player->load;
  struct team team;
  team_begin(&team);
  player->gate = team.gate;
  add_players(&team, player);
  add_helpers(&team, player);
  return team_run(&team, load->items ? -1 : load->seconds) &&
         evaluate(player->board, team.opened, items_per_second);
}

bool load_fits(const struct peer *peer, const struct shape *shape) {
  return !peer->bare && (!peer->item_limit || (long)shape->item <= read_limit(peer->item_limit)) &&
         (!peer->producers_max || shape->producers <= peer->producers_max) &&
         (!peer->consumers_max || shape->consumers <= peer->consumers_max);
}

bool load_run(const struct peer *peer, const struct load *load, double *items_per_second) {
  if (peer->run_alone) {
    *items_per_second = peer->run_alone(&load->shape, load->seconds);
    return *items_per_second >= 0;
  }
  struct player player = {.peer = peer, .load = load, .board = shared_map(sizeof(struct board))};
  player.board->producing = load->shape.producers;
  player.board->consuming = load->shape.consumers;
  player.channel = peer->setup(&load->shape);
  if (!player.channel) warn("%s", peer->name);
  bool good = player.channel && run_team(&player, items_per_second);
  if (player.channel) peer->teardown(player.channel);
  shared_unmap(player.board, sizeof *player.board);
  return good;
}
