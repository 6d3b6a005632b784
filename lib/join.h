/* SPDX-License-Identifier: Apache-2.0 */
/* What join() waits for. */
#ifndef SHMQ_JOIN_H
#define SHMQ_JOIN_H

#include "handle.h"

/* Is every item that was put finished? Looks at every cell and thread slot. */
bool all_finished(const struct shmq *q);

#endif
