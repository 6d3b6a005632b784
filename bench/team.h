/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A team: the processes of one run. They are pinned, wait at one gate until all are there, run, and
 * end; one that fails or hangs fails the run, and the others are killed.
 */
#ifndef BENCH_TEAM_H
#define BENCH_TEAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { TEAM_MAX = 1024 };

/* In memory that all share; each word on a line of its own. */
struct gate {
  _Alignas(128) _Atomic uint32_t ready; /* how many have come to the gate */
  _Alignas(128) _Atomic uint32_t open;
  _Alignas(128) _Atomic uint32_t stop; /* the time of the run is over */
};

struct team {
  struct gate *gate;
  pid_t pids[TEAM_MAX]; /* 0: has ended */
  bool helper[TEAM_MAX];
  unsigned size;
  unsigned players; /* that have not ended; helpers do not count */
  uint64_t opened;  /* when the gate opened */
};

typedef void team_role(void *argument);

/* Once, before everything else: signals are to be waited for. */
void team_prepare(void);
/* Did the user ask to stop? */
bool team_interrupted(void);

void team_begin(struct team *team);
/* Start a process on the next processor: member i runs on processor i mod n. It must pass the gate.
 */
void team_add(struct team *team, team_role *role, void *argument);
/* One that runs until it is killed, at the end of the run. */
void team_add_helper(struct team *team, team_role *role, void *argument);
/* Run: open the gate when all are there, say stop after some seconds (less than 0: never), wait for
   all players. Frees the team. Returns false if anybody failed. */
bool team_run(struct team *team, double seconds);

/* For a member with threads of its own: run on any processor. */
void team_roam(void);
/* For the members: wait at the gate. */
void team_gate(struct gate *gate);
static inline bool team_stopped(struct gate *gate) {
  return atomic_load_explicit(&gate->stop, memory_order_relaxed);
}

#endif
