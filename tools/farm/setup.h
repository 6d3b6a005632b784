/* SPDX-License-Identifier: Apache-2.0 */
/* What a farm has before its first process starts. */
#ifndef SHMQ_TOOLS_FARM_SETUP_H
#define SHMQ_TOOLS_FARM_SETUP_H

#include "farm.h"

/* Checks what can be checked before anything is taken. Returns an exit status, and has said why. */
int setup(struct farm *farm, const struct plan *plan);
void setup_undo(struct farm *farm);

/* The signals that the supervisor waits for. */
sigset_t setup_signals(void);

#endif
