/* SPDX-License-Identifier: Apache-2.0 */
/* Every peer and scenario that was built; CMake writes the lists. */
#include "bench.h"

#define PEER(name)     extern const struct peer peer_##name;
#define SCENARIO(name) extern const struct scenario scenario_##name;
#include "registry.def"
#undef PEER
#undef SCENARIO

const struct peer *const peers[] = {
#define PEER(name) &peer_##name,
#define SCENARIO(name)
#include "registry.def"
#undef PEER
#undef SCENARIO
    NULL};

const struct scenario *const scenarios[] = {
#define PEER(name)
#define SCENARIO(name) &scenario_##name,
#include "registry.def"
#undef PEER
#undef SCENARIO
    NULL};
