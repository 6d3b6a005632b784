/* SPDX-License-Identifier: Apache-2.0 */
/* What the public interface does not show of a segment. */
#ifndef INSIDE_H
#define INSIDE_H

#include <stdbool.h>
#include <stddef.h>

#include <sys/types.h>

#include "shmq.h"

void segment_copy(shmq *queue, char *copy, size_t room);
bool segment_is(shmq *queue, const char *copy);
void segment_age_leases(shmq *queue);

/* Bias both locks to the process's thread; or as good as, at its next unlock. */
void segment_bias(shmq *queue, pid_t pid, bool soon);

/* This thread's next wait spins for a short while only, as after one that was in vain. */
void thread_spins_shortly(void);

unsigned segment_threads(shmq *queue);     /* thread slots that are owned */
bool segment_dead_hold_cells(shmq *queue); /* is a cell held by a process that is dead? */

#endif
