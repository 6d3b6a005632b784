/* SPDX-License-Identifier: Apache-2.0 */
/* nng: push and pull over ipc; the consumer listens. */
#include <err.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer.h"

enum { DEPTH = 2048 };

struct channel {
  char url[128];
  nng_socket socket;
};

static void must(int result, const char *what) {
  if (result != 0) errx(1, "%s: %s", what, nng_strerror(result));
}

static void *setup(const struct shape *shape) {
  char name[64];
  struct channel *channel = calloc(1, sizeof *channel);
  (void)shape;
  if (!channel) err(1, "nng");
  unique_name(name, sizeof name, "bench-nng");
  snprintf(channel->url, sizeof channel->url, "abstract://%s", name);
  return channel;
}

static void attach(void *self, enum side side, unsigned index) {
  struct channel *channel = self;
  (void)index;
  roam();
  if (side == PRODUCER) {
    must(nng_push0_open(&channel->socket), "nng_push0_open");
    nng_socket_set_int(channel->socket, NNG_OPT_SENDBUF, DEPTH);
    nng_socket_set_ms(channel->socket, NNG_OPT_RECONNMINT, 1);
    must(nng_dial(channel->socket, channel->url, NULL, NNG_FLAG_NONBLOCK), "nng_dial");
  } else {
    must(nng_pull0_open(&channel->socket), "nng_pull0_open");
    nng_socket_set_int(channel->socket, NNG_OPT_RECVBUF, DEPTH);
    must(nng_listen(channel->socket, channel->url, NULL, 0), "nng_listen");
  }
}

static void put(void *self, const void *item, size_t size) {
  struct channel *channel = self;
  must(nng_send(channel->socket, (void *)item, size, 0), "nng_send");
}

static size_t get(void *self, void *item, size_t size) {
  struct channel *channel = self;
  must(nng_recv(channel->socket, item, &size, 0), "nng_recv");
  return size;
}

static void detach(void *self) {
  struct channel *channel = self;
  nng_close(channel->socket);
}

static void teardown(void *self) {
  free(self);
}

const struct peer peer_nng = {
    .name = "nng",
    .note =
        "nng push/pull over ipc: threads beside each process, one consumer, order kept from one "
        "process to one other only; what is on its way to a killed process is lost",
    .consumers_max = 1,
    .pairwise = true,
    .setup = setup,
    .attach = attach,
    .put = put,
    .get = get,
    .detach = detach,
    .teardown = teardown,
};
