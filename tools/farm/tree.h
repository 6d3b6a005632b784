/* SPDX-License-Identifier: Apache-2.0 */
/* The processes below this one, and how they end. All but tree_adopt() may be called from a signal
   handler. */
#ifndef SHMQ_TOOLS_FARM_TREE_H
#define SHMQ_TOOLS_FARM_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Orphans below this process become its children. */
void tree_adopt(void);

/* Have the signal sent to this process when its parent dies. False: it is dead already. */
bool tree_follow(pid_t parent, int signal);

/* Lists this process's children. Returns how many, at most max. */
size_t tree_children(pid_t *pids, size_t max);

/* Kill the children that are not spared. Returns how many. */
int tree_kill(bool (*spared)(pid_t child));

/* Kill all that is below this process, and wait until nothing is. */
void tree_end(void);

#endif
