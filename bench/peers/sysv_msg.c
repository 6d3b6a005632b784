/* SPDX-License-Identifier: Apache-2.0 */
/* System V message queue: the kernel's, sysvipc(7). */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "peer.h"

/* The kernel wants the type before the text, in one piece. */
struct message {
  long type;
  char text[];
};

struct channel {
  int id;
  struct message *message;
};

static void deepen(int id) {
  struct msqid_ds status;
  if (msgctl(id, IPC_STAT, &status) < 0) return;
  status.msg_qbytes = RING_BYTES;
  msgctl(id, IPC_SET, &status); /* beyond kernel.msgmnb it takes a privilege */
}

static void *setup(const struct shape *shape) {
  struct channel *channel = calloc(1, sizeof *channel);
  if (!channel || !(channel->message = malloc(sizeof *channel->message + shape->item))) {
    err(1, "msg");
  }
  channel->id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
  if (channel->id < 0) err(1, "msgget");
  deepen(channel->id);
  return channel;
}

static void put(void *self, const void *item, size_t size) {
  struct channel *channel = self;
  channel->message->type = 1;
  memcpy(channel->message->text, item, size);
  if (msgsnd(channel->id, channel->message, size, 0) < 0) err(1, "msgsnd");
}

static size_t get(void *self, void *item, size_t size) {
  struct channel *channel = self;
  ssize_t got = msgrcv(channel->id, channel->message, size, 0, 0);
  if (got < 0) err(1, "msgrcv");
  memcpy(item, channel->message->text, (size_t)got);
  return (size_t)got;
}

static void teardown(void *self) {
  struct channel *channel = self;
  msgctl(channel->id, IPC_RMID, NULL);
  free(channel->message);
  free(channel);
}

const struct peer peer_sysv_msg = {
    .name = "sysv-msg",
    .note = "an item got by a process that dies is lost",
    .item_limit = "/proc/sys/kernel/msgmax",
    .setup = setup,
    .put = put,
    .get = get,
    .teardown = teardown,
};
