/* SPDX-License-Identifier: Apache-2.0 */
/* POSIX message queue: the kernel's, mq_overview(7). */
#include <err.h>
#include <mqueue.h>
#include <stdlib.h>

#include "peer.h"

struct channel {
  mqd_t queue;
  char name[64];
};

static mqd_t create(const char *name, size_t depth, size_t item) {
  struct mq_attr attributes = {.mq_maxmsg = (long)depth, .mq_msgsize = (long)item};
  return mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attributes);
}

/* As deep as is of use and allowed. */
static void *setup(const struct shape *shape) {
  struct channel *channel = calloc(1, sizeof *channel);
  if (!channel) err(1, "mq");
  unique_name(channel->name, sizeof channel->name, "/bench");
  size_t depth = slots_for(shape);
  do {
    channel->queue = create(channel->name, depth, shape->item);
  } while (channel->queue < 0 && (depth /= 2) > 0);
  if (channel->queue < 0) err(1, "mq_open");
  return channel;
}

static void put(void *self, const void *item, size_t size) {
  struct channel *channel = self;
  if (mq_send(channel->queue, item, size, 0) < 0) err(1, "mq_send");
}

static size_t get(void *self, void *item, size_t size) {
  struct channel *channel = self;
  ssize_t got = mq_receive(channel->queue, item, size, NULL);
  if (got < 0) err(1, "mq_receive");
  return (size_t)got;
}

static void teardown(void *self) {
  struct channel *channel = self;
  mq_close(channel->queue);
  mq_unlink(channel->name);
  free(channel);
}

const struct peer peer_posix_mq = {
    .name = "posix-mq",
    .note = "an item got by a process that dies is lost; its depth is limited by the system",
    .item_limit = "/proc/sys/fs/mqueue/msgsize_max",
    .setup = setup,
    .put = put,
    .get = get,
    .teardown = teardown,
};
