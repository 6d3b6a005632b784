/* SPDX-License-Identifier: Apache-2.0 */
/* The textbook: a ring, and POSIX semaphores for what is free, what is used, and each side. */
#include <err.h>
#include <errno.h>
#include <semaphore.h>
#include <string.h>

#include "peer.h"

struct ring {
  sem_t free, used;
  sem_t put_lock, get_lock;
  size_t head, tail; /* these only grow */
  size_t slots, item, bytes;
  bool many_put, many_get; /* a side with one process needs no lock */
  char data[];
};

static void *setup(const struct shape *shape) {
  size_t slots = slots_for(shape);
  size_t bytes = sizeof(struct ring) + slots * shape->item;
  struct ring *ring = shared_map(bytes);
  ring->slots = slots;
  ring->item = shape->item;
  ring->bytes = bytes;
  ring->many_put = shape->producers > 1;
  ring->many_get = shape->consumers > 1;
  sem_init(&ring->free, 1, (unsigned)slots);
  sem_init(&ring->used, 1, 0);
  sem_init(&ring->put_lock, 1, 1);
  sem_init(&ring->get_lock, 1, 1);
  return ring;
}

static void down(sem_t *semaphore) {
  while (sem_wait(semaphore) < 0) {
    if (errno != EINTR) err(1, "sem_wait");
  }
}

static char *slot(struct ring *ring, size_t position) {
  return ring->data + (position & (ring->slots - 1)) * ring->item;
}

static void put(void *self, const void *item, size_t size) {
  struct ring *ring = self;
  down(&ring->free);
  if (ring->many_put) down(&ring->put_lock);
  memcpy(slot(ring, ring->tail++), item, size);
  if (ring->many_put) sem_post(&ring->put_lock);
  sem_post(&ring->used);
}

static size_t get(void *self, void *item, size_t size) {
  struct ring *ring = self;
  down(&ring->used);
  if (ring->many_get) down(&ring->get_lock);
  memcpy(item, slot(ring, ring->head++), size);
  if (ring->many_get) sem_post(&ring->get_lock);
  sem_post(&ring->free);
  return size;
}

static void teardown(void *self) {
  struct ring *ring = self;
  shared_unmap(ring, ring->bytes);
}

const struct peer peer_sem_ring = {
    .name = "sem-ring",
    .note = "a ring with POSIX semaphores: a process killed inside a call stops all others",
    .setup = setup,
    .put = put,
    .get = get,
    .teardown = teardown,
};
