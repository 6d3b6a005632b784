/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DPDK's rte_ring with items inside it, in plain shared memory, without DPDK's environment. Where
 * the ring allows it (all modes but MP and MC) items are copied straight into and out of their
 * places, which is the fastest it has.
 */
#include <err.h>
#include <rte_config.h> /* before all others of DPDK */
#include <rte_memcpy.h>
#include <rte_ring.h>
#include <rte_ring_peek_zc.h>
#include <stdlib.h>

#include "backoff.h"
#include "peer.h"

struct channel {
  struct rte_ring *ring;
  size_t bytes;
  unsigned item;
  bool direct_put, direct_get;
  bool prompt;
};

static void *setup(const struct shape *shape, unsigned flags) {
  struct channel *channel = calloc(1, sizeof *channel);
  if (!channel) err(1, "rte_ring");
  unsigned slots = (unsigned)slots_for(shape);
  channel->item = (unsigned)shape->item;
  channel->bytes = sizeof(struct rte_ring) + slots * shape->item;
  channel->ring = shared_map(channel->bytes);
  channel->prompt = shape->prompt;
  channel->direct_put = flags & (RING_F_SP_ENQ | RING_F_MP_HTS_ENQ);
  channel->direct_get = flags & (RING_F_SC_DEQ | RING_F_MC_HTS_DEQ);
  if (rte_ring_init(channel->ring, "bench", slots, flags) != 0) errx(1, "rte_ring_init failed");
  return channel;
}

static void *setup_sp(const struct shape *shape) {
  return setup(shape, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

/* A side with one process on it may say so, unless both have. */
static void *setup_mp(const struct shape *shape) {
  unsigned flags = 0;
  if (shape->producers > 1 && shape->consumers == 1) flags = RING_F_SC_DEQ;
  if (shape->producers == 1 && shape->consumers > 1) flags = RING_F_SP_ENQ;
  return setup(shape, flags);
}

static void *setup_hts(const struct shape *shape) {
  return setup(shape, RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ);
}

static unsigned put_direct(struct channel *channel, const char *items, unsigned n) {
  struct rte_ring_zc_data space;
  n = rte_ring_enqueue_zc_burst_elem_start(channel->ring, channel->item, n, &space, NULL);
  if (n == 0) return 0;
  size_t first = (size_t)space.n1 * channel->item;
  rte_memcpy(space.ptr1, items, first);
  if (n > space.n1) rte_memcpy(space.ptr2, items + first, (size_t)(n - space.n1) * channel->item);
  rte_ring_enqueue_zc_elem_finish(channel->ring, n);
  return n;
}

static unsigned get_direct(struct channel *channel, char *items, unsigned n) {
  struct rte_ring_zc_data space;
  n = rte_ring_dequeue_zc_burst_elem_start(channel->ring, channel->item, n, &space, NULL);
  if (n == 0) return 0;
  size_t first = (size_t)space.n1 * channel->item;
  rte_memcpy(items, space.ptr1, first);
  if (n > space.n1) rte_memcpy(items + first, space.ptr2, (size_t)(n - space.n1) * channel->item);
  rte_ring_dequeue_zc_elem_finish(channel->ring, n);
  return n;
}

static unsigned try_put(struct channel *channel, const char *items, unsigned n) {
  if (channel->direct_put) return put_direct(channel, items, n);
  return rte_ring_enqueue_burst_elem(channel->ring, items, channel->item, n, NULL);
}

static unsigned try_get(struct channel *channel, char *items, unsigned n) {
  if (channel->direct_get) return get_direct(channel, items, n);
  return rte_ring_dequeue_burst_elem(channel->ring, items, channel->item, n, NULL);
}

static void put_all(struct channel *channel, const char *items, unsigned n) {
  unsigned looks = 0;
  for (unsigned put = 0; put < n;) {
    unsigned more = try_put(channel, items + (size_t)put * channel->item, n - put);
    put += more;
    if (more == 0) back_off(&looks, channel->prompt);
  }
}

static unsigned get_some(struct channel *channel, char *items, unsigned n) {
  unsigned looks = 0, got;
  while ((got = try_get(channel, items, n)) == 0)
    back_off(&looks, channel->prompt);
  return got;
}

static void put(void *self, const void *item, size_t size) {
  (void)size;
  put_all(self, item, 1);
}

static size_t get(void *self, void *item, size_t size) {
  get_some(self, item, 1);
  return size;
}

static void put_many(void *self, struct iovec *items, size_t n) {
  put_all(self, items->iov_base, (unsigned)n);
}

static size_t get_many(void *self, struct iovec *items, size_t n) {
  return get_some(self, items->iov_base, (unsigned)n);
}

static void teardown(void *self) {
  struct channel *channel = self;
  shared_unmap(channel->ring, channel->bytes);
  free(channel);
}

const struct peer peer_rte_ring_sp = {
    .name = "rte_ring-sp",
    .note =
        "DPDK rte_ring SP/SC: spins and cannot sleep, items of one size, does not survive a kill, "
        "one process on each side",
    .producers_max = 1,
    .consumers_max = 1,
    .spins = true,
    .deep = true,
    .setup = setup_sp,
    .put = put,
    .get = get,
    .put_many = put_many,
    .get_many = get_many,
    .teardown = teardown,
};

const struct peer peer_rte_ring_mp = {
    .name = "rte_ring-mp",
    .note =
        "DPDK rte_ring MP/MC (MP/SC in 4-1, SP/MC in 1-4): spins and cannot sleep, items of one "
        "size, a killed process stops all others",
    .spins = true,
    .setup = setup_mp,
    .put = put,
    .get = get,
    .put_many = put_many,
    .get_many = get_many,
    .teardown = teardown,
};

const struct peer peer_rte_ring_hts = {
    .name = "rte_ring-hts",
    .note =
        "DPDK rte_ring MP_HTS/MC_HTS: spins and cannot sleep, items of one size, a killed process "
        "stops all others",
    .spins = true,
    .setup = setup_hts,
    .put = put,
    .get = get,
    .put_many = put_many,
    .get_many = get_many,
    .teardown = teardown,
};
