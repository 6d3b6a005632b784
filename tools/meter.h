/* SPDX-License-Identifier: Apache-2.0 */
/* How far something has come: a bar, items a second, the time that is left. */
#ifndef SHMQ_TOOLS_METER_H
#define SHMQ_TOOLS_METER_H

#include <shmq.h>
#include <stdbool.h>
#include <stdint.h>

/* Moves to the begin of a terminal's line and clears it. */
#define CLEAR_LINE "\r\033[K"

#define METER_BAR_SIZE  25
#define METER_TIME_SIZE 16

struct meter {
  double rate;       /* items a second, of late */
  uint64_t finished; /* at the look before */
  shmq_ns time;      /* of it */
};

/* A mean in which the last seconds weigh most. */
void meter_update(struct meter *meter, uint64_t finished);
void meter_format_bar(char text[METER_BAR_SIZE], uint64_t done, uint64_t all);
void meter_format_time_left(char text[METER_TIME_SIZE], double rate, uint64_t items);

/* A line on standard error that shows itself where that is a terminal and the work takes long. */
struct meter_line {
  const char *done_word; /* "written" */
  bool shown;
  shmq_ns due;
  struct meter meter;
};

struct meter_line meter_line_begin(const char *done_word);
/* Is it time to show it? */
bool meter_line_due(const struct meter_line *line);
void meter_line_show(struct meter_line *line, uint64_t done, uint64_t left);
void meter_line_end(struct meter_line *line);

#endif
