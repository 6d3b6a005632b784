/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHMQ_TOOLS_RECORD_ORIGIN_H
#define SHMQ_TOOLS_RECORD_ORIGIN_H

#include <shmq.h>

#include "format.h"

/* Opens the queue and says which one it is. Returns an exit status. */
int open_with_origin(shmq **queue, const char *name, struct origin *origin);

bool same_origin(const struct origin *a, const struct origin *b);

#endif
