/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names in shared memory. The tasks of farm NAME wait in the queue NAME. Each submitter has a queue
 * for its results, NAME.results-PID-KEY, and a board (board.h) of the same name, which is there
 * only while the queue is: it is made later and removed earlier.
 */
#ifndef SHMQ_FARM_NAMES_H
#define SHMQ_FARM_NAMES_H

#include "message.h"

struct farm_name {
  char text[256];
};

struct farm_name results_name(const char *farm, const struct submitter_id *id);
struct farm_name board_path(const char *farm, const struct submitter_id *id);

/* An id that nobody else has. */
struct submitter_id submitter_id_new(void);

/* Is the submitter that made this queue of results still there? */
bool submitter_lives(shmq *results, const struct submitter_id *id);

/* Remove what submitter_lives() no more, or was never complete. */
void leftovers_remove(const char *farm);

#endif
