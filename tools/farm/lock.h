/* SPDX-License-Identifier: Apache-2.0 */
/* A lock between the processes of a farm. Its holder may be killed: whoever comes next gets it.
   What it guards is right at every instruction. */
#ifndef SHMQ_TOOLS_FARM_LOCK_H
#define SHMQ_TOOLS_FARM_LOCK_H

#include <pthread.h>
#include <stdbool.h>

struct lock {
  pthread_mutex_t mutex;
};

void lock_init(struct lock *lock);
void lock_take(struct lock *lock);
bool lock_try(struct lock *lock);
void lock_leave(struct lock *lock);

#endif
