/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user of a hostile segment: makes any public call, looks at every byte that it is given, and
 * stops the program at a call that does not keep its timeout.
 */
#ifndef GUEST_H
#define GUEST_H

#include "bytes.h"
#include "layout.h"
#include "shmq.h"
#include "world.h"

#define GUEST_LEASES 6

struct guest {
  shmq *queue;
  uint64_t item_max; /* what is larger must not come out */
  struct shmq_lease leases[GUEST_LEASES];
  size_t n;
  bool patient; /* in this call */
};

/* Ours alone, and the same for the whole run of the program. */
extern char fuzz_name[];
const char *fuzz_path(void);
void fuzz_unlink(void); /* and NAME.dead */

/* The call that the next bytes name; before it, time may pass. */
void guest_call(struct guest *guest, struct bytes *bytes);

/* For watching handles too. */
void guest_look(shmq *queue);

#endif
