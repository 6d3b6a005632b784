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
      .terminal = terminal, .meter = {.time = time}, .due = time + (terminal ? 0 : ELSEWHERE)};
}

static void format_line(struct progress *progress, const struct farm *farm, char *line,
                        size_t size) {
  char left[METER_TIME_SIZE], bar[METER_BAR_SIZE];
  struct tally tally = tally_of(farm);
  uint64_t waiting = shmq_qsize(farm->queue), unfinished = waiting + tally.in_hand;
  meter_update(&progress->meter, tally.finished);
  meter_format_time_left(left, progress->meter.rate, unfinished);
  meter_format_bar(bar, tally.finished, tally.finished + unfinished);
  snprintf(line, size,
           "%s%s%s%" PRIu64 " finished, %" PRIu64 " failed, %" PRIu64 " in hand, %" PRIu64
           " waiting, %.1f/s, %s left",
           progress->terminal ? "[" : "", progress->terminal ? bar : "",
           progress->terminal ? "] " : "", tally.finished - tally.failed, tally.failed,
           tally.in_hand, waiting, progress->meter.rate, left);
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
