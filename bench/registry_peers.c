/* SPDX-License-Identifier: Apache-2.0 */
/* Every peer that was built; CMake writes the list. */
#include <err.h>
#include <string.h>

#include "peer.h"

#define SCENARIO(name)
#define PEER(name) extern const struct peer peer_##name;
#include "registry.def"
#undef PEER

const struct peer *const peers[] = {
#define PEER(name) &peer_##name,
#include "registry.def"
#undef PEER
    NULL};

enum { CHOICE_MAX = 64 };

static const struct peer *find_peer(const char *name) {
  for (size_t i = 0; peers[i]; i++) {
    if (strcmp(peers[i]->name, name) == 0) return peers[i];
  }
  errx(2, "no such peer: %s (see shmq-bench --list)", name);
}

const struct peer *const *choose_peers(char *names) {
  static const struct peer *chosen[CHOICE_MAX + 1];
  size_t n = 0;
  if (!names) return peers;
  for (char *name; n < CHOICE_MAX && (name = strsep(&names, ","));)
    chosen[n++] = find_peer(name);
  return chosen;
}
