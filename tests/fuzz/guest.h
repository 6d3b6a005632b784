/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A user of a hostile segment: makes any public call, looks at every byte that it is given, and
 * stops the program at a call that does not come back.
 */
#ifndef GUEST_H
#define GUEST_H

#include "bytes.h"
#include "layout.h"
#include "shmq.h"

#define GUEST_LEASES 6

struct guest {
  shmq *queue;
  uint64_t item_max; /* what is larger must not come out */
  struct shmq_lease leases[GUEST_LEASES];
  size_t n;
};

/* Ours alone, and the same for the whole run. */
extern char fuzz_name[];
const char *fuzz_path(void);
void fuzz_unlink(void); /* and NAME.dead */

/*
 * Watch over the calls from here to guest_rest(). A lock may name a thread that lives, and a call
 * without a timeout then waits as it should: the watch opens the locks of a call that takes long,
 * as that thread would have done; it aborts the program if the call goes on even so.
 */
void guest_watch(struct segment *segment);
void guest_rest(void);

/* The call that the next bytes name. */
void guest_call(struct guest *guest, struct bytes *bytes);

/* For watching handles too. */
void guest_look(shmq *queue);

#endif
