/* SPDX-License-Identifier: Apache-2.0 */
/* Every scenario; CMake writes the list. */
#include "bench.h"

#define PEER(name)
#define SCENARIO(name) extern const struct scenario scenario_##name;
#include "registry.def"
#undef SCENARIO

const struct scenario *const scenarios[] = {
#define SCENARIO(name) &scenario_##name,
#include "registry.def"
#undef SCENARIO
    NULL};
