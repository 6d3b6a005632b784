/* SPDX-License-Identifier: Apache-2.0 */
/* ZeroMQ: PUSH and PULL over ipc; each consumer binds, each producer connects to all of them. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

#include "peer.h"

struct channel {
  char name[64];
  unsigned consumers;
  void *context, *socket;
};

static void *setup(const struct shape *shape) {
  struct channel *channel = calloc(1, sizeof *channel);
  if (!channel) err(1, "zeromq");
  channel->consumers = shape->consumers;
  unique_name(channel->name, sizeof channel->name, "bench-zmq");
  return channel;
}

/* In the abstract name space, so that no file is left behind. */
static void endpoint(const struct channel *channel, unsigned consumer, char *text, size_t room) {
  snprintf(text, room, "ipc://@%s-%u", channel->name, consumer);
}

static void bind_consumer(struct channel *channel, unsigned index) {
  char text[128];
  endpoint(channel, index, text, sizeof text);
  if (zmq_bind(channel->socket, text) < 0) errx(1, "zmq_bind: %s", zmq_strerror(zmq_errno()));
}

/* The consumers may come later: ZeroMQ tries again. */
static void connect_producer(struct channel *channel) {
  char text[128];
  for (unsigned i = 0; i < channel->consumers; i++) {
    endpoint(channel, i, text, sizeof text);
    if (zmq_connect(channel->socket, text) < 0) errx(1, "zmq_connect: %s", text);
  }
}

static void attach(void *self, enum side side, unsigned index) {
  struct channel *channel = self;
  const int retry_ms = 1;
  roam();
  channel->context = zmq_ctx_new();
  channel->socket = zmq_socket(channel->context, side == PRODUCER ? ZMQ_PUSH : ZMQ_PULL);
  if (!channel->socket) errx(1, "zmq_socket: %s", zmq_strerror(zmq_errno()));
  zmq_setsockopt(channel->socket, ZMQ_RECONNECT_IVL, &retry_ms, sizeof retry_ms);
  if (side == PRODUCER) {
    connect_producer(channel);
  } else {
    bind_consumer(channel, index);
  }
}

static void put(void *self, const void *item, size_t size) {
  struct channel *channel = self;
  if (zmq_send(channel->socket, item, size, 0) < 0) errx(1, "zmq_send failed");
}

static size_t get(void *self, void *item, size_t size) {
  struct channel *channel = self;
  int got = zmq_recv(channel->socket, item, size, 0);
  if (got < 0) errx(1, "zmq_recv failed");
  return (size_t)got;
}

static void detach(void *self) {
  struct channel *channel = self;
  zmq_close(channel->socket);
  zmq_ctx_term(channel->context);
}

static void teardown(void *self) {
  free(self);
}

const struct peer peer_zeromq = {
    .name = "zeromq",
    .note =
        "ZeroMQ PUSH/PULL over ipc: a thread beside each process, items dealt out to consumers in "
        "turn and not on demand, order kept from one process to one other only; what is on its way "
        "to a killed process is lost",
    .pairwise = true,
    .setup = setup,
    .attach = attach,
    .put = put,
    .get = get,
    .detach = detach,
    .teardown = teardown,
};
