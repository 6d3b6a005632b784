/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "command.h"

static const struct command_option options[] = {{0}};

static int check(shmq *queue, const char *name) {
  const char *broken = NULL;
  int error = shmq_check(queue, &broken);
  if (!error) return STATUS_DONE;
  if (!broken) return fail(name, error);
  complain("%s: damaged: %s; 'shmq rm --force' removes it", name, broken);
  return STATUS_FAILED;
}

static int recover(shmq *queue, const char *name) {
  int dead = shmq_recover(queue);
  if (dead < 0) return fail(name, dead);
  printf("%d dead process%s cleaned up after\n", dead, dead == 1 ? "" : "es");
  return check(queue, name);
}

static int run(const char *const *arguments) {
  shmq *queue;
  int status = open_queue(&queue, arguments[0]);
  if (status) return status;
  status = recover(queue, arguments[0]);
  shmq_close(queue);
  return status;
}

const struct command recover_command = {
    .name = "recover",
    .arguments = "NAME",
    .summary = "Clean up after dead processes, print how many they were, and check the queue.",
    .details =
        "Those who use the queue do this by themselves; nobody has to wait for it.\n"
        "Example: shmq recover tasks\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = run,
};
