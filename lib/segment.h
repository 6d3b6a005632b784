/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and leaving a queue within a time, for calls that need another queue on their way. */
#ifndef SHMQ_SEGMENT_H
#define SHMQ_SEGMENT_H

#include "handle.h"
#include "timeout.h"

/* As shmq_open_or_create(), and -EAGAIN or -ETIMEDOUT. */
int segment_open_or_create(struct shmq **queue, const char *name,
                           const struct shmq_options *options, struct timeout *t);

/* As shmq_close(). */
void segment_close(struct shmq *queue, struct timeout *t);

#endif
