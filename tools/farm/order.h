/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --keep-order. Each item that this farm has in hand has a place in shared memory:
 *
 *   in hand --> held: its output is in the spool --> printed --> free: the item is finished
 *      |  ^                    |
 *      v  |                    |
 *   returned to the queue <----+ its worker died
 *
 * The output that is held is printed when no place before it is in hand or returned. One store
 * moves a place on: whoever is killed leaves every place in one of these states.
 */
#ifndef SHMQ_TOOLS_FARM_ORDER_H
#define SHMQ_TOOLS_FARM_ORDER_H

#include "farm.h"
#include "source.h"

/* The item was taken. Under the lock "taking", beginning before it was taken: who has taken an item
   after this one finds this one's place. */
void order_enter(const struct farm *farm, uint32_t slot, uint64_t id);

/* Under the lock "output": keep the output of a finished item. Returns 0 or an errno. */
int order_hold(const struct farm *farm, uint64_t id, const struct source *out,
               const struct source *err, const struct tag *tag);

/* Under the lock "output": print what may be printed. Returns 0 or an errno. */
int order_print(const struct farm *farm);

bool order_is_printed(const struct farm *farm, uint64_t id);

/* The item is finished. */
void order_leave(const struct farm *farm, uint64_t id);

/* The item was given back; it may have been taken again already. */
void order_return(const struct farm *farm, uint32_t slot, uint64_t id);

/* The worker died, and what it had in hand is back. */
void order_forsake(const struct farm *farm, uint32_t slot);

#endif
