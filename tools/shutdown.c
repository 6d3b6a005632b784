/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

static int64_t now;

static const struct command_option options[] = {
    {"now", 0, OPTION_FLAG, &now, 0, 0, "discard what waits, and whatever comes back later"}, {0}};

static int run(const char *const *arguments) {
  shmq *queue;
  int status = open_queue(&queue, arguments[0]);
  if (status) return status;
  int error = shmq_shutdown(queue, now ? SHMQ_NOW : 0);
  shmq_close(queue);
  return error ? fail(arguments[0], error) : STATUS_DONE;
}

const struct command shutdown_command = {
    .name = "shutdown",
    .arguments = "NAME [OPTION...]",
    .summary = "Shut a queue down, for good: nothing more goes in; what waits may be got.",
    .details = "Example: shmq shutdown tasks\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = run,
};
