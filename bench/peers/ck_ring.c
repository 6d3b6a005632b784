/* SPDX-License-Identifier: Apache-2.0 */
/* Concurrency Kit's ck_ring with items inside it, in plain shared memory. */
#include <ck_ring.h>
#include <err.h>
#include <stdlib.h>

#include "backoff.h"
#include "peer.h"

/* The ring wants a type for each size, and a call for each kind of side. */
struct kind {
  size_t item;
  bool (*put_single)(ck_ring_t *, void *slots, const void *item);
  bool (*put_multi)(ck_ring_t *, void *slots, const void *item);
  bool (*get_single)(ck_ring_t *, void *slots, void *item);
  bool (*get_multi)(ck_ring_t *, void *slots, void *item);
};

#define KIND(size)                                                                  \
  struct item##size {                                                               \
    uint64_t words[size / 8];                                                       \
  };                                                                                \
  CK_RING_PROTOTYPE(item##size, item##size)                                         \
  static bool put_single_##size(ck_ring_t *ring, void *slots, const void *item) {   \
    return ck_ring_enqueue_spsc_item##size(ring, slots, (struct item##size *)item); \
  }                                                                                 \
  static bool put_multi_##size(ck_ring_t *ring, void *slots, const void *item) {    \
    return ck_ring_enqueue_mpmc_item##size(ring, slots, (struct item##size *)item); \
  }                                                                                 \
  static bool get_single_##size(ck_ring_t *ring, void *slots, void *item) {         \
    return ck_ring_dequeue_spsc_item##size(ring, slots, item);                      \
  }                                                                                 \
  static bool get_multi_##size(ck_ring_t *ring, void *slots, void *item) {          \
    return ck_ring_dequeue_mpmc_item##size(ring, slots, item);                      \
  }

KIND(8)
KIND(64)
KIND(256)
KIND(1024)
KIND(4096)
KIND(65536)

#define CALLS(size) \
  { size, put_single_##size, put_multi_##size, get_single_##size, get_multi_##size }

static const struct kind kinds[] = {CALLS(8),    CALLS(64),   CALLS(256),
                                    CALLS(1024), CALLS(4096), CALLS(65536)};

struct channel {
  ck_ring_t *ring;
  void *slots;
  size_t bytes;
  bool prompt;
  bool (*put)(ck_ring_t *, void *slots, const void *item);
  bool (*get)(ck_ring_t *, void *slots, void *item);
};

static const struct kind *find_kind(size_t item) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (kinds[i].item == item) return &kinds[i];
  }
  errx(1, "ck_ring: no type for %zu bytes", item);
}

static void *setup(const struct shape *shape) {
  const struct kind *kind = find_kind(shape->item);
  struct channel *channel = calloc(1, sizeof *channel);
  if (!channel) err(1, "ck_ring");
  size_t slots = slots_for(shape), head = (sizeof(ck_ring_t) + 127) & ~(size_t)127;
  channel->bytes = head + slots * shape->item;
  channel->ring = shared_map(channel->bytes);
  channel->slots = (char *)channel->ring + head;
  channel->prompt = shape->prompt;
  channel->put = shape->producers > 1 ? kind->put_multi : kind->put_single;
  channel->get = shape->consumers > 1 ? kind->get_multi : kind->get_single;
  ck_ring_init(channel->ring, (unsigned)slots);
  return channel;
}

static void put(void *self, const void *item, size_t size) {
  struct channel *channel = self;
  unsigned looks = 0;
  (void)size;
  while (!channel->put(channel->ring, channel->slots, item))
    back_off(&looks, channel->prompt);
}

static size_t get(void *self, void *item, size_t size) {
  struct channel *channel = self;
  unsigned looks = 0;
  while (!channel->get(channel->ring, channel->slots, item))
    back_off(&looks, channel->prompt);
  return size;
}

static void teardown(void *self) {
  struct channel *channel = self;
  shared_unmap(channel->ring, channel->bytes);
  free(channel);
}

const struct peer peer_ck_ring = {
    .name = "ck_ring",
    .note =
        "Concurrency Kit ck_ring, the variant for the shape: spins and cannot sleep, items of one "
        "size, a producer killed inside a call stops all others",
    .spins = true,
    .setup = setup,
    .put = put,
    .get = get,
    .teardown = teardown,
};
