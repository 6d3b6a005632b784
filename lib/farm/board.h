/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board of a submitter: for each ticket a word in shared memory that says whether the task has
 * begun. It decides between the submitter, who may cancel, and the worker, who begins.
 *
 *   word = 2 * ticket        offered
 *          2 * ticket + 1    begun; once begun, it may begin again: its worker died
 *          anything else     withdrawn; perhaps its place has another ticket by now
 */
#ifndef SHMQ_FARM_BOARD_H
#define SHMQ_FARM_BOARD_H

#include <stdatomic.h>

#include "names.h"

struct board {
  _Atomic uint64_t *words;
  uint64_t places; /* a ticket's place is ticket % places */
  int file;
};

/* Errors: -errno. */
int board_create(struct board *board, const char *path, uint64_t places);
int board_open(struct board *board, const char *path);
void board_close(struct board *board);

/* Has it lost its name? Then its submitter has left. */
bool board_is_removed(const struct board *board);

void board_offer(struct board *board, shmq_farm_ticket ticket);
/* Each returns false if the other was first. */
bool board_withdraw(struct board *board, shmq_farm_ticket ticket);
bool board_begin(struct board *board, shmq_farm_ticket ticket);

#endif
