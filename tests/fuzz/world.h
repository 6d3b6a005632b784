/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world that the library lives in under a fuzzer. Time passes when it is looked at and when
 * somebody sleeps, and no sleep takes any: a run is over at once, and the same each time. Another
 * party may act between any two accesses to shared memory.
 *
 * A lock may name a thread that lives; a call without a timeout then waits for it, as it should.
 * When a call has waited long, the other party opens the locks, as that thread would have done, and
 * rests until the call ends. A call that takes longer than it may stops the program.
 */
#ifndef WORLD_H
#define WORLD_H

#include "layout.h"

#define WORLD_MS ((int64_t)1000000)
#define WORLD_S  (1000 * WORLD_MS)

/* The next access of the library is to this word. */
typedef void other_party(void *word);

/* A run begins: the time and the counts are those of every beginning. */
void world_begin(void);

/* The segment whose locks the other party opens; NULL: there is none. Until world_begin(). */
void world_watch(struct segment *segment);

/* Who acts between accesses; NULL: nobody. Until world_begin(). */
void world_share(other_party *other);

/* A call begins that may take ns at most. */
void world_call(int64_t ns);

/* Nobody calls for so long. */
void world_pass(int64_t ns);

#endif
