/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No queue: one word, which the producer sets and the consumer sees. What a hand-over between two
 * processes takes at least: of a cache line, or of the kernel's futex.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "futex.h"
#include "peer.h"

enum { CARRIED = 24 }; /* only so much of an item, so that it shares the word's line */

struct mailbox {
  _Alignas(128) _Atomic uint32_t full; /* how many items were put */
  char item[CARRIED];
};

struct channel {
  struct mailbox *box;
  uint32_t moved;
};

static void *setup(const struct shape *shape) {
  struct channel *channel = calloc(1, sizeof *channel);
  (void)shape;
  if (channel) channel->box = shared_map(sizeof *channel->box);
  return channel;
}

static void put_line(void *self, const void *item, size_t size) {
  struct channel *channel = self;
  (void)size;
  memcpy(channel->box->item, item, CARRIED);
  atomic_store_explicit(&channel->box->full, ++channel->moved, memory_order_release);
}

static size_t get_line(void *self, void *item, size_t size) {
  struct channel *channel = self;
  channel->moved++;
  while (atomic_load_explicit(&channel->box->full, memory_order_acquire) != channel->moved) {
    cpu_pause();
  }
  memcpy(item, channel->box->item, CARRIED);
  return size;
}

static void put_futex(void *self, const void *item, size_t size) {
  struct channel *channel = self;
  put_line(self, item, size);
  futex_wake(&channel->box->full, 1);
}

static size_t get_futex(void *self, void *item, size_t size) {
  struct channel *channel = self;
  uint32_t before = channel->moved++;
  while (atomic_load_explicit(&channel->box->full, memory_order_acquire) == before) {
    futex_wait(&channel->box->full, before);
  }
  memcpy(item, channel->box->item, CARRIED);
  return size;
}

static void teardown(void *self) {
  struct channel *channel = self;
  shared_unmap(channel->box, sizeof *channel->box);
  free(channel);
}

const struct peer peer_bare_line = {
    .name = "bare-line",
    .note = "no queue: one cache line and back, spinning",
    .bare = true,
    .spins = true,
    .setup = setup,
    .put = put_line,
    .get = get_line,
    .teardown = teardown,
};

const struct peer peer_bare_futex = {
    .name = "bare-futex",
    .note = "no queue: one futex wake and wait each way",
    .bare = true,
    .setup = setup,
    .put = put_futex,
    .get = get_futex,
    .teardown = teardown,
};
