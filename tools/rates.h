/* SPDX-License-Identifier: Apache-2.0 */
/* What a queue had done at the look before, and the rates since. */
#ifndef SHMQ_TOOLS_RATES_H
#define SHMQ_TOOLS_RATES_H

#include "snapshot.h"

struct counts {
  bool seen;
  uint64_t put, got, done;
};

/* Fills in the snapshot's rates over the time since the look before, and remembers this one. */
void rates_add(struct snapshot *snapshot, struct counts *before, double seconds);

#endif
