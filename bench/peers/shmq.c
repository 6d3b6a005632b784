/* SPDX-License-Identifier: Apache-2.0 */
/* shmq itself: by get, and by take and done. */
#include <err.h>
#include <shmq.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

enum { ITEMS_MIN = 16, ITEM_HEADER = 8 };

struct channel {
  shmq *queue;
  struct shmq_lease lease; /* in hand */
  char name[64];
};

static void must(int64_t result, const char *what) {
  if (result < 0) errx(1, "shmq %s: %s", what, shmq_strerror((int)result));
}

/* The default, unless it would hold too few. */
static size_t capacity_for(const struct shape *shape) {
  size_t items = shape->backlog > ITEMS_MIN ? shape->backlog : ITEMS_MIN;
  size_t needed = items * (shape->item + ITEM_HEADER);
  return needed > RING_BYTES ? needed : RING_BYTES;
}

static void *setup(const struct shape *shape) {
  struct channel *channel = calloc(1, sizeof *channel);
  struct shmq_options options;
  if (!channel) err(1, "shmq");
  shmq_options_init(&options);
  options.item_max = shape->item;
  options.capacity = capacity_for(shape);
  options.max_processes = 1024;
  unique_name(channel->name, sizeof channel->name, "bench");
  must(shmq_create(&channel->queue, channel->name, &options), "create");
  return channel;
}

/* As any program would: by the name. A bystander calls once, to be there in full. */
static void attach(void *self, enum side side, unsigned index) {
  struct channel *channel = self;
  char byte;
  (void)index;
  must(shmq_open(&channel->queue, channel->name), "open");
  if (side == BYSTANDER) shmq_peek(channel->queue, &byte, 1);
}

static void put(void *self, const void *item, size_t size) {
  struct channel *channel = self;
  must(shmq_put(channel->queue, item, size, SHMQ_FOREVER), "put");
}

static size_t get(void *self, void *item, size_t size) {
  struct channel *channel = self;
  ssize_t got = shmq_get(channel->queue, item, size, SHMQ_FOREVER);
  must(got, "get");
  return (size_t)got;
}

static void put_many(void *self, struct iovec *items, size_t n) {
  struct channel *channel = self;
  must(shmq_put_many(channel->queue, items, n, SHMQ_FOREVER), "put_many");
}

static size_t get_many(void *self, struct iovec *items, size_t n) {
  struct channel *channel = self;
  ssize_t got = shmq_get_many(channel->queue, items, n, SHMQ_FOREVER);
  must(got, "get_many");
  return (size_t)got;
}

static const void *take(void *self, size_t *size) {
  struct channel *channel = self;
  must(shmq_take(channel->queue, &channel->lease, SHMQ_FOREVER), "take");
  *size = channel->lease.size;
  return channel->lease.data;
}

static void done(void *self) {
  struct channel *channel = self;
  must(shmq_done(channel->queue, &channel->lease), "done");
}

static size_t take_and_done(void *self, void *item, size_t size) {
  size_t taken;
  const void *data = take(self, &taken);
  memcpy(item, data, taken < size ? taken : size);
  done(self);
  return taken;
}

static void detach(void *self) {
  struct channel *channel = self;
  shmq_close(channel->queue);
}

static void teardown(void *self) {
  struct channel *channel = self;
  shmq_close(channel->queue);
  shmq_unlink(channel->name);
  free(channel);
}

const struct peer peer_shmq = {
    .name = "shmq",
    .deep = true,
    .setup = setup,
    .attach = attach,
    .put = put,
    .get = get,
    .put_many = put_many,
    .get_many = get_many,
    .detach = detach,
    .teardown = teardown,
};

const struct peer peer_shmq_take = {
    .name = "shmq-take",
    .note = "shmq by take and done in the place of get",
    .deep = true,
    .setup = setup,
    .attach = attach,
    .put = put,
    .get = take_and_done,
    .take = take,
    .release = done,
    .detach = detach,
    .teardown = teardown,
};
