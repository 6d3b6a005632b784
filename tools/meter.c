/* SPDX-License-Identifier: Apache-2.0 */
#include "meter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "farm/clock.h"

#define SMOOTHING (3.0 * SECOND)
#define LONG      SECOND
#define INTERVAL  (200 * MS)

void meter_update(struct meter *meter, uint64_t finished) {
  shmq_ns time = now();
  double span = (double)(time - meter->time);
  if (span <= 0) return;
  double rate = (double)(finished - meter->finished) * SECOND / span;
  double weight = meter->finished ? span / (span + SMOOTHING) : 1;
  meter->rate += weight * (rate - meter->rate);
  meter->finished = finished;
  meter->time = time;
}

void meter_format_time_left(char text[METER_TIME_SIZE], double rate, uint64_t items) {
  double left = rate > 0 ? (double)items / rate : -1;
  if (left < 0 || left > 360000)
    snprintf(text, METER_TIME_SIZE, "-");
  else
    snprintf(text, METER_TIME_SIZE, "%d:%02d:%02d", (int)(left / 3600), (int)(left / 60) % 60,
             (int)left % 60);
}

void meter_format_bar(char text[METER_BAR_SIZE], uint64_t done, uint64_t all) {
  const size_t width = METER_BAR_SIZE - 1;
  size_t filled = all ? (size_t)(done * width / all) : 0;
  memset(text, '.', width);
  memset(text, '#', filled);
  text[width] = '\0';
}

/* ---- The line -----------------------------------------------------------------------------------
 */

struct meter_line meter_line_begin(const char *done_word) {
  shmq_ns time = now();
  return (struct meter_line){.done_word = done_word,
                             .due = isatty(STDERR_FILENO) ? time + LONG : NEVER,
                             .meter = {.time = time}};
}

bool meter_line_due(const struct meter_line *line) {
  return line->due != NEVER && now() >= line->due;
}

void meter_line_show(struct meter_line *line, uint64_t done, uint64_t left) {
  char bar[METER_BAR_SIZE], time_left[METER_TIME_SIZE];
  meter_update(&line->meter, done);
  meter_format_bar(bar, done, done + left);
  meter_format_time_left(time_left, line->meter.rate, left);
  fprintf(stderr, CLEAR_LINE "[%s] %" PRIu64 " %s, %" PRIu64 " waiting, %.1f/s, %s left", bar, done,
          line->done_word, left, line->meter.rate, time_left);
  line->due = now() + INTERVAL;
  line->shown = true;
}

/* What is printed next stands where the line was. */
void meter_line_end(struct meter_line *line) {
  if (line->shown) fputs(CLEAR_LINE, stderr);
  line->shown = false;
}
