/* SPDX-License-Identifier: Apache-2.0 */
#include "storm.h"

#include <err.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

enum {
  CREW_MAX = 32,
  ITEM_WORDS_MAX = 64,
  BLOCK = 1024,        /* items that a producer numbers at a time */
  ITEMS_MAX = 1 << 29, /* of one storm: a byte each for its put and its gets */
  PAUSE_US = 4000,     /* between two kills: up to this */
  SUSPICION_MS = 100,  /* without an item: kill nobody until one comes */
  HANG_MS = 5000,
  QUIET_MS = 1000, /* without an item, in the end: nothing is left */
  NAP_MS = 10, /* of a nap that takes longer, so much counts as waiting: see something_moves() */
};

enum fate { NOT_PUT, ABOUT_TO_PUT, PUT };

/* What stays of a process that is killed. */
struct post {
  _Alignas(128) _Atomic uint64_t moved; /* items, by all who had the post */
  _Atomic uint32_t getting;             /* an item may be in its hands, and not be noted */
};

/* In memory that all share. */
struct book {
  _Atomic uint32_t stop; /* producers end */
  _Atomic uint64_t items, invented;
  struct post posts[CREW_MAX];
};

struct crew {
  const struct peer *peer;
  const struct storm *storm;
  void *channel;
  struct book *book;
  _Atomic uint8_t *puts, *gets; /* of each item */
  unsigned size;
  pid_t pids[CREW_MAX];
  uint64_t chance;
};

/* splitmix64 */
static uint64_t chance_below(struct crew *crew, uint64_t limit) {
  uint64_t mixed = (crew->chance += 0x9e3779b97f4a7c15);
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return (mixed ^ (mixed >> 31)) % limit;
}

static void nap_us(uint64_t duration) {
  const struct timespec time = {.tv_sec = (time_t)(duration / 1000000),
                                .tv_nsec = (long)(duration % 1000000 * 1000)};
  nanosleep(&time, NULL);
}

/* ---- Items --------------------------------------------------------------------------------------
 */

static void make_item(uint64_t *words, size_t n, uint64_t number) {
  for (size_t i = 0; i < n; i++)
    words[i] = number * 0x9e3779b97f4a7c15 + i;
  words[0] = number;
}

static bool is_whole(const uint64_t *words, size_t n) {
  for (size_t i = 1; i < n; i++)
    if (words[i] != words[0] * 0x9e3779b97f4a7c15 + i) return false;
  return true;
}

/* ---- Those who are killed -----------------------------------------------------------------------
 */

static void produce(const struct crew *crew, struct post *post) {
  const size_t size = crew->storm->shape.item;
  uint64_t words[ITEM_WORDS_MAX], number = 0;
  while (!crew->book->stop) {
    if (number % BLOCK == 0) number = atomic_fetch_add(&crew->book->items, BLOCK);
    if (number + BLOCK > ITEMS_MAX) break;
    make_item(words, size / 8, number);
    atomic_store_explicit(&crew->puts[number], ABOUT_TO_PUT, memory_order_release);
    crew->peer->put(crew->channel, words, size);
    atomic_store_explicit(&crew->puts[number++], PUT, memory_order_release);
    post->moved++;
  }
}

static void note_item(const struct crew *crew, const uint64_t *words, size_t got) {
  const size_t size = crew->storm->shape.item;
  if (got != size || words[0] >= ITEMS_MAX || crew->puts[words[0]] == NOT_PUT ||
      !is_whole(words, size / 8)) {
    crew->book->invented++;
  } else {
    crew->gets[words[0]]++;
  }
}

/* Where the queue has leases, the item is noted before it is released. */
static const uint64_t *get_item(const struct crew *crew, uint64_t *words, size_t *size) {
  if (crew->peer->take) return crew->peer->take(crew->channel, size);
  *size = crew->peer->get(crew->channel, words, crew->storm->shape.item);
  return words;
}

static void consume(const struct crew *crew, struct post *post) {
  uint64_t words[ITEM_WORDS_MAX];
  size_t size;
  for (;;) {
    post->getting = 1;
    const uint64_t *item = get_item(crew, words, &size);
    note_item(crew, item, size);
    post->getting = 0;
    if (crew->peer->release) crew->peer->release(crew->channel);
    post->moved++;
  }
}

static _Noreturn void live(const struct crew *crew, unsigned index, pid_t parent) {
  const unsigned producers = crew->storm->shape.producers;
  const bool produces = index < producers;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  if (crew->peer->attach)
    crew->peer->attach(crew->channel, produces ? PRODUCER : CONSUMER,
                       produces ? index : index - producers);
  if (produces) {
    produce(crew, &crew->book->posts[index]);
    if (crew->peer->detach) crew->peer->detach(crew->channel);
  } else {
    consume(crew, &crew->book->posts[index]);
  }
  _exit(0);
}

static void start(struct crew *crew, unsigned index) {
  const pid_t parent = getpid(), pid = fork();
  if (pid < 0) err(1, "fork");
  if (pid == 0) live(crew, index, parent);
  crew->pids[index] = pid;
}

/* ---- Kills --------------------------------------------------------------------------------------
 */

static void kill_one(struct crew *crew, unsigned index, struct outcome *outcome) {
  struct post *post = &crew->book->posts[index];
  kill(crew->pids[index], SIGKILL);
  waitpid(crew->pids[index], NULL, 0);
  crew->pids[index] = 0;
  outcome->in_hand += atomic_exchange(&post->getting, 0);
}

