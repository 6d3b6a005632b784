/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A round: a queue, the processes that use it at random until they are killed or go, and the
 * history that they write. All of it lies in memory that they share.
 */
#ifndef ROUND_H
#define ROUND_H

#include "history.h"
#include "support.h"

/* What takes so much longer than it should, and does not need the queue, is written down as a stop:
   the kernel kept somebody from going on. */
#define DELAY_MAX (100 * MS)

enum { POSTS = 32 };

/* A process that may be killed or stopped. Nobody but the round's own process reaps, so the pid is
   that of this process for as long as it stands here. */
struct post {
  _Atomic int32_t pid; /* 0: free; -1: being filled */
  _Atomic uint32_t member;
};

enum phase { STORM, DRAIN };

struct round {
  struct history *history;
  char name[64];
  shmq_ns end; /* nobody goes on after this */
  _Atomic int phase;
  _Atomic bool lull;      /* producers pause */
  _Atomic bool shut_down; /* somebody shut the queue down */
  bool may_shut_down;
  _Atomic uint64_t allowance; /* calls that may be written by now */
  _Atomic uint32_t authors_used, forks;
  struct post posts[POSTS];
};

/* Take a free post. Returns its number, or -1. */
int post_claim(struct round *round, int32_t pid);

/* The life of a process of the round, that has this post. */
_Noreturn void process_live(struct round *round, int post, struct chance chance);

/*
 * For the round's own process, which attends all the time, and works only in the end.
 */
void begin_round(struct round *round);
void collect_letters(void); /* what is in NAME.dead */
void end_puts(void);        /* shut the queue down, so that nobody waits for ever */
void end_round(void);       /* get all that is left, and fill in what the queue says */

#endif
