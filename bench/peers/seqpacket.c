/* SPDX-License-Identifier: Apache-2.0 */
/* A pair of unix sockets that keep the bounds of messages. */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

enum { BATCH_MAX = 64 };

struct channel {
  int ends[2];
  struct mmsghdr messages[BATCH_MAX];
};

/* More than net.core.wmem_max takes a privilege. */
static void enlarge(int fd) {
  int size = RING_BYTES;
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  }
}

static void *setup(const struct shape *shape) {
  struct channel *channel = calloc(1, sizeof *channel);
  (void)shape;
  if (!channel) err(1, "seqpacket");
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel->ends) < 0) {
    free(channel);
    return NULL;
  }
  enlarge(channel->ends[1]);
  return channel;
}

static void put(void *self, const void *item, size_t size) {
  struct channel *channel = self;
  if (send(channel->ends[1], item, size, 0) < 0) err(1, "send");
}

static size_t get(void *self, void *item, size_t size) {
  struct channel *channel = self;
  ssize_t got = recv(channel->ends[0], item, size, MSG_TRUNC);
  if (got < 0) err(1, "recv");
  return (size_t)got;
}

static void point_at(struct channel *channel, struct iovec *items, size_t n) {
  for (size_t i = 0; i < n; i++) {
    channel->messages[i].msg_hdr = (struct msghdr){.msg_iov = &items[i], .msg_iovlen = 1};
  }
}

static void put_many(void *self, struct iovec *items, size_t n) {
  struct channel *channel = self;
  point_at(channel, items, n);
  for (size_t put = 0; put < n;) {
    int more = sendmmsg(channel->ends[1], channel->messages + put, (unsigned)(n - put), 0);
    if (more < 0) err(1, "sendmmsg");
    put += (size_t)more;
  }
}

static size_t get_many(void *self, struct iovec *items, size_t n) {
  struct channel *channel = self;
  point_at(channel, items, n);
  int got = recvmmsg(channel->ends[0], channel->messages, (unsigned)n, MSG_WAITFORONE, NULL);
  if (got < 0) err(1, "recvmmsg");
  for (int i = 0; i < got; i++)
    items[i].iov_len = channel->messages[i].msg_len;
  return (size_t)got;
}

static void teardown(void *self) {
  struct channel *channel = self;
  close(channel->ends[0]);
  close(channel->ends[1]);
  free(channel);
}

const struct peer peer_seqpacket = {
    .name = "seqpacket",
    .note = "an item got by a process that dies is lost",
    .setup = setup,
    .put = put,
    .get = get,
    .put_many = put_many,
    .get_many = get_many,
    .teardown = teardown,
};
