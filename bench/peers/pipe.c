/* SPDX-License-Identifier: Apache-2.0 */
/* A pipe, with items of one size. */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "peer.h"

struct channel {
  int ends[2];
};

static void *setup(const struct shape *shape) {
  struct channel *channel = calloc(1, sizeof *channel);
  (void)shape;
  if (!channel) err(1, "pipe");
  if (pipe2(channel->ends, O_CLOEXEC) < 0) {
    free(channel);
    return NULL;
  }
  fcntl(channel->ends[1], F_SETPIPE_SZ, (int)read_limit("/proc/sys/fs/pipe-max-size"));
  return channel;
}

static void put(void *self, const void *item, size_t size) {
  struct channel *channel = self;
  const char *rest = item;
  while (size > 0) {
    ssize_t put = write(channel->ends[1], rest, size);
    if (put < 0) err(1, "write");
    rest += put;
    size -= (size_t)put;
  }
}

/* Read until what came is whole items. */
static size_t read_items(struct channel *channel, char *to, size_t item, size_t room) {
  size_t got = 0;
  while (got == 0 || got % item != 0) {
    size_t wanted = got == 0 ? room : item - got % item;
    ssize_t part = read(channel->ends[0], to + got, wanted);
    if (part <= 0) err(1, "read");
    got += (size_t)part;
  }
  return got;
}

static size_t get(void *self, void *item, size_t size) {
  return read_items(self, item, size, size);
}

static void put_many(void *self, struct iovec *items, size_t n) {
  put(self, items->iov_base, n * items->iov_len);
}

static size_t get_many(void *self, struct iovec *items, size_t n) {
  return read_items(self, items->iov_base, items->iov_len, n * items->iov_len) / items->iov_len;
}

static void teardown(void *self) {
  struct channel *channel = self;
  close(channel->ends[0]);
  close(channel->ends[1]);
  free(channel);
}

const struct peer peer_pipe = {
    .name = "pipe",
    .note = "a stream of bytes: items of one size, and with many writers of 4 KiB at most",
    .setup = setup,
    .put = put,
    .get = get,
    .put_many = put_many,
    .get_many = get_many,
    .teardown = teardown,
};
