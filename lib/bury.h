/* SPDX-License-Identifier: Apache-2.0 */
/* Moving items to NAME.dead. */
#ifndef SHMQ_BURY_H
#define SHMQ_BURY_H

#include "leases.h"

/* Move every doomed item to NAME.dead; those that do not fit now stay doomed until the next time.
   No lock may be held. Returns true if one was moved. */
bool bury_doomed(struct shmq *q, struct timeout *t);

#endif
