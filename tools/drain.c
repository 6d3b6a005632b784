/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "deliver.h"

static int64_t discard, nul;

static const struct command_option options[] = {
    {"discard", 0, OPTION_FLAG, &discard, 0, 0, "throw the items away; print how many"},
    {NULL, '0', OPTION_FLAG, &nul, 0, 0, "end each item with a NUL, not a newline"},
    {0}};

static int run(const char *const *arguments) {
  struct delivery delivery = {
      .name = arguments[0],
      .limit = UINT64_MAX,
      .timeout = SHMQ_NOWAIT,
      .until_empty = true,
      .discard = discard,
      .end = nul ? '\0' : '\n',
  };
  if (discard && nul) return bad_call("--discard prints no items; leave out -0");
  int status = open_queue(&delivery.queue, delivery.name);
  if (status) return status;
  status = deliver(&delivery);
  shmq_close(delivery.queue);
  if (discard) printf("%" PRIu64 " items discarded\n", delivery.delivered);
  return status;
}

const struct command drain_command = {
    .name = "drain",
    .arguments = "NAME [OPTION...]",
    .summary = "Empty a queue: print every item that waits, or discard it.",
    .details =
        "Items in hand are not touched, and nothing is waited for.\n"
        "Example: shmq drain tasks > tasks.txt\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = run,
};
