/* SPDX-License-Identifier: Apache-2.0 */
#include "submitter.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "collect.h"

/* Room for a report of each task under way, and for some words about crashes. */
static size_t results_capacity(const struct shmq_farm_options *o, size_t report_max) {
  const size_t crash_max = sizeof(struct crash);
  return o->max_waiting * (report_max + crash_max + 2 * ITEM_OVERHEAD);
}

static int results_create(struct shmq_farm *farm) {
  struct submitter *s = &farm->submitter;
  struct shmq_options options;
  shmq_options_init(&options);
  options.item_max = s->report_max;
  options.capacity = results_capacity(&farm->options, s->report_max);
  options.max_leases = 1;
  options.max_processes = farm->options.max_workers + OTHER_PROCESSES;
  options.max_threads = farm->options.max_workers + OTHER_THREADS;
  return shmq_create(&s->results, results_name(farm->name, &s->id).text, &options);
}

static int memory_reserve(struct shmq_farm *farm) {
  struct submitter *s = &farm->submitter;
  s->buffer = malloc(REPORTS * s->report_max);
  if (s->buffer == NULL) return -ENOMEM;
  return tickets_create(&farm->tickets, farm->options.max_tickets);
}

static void memory_release(struct shmq_farm *farm) {
  free(farm->submitter.buffer);
  tickets_destroy(&farm->tickets);
  farm->submitter = (struct submitter){0};
  farm->tickets = (struct tickets){0};
}

static void results_remove(struct shmq_farm *farm) {
  struct submitter *s = &farm->submitter;
  shmq_unlink(results_name(farm->name, &s->id).text);
  shmq_close(s->results);
}

static int shared_create(struct shmq_farm *farm) {
  struct submitter *s = &farm->submitter;
  int error = results_create(farm);
  if (error != 0) return error;
  error = board_create(&s->board, board_path(farm->name, &s->id).text, farm->options.max_tickets);
  if (error != 0) results_remove(farm);
  return error;
}

int submitter_open(struct shmq_farm *farm) {
  struct submitter *s = &farm->submitter;
  const size_t room = farm->options.result_max;
  if (s->results != NULL) return 0;
  *s = (struct submitter){
      .id = submitter_id_new(),
      .report_max = sizeof(struct report) + (room > SENTENCE_MAX ? room : SENTENCE_MAX)};
  int error = memory_reserve(farm);
  if (error == 0) error = shared_create(farm);
  if (error != 0) memory_release(farm);
  return error;
}

void submitter_close(struct shmq_farm *farm) {
  struct submitter *s = &farm->submitter;
  if (s->results == NULL) return;
  unlink(board_path(farm->name, &s->id).text);
  board_close(&s->board);
  results_remove(farm);
  memory_release(farm);
}
