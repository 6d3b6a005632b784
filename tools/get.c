/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"
#include "deliver.h"

static int64_t count, all, nul, timeout = -1;

static const struct command_option options[] = {
    {NULL, 'n', OPTION_COUNT, &count, 1, 0, "print so many items (default 1)"},
    {"all", 0, OPTION_FLAG, &all, 0, 0, "print until the queue is empty, without waiting"},
    {"timeout", 0, OPTION_DURATION, &timeout, 0, 0,
     "wait so long for each item (default: for ever; with --all: 0)"},
    {NULL, '0', OPTION_FLAG, &nul, 0, 0, "end each item with a NUL, not a newline"},
    {0}};

static int run(const char *const *arguments) {
  struct delivery delivery = {
      .name = arguments[0],
      .limit = count ? (uint64_t)count
               : all ? UINT64_MAX
                     : 1,
      .timeout = timeout >= 0 ? timeout
                 : all        ? SHMQ_NOWAIT
                              : SHMQ_FOREVER,
      .until_empty = all,
      .end = nul ? '\0' : '\n',
  };
  int status = open_queue(&delivery.queue, delivery.name);
  if (status) return status;
  status = deliver(&delivery);
  shmq_close(delivery.queue);
  return status;
}

const struct command get_command = {
    .name = "get",
    .arguments = "NAME [OPTION...]",
    .summary = "Print items and finish them; by default one, waiting for it.",
    .details =
        "An item leaves the queue when it has been written; killed before, it stays.\n"
        "Example: shmq get tasks -n 10 --timeout 5s\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = run,
};
