/* SPDX-License-Identifier: Apache-2.0 */
/* A load: producers put items as fast as they can, consumers get, read and check them. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "peer.h"

struct load {
  struct shape shape;
  unsigned bystanders; /* attached and idle */
  bool neighbour;      /* a process that burns one of the processors */
  uint64_t items;      /* how many in all; 0: as many as there is time for */
  double seconds;
};

/* Can this peer carry it? */
bool load_fits(const struct peer *peer, const struct shape *shape);

/* Run it once. Returns false if anything was lost or altered, or came in the wrong order. */
bool load_run(const struct peer *peer, const struct load *load, double *items_per_second);

#endif
