/* SPDX-License-Identifier: Apache-2.0 */
/* What shmq top shows: a table of all queues, or one queue in detail. */
#ifndef SHMQ_TOOLS_TOP_SCREEN_H
#define SHMQ_TOOLS_TOP_SCREEN_H

#include <limits.h>

#include "../report.h"
#include "history.h"

struct screen {
  struct listing listing;
  struct history *history;
  int error; /* why there is no listing; 0 if there is one */
  int64_t interval;
  char chosen[NAME_MAX + 1]; /* a queue's name; it stays chosen wherever it moves */
  bool detail;               /* of the one chosen */
  size_t scrolled;           /* lines above the first that is shown */
  size_t sort;               /* a column of the table */
  bool downwards;
};

/* In the order that the user asked for. */
void screen_sort(struct screen *screen);
void screen_draw(struct screen *screen);
/* Returns false if the key is to end the program. */
bool screen_key(struct screen *screen, int key);

#endif
