/* SPDX-License-Identifier: Apache-2.0 */
/* One look at all the queues of this machine. */
#ifndef SHMQ_TOOLS_LISTING_H
#define SHMQ_TOOLS_LISTING_H

#include <dirent.h>
#include <stddef.h>

#include "snapshot.h"

struct listing {
  struct snapshot *snapshots; /* in the order of their names; those that cannot be read included */
  size_t count;
  struct dirent **entries; /* they hold the names */
  int entry_count;
};

/* Returns 0 or a negative errno. */
int listing_take(struct listing *listing);
void listing_free(struct listing *listing);

#endif