/* Who ended by itself is replaced; that the queue cannot serve it is the queue's matter. */
static void replace_failed(struct crew *crew, struct outcome *outcome) {
  for (unsigned i = 0; i < crew->size; i++) {
    if (!crew->pids[i] || waitpid(crew->pids[i], NULL, WNOHANG) <= 0) continue;
    crew->pids[i] = 0;
    if (crew->book->stop) continue;
    outcome->failed++;
    start(crew, i);
  }
}

static uint64_t got_so_far(const struct crew *crew) {
  uint64_t got = 0;
  for (unsigned i = crew->storm->shape.producers; i < crew->size; i++)
    got += crew->book->posts[i].moved;
  return got;
}

static uint64_t nap_at_most(uint64_t limit_ns) {
  const uint64_t begun = now_ns();
  nap_us(50);
  const uint64_t napped = now_ns() - begun;
  return napped < limit_ns ? napped : limit_ns;
}

/* Wait until an item is got. Returns false if none is for so long. While we are kept from the
   processor, the others may be, too: it is not their queue that hangs. */
static bool something_moves(struct crew *crew, struct outcome *outcome, unsigned patience_ms) {
  const uint64_t before = got_so_far(crew);
  uint64_t naps = 0, waited = 0;
  while (got_so_far(crew) == before) {
    if (waited > patience_ms * UINT64_C(1000000)) return false;
    if (++naps % 1024 == 0) replace_failed(crew, outcome);
    waited += nap_at_most(NAP_MS * UINT64_C(1000000));
  }
  return true;
}

static void rage(struct crew *crew, struct outcome *outcome) {
  const struct storm *storm = crew->storm;
  const uint64_t end = now_ns() + (uint64_t)(1e9 * storm->seconds);
  uint64_t got = 0, last = now_ns();
  while (outcome->kills < storm->kills && now_ns() < end && crew->book->items < ITEMS_MAX) {
    nap_us(chance_below(crew, PAUSE_US));
    const unsigned victim = (unsigned)chance_below(crew, crew->size);
    kill_one(crew, victim, outcome);
    start(crew, victim);
    outcome->kills++;
    if (got_so_far(crew) != got) last = now_ns();
    got = got_so_far(crew);
    if (now_ns() - last < SUSPICION_MS * UINT64_C(1000000)) continue;
    outcome->hung = !something_moves(crew, outcome, HANG_MS);
    if (outcome->hung) return;
    last = now_ns();
  }
  outcome->hung = !something_moves(crew, outcome, HANG_MS);
}

/* Producers end; consumers get what is left. */
static void drain(struct crew *crew, struct outcome *outcome) {
  crew->book->stop = 1;
  while (something_moves(crew, outcome, QUIET_MS))
    continue;
}

static void dismiss(struct crew *crew) {
  struct outcome ignored = {0};
  for (unsigned i = 0; i < crew->size; i++)
    if (crew->pids[i]) kill_one(crew, i, &ignored);
}

/* ---- The account --------------------------------------------------------------------------------
 */

static void account(const struct crew *crew, struct outcome *outcome) {
  const uint64_t items = crew->book->items < ITEMS_MAX ? crew->book->items : ITEMS_MAX;
  for (uint64_t i = 0; i < items; i++) {
    outcome->put += crew->puts[i] == PUT;
    outcome->missing += crew->puts[i] == PUT && crew->gets[i] == 0;
    outcome->twice += crew->gets[i] > 1;
  }
  outcome->invented = crew->book->invented;
  if (crew->peer->take) outcome->in_hand = 0; /* it comes back */
  if (outcome->in_hand > outcome->missing) outcome->in_hand = outcome->missing;
}

/* Pages are filled only when they are written to. */
static void *map_bytes(void) {
  void *bytes = mmap(NULL, ITEMS_MAX, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (bytes == MAP_FAILED) err(1, "mmap");
  return bytes;
}

static void run_crew(struct crew *crew, struct outcome *outcome) {
  crew->book = shared_map(sizeof *crew->book);
  crew->puts = map_bytes();
  crew->gets = map_bytes();
  for (unsigned i = 0; i < crew->size; i++)
    start(crew, i);
  outcome->hung = !something_moves(crew, outcome, HANG_MS);
  if (!outcome->hung) rage(crew, outcome);
  if (!outcome->hung) drain(crew, outcome);
  dismiss(crew);
  account(crew, outcome);
  munmap(crew->puts, ITEMS_MAX);
  munmap(crew->gets, ITEMS_MAX);
  shared_unmap(crew->book, sizeof *crew->book);
}

bool storm_run(const struct peer *peer, const struct storm *storm, struct outcome *outcome) {
  struct crew crew = {.peer = peer, .storm = storm, .chance = storm->seed};
  *outcome = (struct outcome){0};
  if (peer->storm_alone) return peer->storm_alone(storm, outcome);
  crew.size = storm->shape.producers + storm->shape.consumers;
  crew.channel = peer->setup(&storm->shape);
  if (!crew.channel) warn("%s", peer->name);
  if (!crew.channel) return false;
  run_crew(&crew, outcome);
  peer->teardown(crew.channel);
  return true;
}
