/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "snapshot.h"

static int64_t force;

static const struct command_option options[] = {
    {"force", 0, OPTION_FLAG, &force, 0, 0,
     "remove it whoever uses it, and a damaged or foreign one too"},
    {0}};

enum { PIDS_SHOWN = 16 };

static size_t count_living(const struct snapshot *snapshot) {
  size_t living = 0;
  for (size_t i = 0; i < snapshot->process_count; i++)
    living += snapshot->processes[i].alive;
  return living;
}

static void print_living(FILE *list, const struct snapshot *snapshot) {
  size_t shown = 0;
  for (size_t i = 0; i < snapshot->process_count && shown < PIDS_SHOWN; i++)
    if (snapshot->processes[i].alive)
      fprintf(list, shown++ ? ", %d" : "%d", (int)snapshot->processes[i].pid);
}

static int refuse(const struct snapshot *snapshot, size_t living) {
  char *pids = NULL;
  size_t size;
  FILE *list = open_memstream(&pids, &size);
  if (!list) return out_of_memory();
  print_living(list, snapshot);
  if (fclose(list) != 0) return out_of_memory();
  complain("%s: in use by process %s%s; end them, or give --force", snapshot->name, pids,
           living > PIDS_SHOWN ? " and others" : "");
  free(pids);
  return STATUS_FAILED;
}

static int refuse_if_used(const char *name) {
  struct snapshot snapshot;
  int error = snapshot_take(&snapshot, name);
  if (error) return fail(name, error);
  size_t living = count_living(&snapshot);
  int status = living ? refuse(&snapshot, living) : STATUS_DONE;
  snapshot_free(&snapshot);
  return status;
}

static int run(const char *const *arguments) {
  int status = force ? STATUS_DONE : refuse_if_used(arguments[0]);
  if (status) return status;
  int error = shmq_unlink(arguments[0]);
  return error ? fail(arguments[0], error) : STATUS_DONE;
}

const struct command rm_command = {
    .name = "rm",
    .arguments = "NAME [OPTION...]",
    .summary = "Remove a queue and what is in it, unless living processes are attached.",
    .details =
        "Those who have it open under --force go on using it; it goes with the last.\n"
        "Example: shmq rm tasks\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = run,
};
