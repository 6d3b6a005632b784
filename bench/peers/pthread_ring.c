/* SPDX-License-Identifier: Apache-2.0 */
/* The textbook: a ring, a mutex, robust or plain, and two condition variables. */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

struct ring {
  pthread_mutex_t lock;
  pthread_cond_t not_empty, not_full;
  size_t head, tail; /* these only grow */
  size_t slots, item, bytes;
  char data[];
};

static void init_lock(pthread_mutex_t *lock, int robustness) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, robustness);
  pthread_mutex_init(lock, &attributes);
}

static void init_condition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_cond_init(condition, &attributes);
}

static struct ring *make_ring(const struct shape *shape, int robustness) {
  size_t slots = slots_for(shape);
  size_t bytes = sizeof(struct ring) + slots * shape->item;
  struct ring *ring = shared_map(bytes);
  ring->slots = slots;
  ring->item = shape->item;
  ring->bytes = bytes;
  init_lock(&ring->lock, robustness);
  init_condition(&ring->not_empty);
  init_condition(&ring->not_full);
  return ring;
}

static void *setup(const struct shape *shape) {
  return make_ring(shape, PTHREAD_MUTEX_ROBUST);
}

static void *setup_plain(const struct shape *shape) {
  return make_ring(shape, PTHREAD_MUTEX_STALLED);
}

static void lock(struct ring *ring) {
  if (pthread_mutex_lock(&ring->lock) == EOWNERDEAD) pthread_mutex_consistent(&ring->lock);
}

static char *slot(struct ring *ring, size_t position) {
  return ring->data + (position & (ring->slots - 1)) * ring->item;
}

static void put(void *self, const void *item, size_t size) {
  struct ring *ring = self;
  lock(ring);
  while (ring->tail - ring->head == ring->slots)
    pthread_cond_wait(&ring->not_full, &ring->lock);
  memcpy(slot(ring, ring->tail++), item, size);
  pthread_mutex_unlock(&ring->lock);
  pthread_cond_signal(&ring->not_empty);
}

static size_t get(void *self, void *item, size_t size) {
  struct ring *ring = self;
  lock(ring);
  while (ring->tail == ring->head)
    pthread_cond_wait(&ring->not_empty, &ring->lock);
  memcpy(item, slot(ring, ring->head++), size);
  pthread_mutex_unlock(&ring->lock);
  pthread_cond_signal(&ring->not_full);
  return size;
}

static void teardown(void *self) {
  struct ring *ring = self;
  shared_unmap(ring, ring->bytes);
}

const struct peer peer_pthread_ring = {
    .name = "pthread-ring",
    .note =
        "a ring with a pthread robust mutex and condition variables: a waiter killed at the wrong "
        "moment leaves the condition variable hung for ever",
    .setup = setup,
    .put = put,
    .get = get,
    .teardown = teardown,
};

const struct peer peer_pthread_plain = {
    .name = "pthread-plain",
    .note = "the same with a plain mutex: who is killed while it is locked leaves it locked",
    .setup = setup_plain,
    .put = put,
    .get = get,
    .teardown = teardown,
};
