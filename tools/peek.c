/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "deliver.h"

static int64_t nul;

static const struct command_option options[] = {
    {NULL, '0', OPTION_FLAG, &nul, 0, 0, "end the item with a NUL, not a newline"}, {0}};

static int print_next(shmq *queue, const char *name, char *buffer, size_t size) {
  ssize_t n = shmq_peek(queue, buffer, size);
  if (n < 0) {
    complain("%s: %s", name, explain_missing(queue, (int)n));
    return status_of((int)n);
  }
  int error = print_item(buffer, (size_t)n, nul ? '\0' : '\n');
  if (error) complain("standard output: %s", strerror(-error));
  return error ? STATUS_FAILED : STATUS_DONE;
}

static int peek(shmq *queue, const char *name) {
  struct shmq_stats stats;
  int error = shmq_stat(queue, &stats);
  if (error) return fail(name, error);
  char *buffer = malloc(stats.item_max);
  int status = buffer ? print_next(queue, name, buffer, stats.item_max) : out_of_memory();
  free(buffer);
  return status;
}

static int run(const char *const *arguments) {
  shmq *queue;
  int status = open_queue(&queue, arguments[0]);
  if (status) return status;
  status = peek(queue, arguments[0]);
  shmq_close(queue);
  return status;
}

const struct command peek_command = {
    .name = "peek",
    .arguments = "NAME [OPTION...]",
    .summary = "Print the next item and leave it where it is.",
    .details = "Example: shmq peek tasks\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = run,
};
