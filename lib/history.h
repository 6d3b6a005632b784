/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When was an item put? Nothing is stamped with a time. Instead, those who look around leave marks:
 * how many items had been put at what time. Between the marks on both sides of an item's number it
 * was put.
 *
 * Time is counted in ticks of some 17 ms. Level 0 keeps a mark for each of the last 32 ticks in
 * which somebody looked, level 1 for each two ticks, level 2 for each four, and so on: the older,
 * the coarser, so that what is known of an item's age is at most a tick and a fifteenth too much.
 *
 * A mark is one word, written by one compare-and-swap: it is there or it is not, whoever is killed.
 * It is true as long as it stands, and that is all a reader needs: a mark that is missing makes an
 * answer larger. So does none at all: 0 says that when the machine was started nothing had been
 * put.
 */
#ifndef SHMQ_HISTORY_H
#define SHMQ_HISTORY_H

#include "handle.h"

/* Leave a mark now (CLOCK_MONOTONIC, ns), if this tick has none: all but the last put items, which
   the caller has put just now, are older than now. */
void history_mark(struct shmq *q, uint32_t put, int64_t now);

/* The latest time, not after now, at which this item was certainly not yet put; 0: unknown. */
int64_t history_before(const struct shmq *q, uint64_t item, int64_t now);

#endif
