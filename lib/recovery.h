/* SPDX-License-Identifier: Apache-2.0 */
/* What happens after a death; docs/recovery.md argues each step. */
#ifndef SHMQ_RECOVERY_H
#define SHMQ_RECOVERY_H

#include "leases.h"

/*
 * Clean up after every dead process: free its locks, return its leases, count what it got as
 * abandoned, free its slots. Every step may be repeated, so the recoverer may die as well.
 * Takes the registry lock and the consumer lock; the caller holds neither.
 * Returns how many processes; -EAGAIN or -ETIMEDOUT when a living process keeps a lock.
 */
int recover(struct shmq *q, struct timeout *t);

/* The same for this process, which lives and leaves. */
int recover_self(struct shmq *q, struct timeout *t);

/* Is there a dead process that has not been cleaned up after? */
bool anybody_died(const struct shmq *q);

/* After shmq_shutdown(SHMQ_NOW): discard what waits. Under the consumer lock. */
void discard_if_shut_down(struct shmq *q);

/* Everybody who sleeps looks again. */
void wake_everybody(struct shmq *q);

#endif
