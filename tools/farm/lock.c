/* SPDX-License-Identifier: Apache-2.0 */
#include "lock.h"

#include <errno.h>

void lock_init(struct lock *lock) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&lock->mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

static bool is_mine(struct lock *lock, int error) {
  if (error == EOWNERDEAD) error = pthread_mutex_consistent(&lock->mutex);
  return error == 0;
}

void lock_take(struct lock *lock) {
  while (!is_mine(lock, pthread_mutex_lock(&lock->mutex)))
    continue;
}

bool lock_try(struct lock *lock) {
  return is_mine(lock, pthread_mutex_trylock(&lock->mutex));
}

void lock_leave(struct lock *lock) {
  pthread_mutex_unlock(&lock->mutex);
}
