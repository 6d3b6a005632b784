/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "print.h"

#define ON_TERMINAL (200 * MS)
#define ELSEWHERE   (5 * SECOND)
#define BAR_WIDTH   24
#define SMOOTHING   (3.0 * SECOND)

struct tally tally_of(const struct farm *farm) {
  struct tally tally = {0};
  for (uint32_t i = 0; i < farm->plan.workers_max; i++) {
    tally.finished += atomic_load(&farm->slots[i].finished);
    tally.failed += atomic_load(&farm->slots[i].failed);
    tally.in_hand += atomic_load(&farm->slots[i].in_hand);
  }
  return tally;
}

struct progress progress_begin(const struct farm *farm) {
  if (!farm->plan.progress) return (struct progress){.due = NEVER};
  bool terminal = isatty(STDERR_FILENO);
  shmq_ns time = now();
  return (struct progress){
      .terminal = terminal, .time = time, .due = time + (terminal ? 0 : ELSEWHERE)};
}

/* A mean in which the last seconds weigh most. */
static void update_rate(struct progress *progress, uint64_t finished) {
  shmq_ns time = now();
  double span = (double)(time - progress->time);
  if (span <= 0) return;
  double rate = (double)(finished - progress->finished) * SECOND / span;
  double weight = progress->finished ? span / (span + SMOOTHING) : 1;
  progress->rate += weight * (rate - progress->rate);
  progress->finished = finished;
  progress->time = time;
}

static void format_time_left(char text[16], double rate, uint64_t items) {
  double left = rate > 0 ? (double)items / rate : -1;
  if (left < 0 || left > 360000)
    snprintf(text, 16, "-");
  else
    snprintf(text, 16, "%d:%02d:%02d", (int)(left / 3600), (int)(left / 60) % 60, (int)left % 60);
}

static void format_bar(char text[BAR_WIDTH + 1], uint64_t done, uint64_t all) {
  size_t filled = all ? (size_t)(done * BAR_WIDTH / all) : 0;
  memset(text, '.', BAR_WIDTH);
  memset(text, '#', filled);
  text[BAR_WIDTH] = '\0';
}

static void format_line(struct progress *progress, const struct farm *farm, char *line,
                        size_t size) {
  char left[16], bar[BAR_WIDTH + 1];
  struct tally tally = tally_of(farm);
  uint64_t waiting = shmq_qsize(farm->queue), unfinished = waiting + tally.in_hand;
  update_rate(progress, tally.finished);
  format_time_left(left, progress->rate, unfinished);
  format_bar(bar, tally.finished, tally.finished + unfinished);
  snprintf(line, size,
           "%s%s%s%" PRIu64 " finished, %" PRIu64 " failed, %" PRIu64 " in hand, %" PRIu64
           " waiting, %.1f/s, %s left",
           progress->terminal ? "[" : "", progress->terminal ? bar : "",
           progress->terminal ? "] " : "", tally.finished - tally.failed, tally.failed,
           tally.in_hand, waiting, progress->rate, left);
}

/* Where output is being printed, the bar has its turn later. */
static void show(struct progress *progress, const struct farm *farm) {
  char line[256];
  format_line(progress, farm, line, sizeof line);
  if (!progress->terminal) {
    fprintf(stderr, "%s\n", line);
  } else if (lock_try(&farm->shared->output)) {
    fprintf(stderr, CLEAR_LINE "%s", line);
    lock_leave(&farm->shared->output);
  }
}

void progress_show(struct progress *progress, const struct farm *farm) {
  if (now() < progress->due) return;
  show(progress, farm);
  progress->due = now() + (progress->terminal ? ON_TERMINAL : ELSEWHERE);
}

void progress_end(struct progress *progress, const struct farm *farm) {
  if (progress->due == NEVER) return;
  show(progress, farm);
  if (progress->terminal) fputc('\n', stderr);
}
