/* SPDX-License-Identifier: Apache-2.0 */
/* A process that does nothing but outlive the supervisor: it then ends the process groups of
   commands whose workers were killed with it. */
#ifndef SHMQ_TOOLS_FARM_GUARD_H
#define SHMQ_TOOLS_FARM_GUARD_H

#include "farm.h"

/* line: the supervisor holds its other end, and nobody else does. */
_Noreturn void guard_main(const struct farm *farm, int line);

#endif
