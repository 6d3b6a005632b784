/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "deliver.h"
#include "record/recorder.h"

static int64_t discard, nul, follow;
static const char *output;

static const struct command_option options[] = {
    {"output", 'o', OPTION_FILE, &output, 0, 0, "write the items to a file that load reads back"},
    {"follow", 0, OPTION_FLAG, &follow, 0, 0,
     "with -o: go on until the queue is shut down, or SIGINT, SIGTERM or SIGHUP"},
    {"discard", 0, OPTION_FLAG, &discard, 0, 0, "throw the items away; print how many"},
    {NULL, '0', OPTION_FLAG, &nul, 0, 0, "end each item with a NUL, not a newline"},
    {0}};

static int print_or_discard(const char *name) {
  struct delivery delivery = {
      .name = name,
      .limit = UINT64_MAX,
      .timeout = SHMQ_NOWAIT,
      .until_empty = true,
      .discard = discard,
      .end = nul ? '\0' : '\n',
  };
  int status = open_queue(&delivery.queue, delivery.name);
  if (status) return status;
  status = deliver(&delivery);
  shmq_close(delivery.queue);
  if (discard) printf("%" PRIu64 " items discarded\n", delivery.delivered);
  return status;
}

static int write_to_file(const char *name) {
  struct recording recording = {.name = name, .path = output, .follow = follow};
  int status = record_queue(&recording);
  if (status == STATUS_DONE) printf("%" PRIu64 " items written\n", recording.written);
  return status;
}

static int run(const char *const *arguments) {
  if (discard && nul) return bad_call("--discard prints no items; leave out -0");
  if (output && (discard || nul)) return bad_call("-o: not with --discard or -0");
  if (follow && !output) return bad_call("--follow: only with -o");
  return output ? write_to_file(arguments[0]) : print_or_discard(arguments[0]);
}

const struct command drain_command = {
    .name = "drain",
    .arguments = "NAME [OPTION...]",
    .summary = "Empty a queue: print every item that waits, save it to a file, or discard it.",
    .details =
        "Items in hand are not touched, and nothing is waited for. With -o an item leaves\n"
        "the queue when it is on disk; where the file is there, it is gone on with.\n"
        "Example: shmq drain tasks -o tasks.rec\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = run,
};
