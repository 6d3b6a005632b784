/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A storm of kills: producers and consumers of a peer are killed at random, one every few
 * milliseconds, and replaced. It ends when the peer hangs: no item was got for 5 s, in which all
 * processes lived and nobody was killed; or after so many kills.
 */
#ifndef BENCH_STORM_H
#define BENCH_STORM_H

#include "peer.h"

struct storm {
  struct shape shape;
  unsigned kills;
  double seconds; /* at most */
  uint64_t seed;
};

struct outcome {
  bool hung;
  unsigned kills;   /* until it hung */
  unsigned failed;  /* processes that ended by themselves */
  uint64_t put;     /* items whose put returned */
  uint64_t missing; /* of these, nobody got so many; where it hung, they may still be in it */
  uint64_t
      in_hand; /* of the missing, killed consumers may have had so many: they were inside get */
  uint64_t twice;
  uint64_t invented; /* items that nobody was about to put, or altered ones */
};

/* Returns false, and says why, if it cannot be done. */
bool storm_run(const struct peer *peer, const struct storm *storm, struct outcome *outcome);

#endif
