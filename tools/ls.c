/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "report.h"

/* Where shm_open(3) keeps its objects, and what a queue's begins with. */
#define DIRECTORY "/dev/shm"
#define PREFIX    "shmq."

#define COLUMNS "name,qsize,maxsize,unfinished,leased,processes"

static struct report_options report;

static const struct command_option options[] = {REPORT_OPTIONS(report), {0}};

static int may_be_queue(const struct dirent *entry) {
  return strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0;
}

static const char *name_of(const struct dirent *entry) {
  return entry->d_name + strlen(PREFIX);
}

/* No queue can have this name; or it went away since the directory was read. */
static bool is_no_queue(int error) {
  return error == -EINVAL || error == -ENAMETOOLONG || error == -ENOENT;
}

static size_t look_at_all(struct snapshot *snapshots, struct dirent **entries, int count) {
  size_t found = 0;
  for (int i = 0; i < count; i++)
    if (!is_no_queue(snapshot_take(&snapshots[found], name_of(entries[i])))) found++;
  return found;
}

static int print_all(const struct snapshot *snapshots, size_t count) {
  if (report.json) return print_json(snapshots, count, false);
  if (report.prometheus)
    print_prometheus(snapshots, count);
  else
    print_table(report.columns ? report.columns : COLUMNS, snapshots, count);
  return STATUS_DONE;
}

static int list(struct dirent **entries, int count) {
  struct snapshot *snapshots = calloc((size_t)count + 1, sizeof *snapshots);
  if (!snapshots) return out_of_memory();
  size_t found = look_at_all(snapshots, entries, count);
  report_sort(&report, snapshots, found);
  int status = print_all(snapshots, found);
  for (size_t i = 0; i < found; i++)
    snapshot_free(&snapshots[i]);
  free(snapshots);
  return status;
}

static void free_entries(struct dirent **entries, int count) {
  for (int i = 0; i < count; i++)
    free(entries[i]);
  free(entries);
}

static int run(const char *const *arguments) {
  (void)arguments;
  struct dirent **entries;
  int status = report_check(&report);
  if (status) return status;
  int count = scandir(DIRECTORY, &entries, may_be_queue, alphasort);
  if (count < 0) {
    complain("%s: %s", DIRECTORY, strerror(errno));
    return STATUS_FAILED;
  }
  status = list(entries, count);
  free_entries(entries, count);
  return status;
}

const struct command ls_command = {
    .name = "ls",
    .arguments = "[OPTION...]",
    .summary = "List the queues of this machine.",
    .details = "Example: shmq ls --json | jq -r '.[] | select(.qsize > 0).name'\n",
    .min_arguments = 0,
    .max_arguments = 0,
    .options = options,
    .run = run,
};
