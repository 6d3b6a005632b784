/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "listing.h"
#include "report.h"

#define COLUMNS "name,qsize,maxsize,unfinished,leased,processes"

static struct report_options report;

static const struct command_option options[] = {REPORT_OPTIONS(report), {0}};

static int print_all(const struct listing *listing) {
  if (report.json) return print_json(stdout, listing->snapshots, listing->count, false);
  if (report.prometheus)
    print_prometheus(stdout, listing->snapshots, listing->count);
  else
    print_table(report.columns ? report.columns : COLUMNS, listing->snapshots, listing->count);
  return STATUS_DONE;
}

static int run(const char *const *arguments) {
  (void)arguments;
  struct listing listing;
  int status = report_check(&report);
  if (status) return status;
  int error = listing_take(&listing);
  if (error) {
    complain("%s: %s", QUEUE_DIRECTORY, strerror(-error));
    return STATUS_FAILED;
  }
  report_sort(&report, listing.snapshots, listing.count);
  status = print_all(&listing);
  listing_free(&listing);
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
