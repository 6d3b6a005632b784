/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of a team:
 *
 *   program ---fork---> supervisor ---fork---> worker, worker, ...
 *
 * The supervisor is a copy of the program as it was at the start, has one thread, and sleeps until
 * a process ends: the program (then it ends its workers and itself) or a worker (then it tells the
 * task's submitter how, and starts another). Workers get SIGKILL when it dies.
 */
#ifndef SHMQ_FARM_TEAM_H
#define SHMQ_FARM_TEAM_H

#include <signal.h>

#include "farm.h"

/* In the program, under the handle's mutex. */
int team_start(struct shmq_farm *farm, unsigned workers);
void team_stop(struct shmq_farm *farm);
/* If the supervisor died, start another. Returns false when there is no team (any more). */
bool team_watch(struct shmq_farm *farm);
void team_kill(struct shmq_farm *farm);

/* In the supervisor. */
_Noreturn void supervisor_run(struct shmq_farm *farm, pid_t program);

/* In a worker. */
_Noreturn void worker_run(struct shmq_farm *farm, struct desk *desk);

/* A descriptor that can be polled for the end of a process, or -errno. */
int process_open(pid_t pid);
/* The same for what fork(2) returned; a child that cannot be watched is killed. */
int process_adopt(pid_t child);
/* Wait for the end of a child: how it was is in si_code and si_status. */
siginfo_t process_reap(int process);

#endif
