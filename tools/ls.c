/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "snapshot.h"

/* Where shm_open(3) keeps its objects, and what a queue's begins with. */
#define DIRECTORY "/dev/shm"
#define PREFIX    "shmq."

static int64_t json;

static const struct command_option options[] = {
    {"json", 0, OPTION_FLAG, &json, 0, 0,
     "print a JSON array, with the keys of 'shmq stat --json'"},
    {0}};

struct listing {
  int name_width;
  json_t *array; /* NULL: in lines */
};

static int may_be_queue(const struct dirent *entry) {
  return strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0;
}

static const char *name_of(const struct dirent *entry) {
  return entry->d_name + strlen(PREFIX);
}

static int print_heading(const struct listing *listing) {
  return printf("%-*s %10s %10s %10s %8s %9s\n", listing->name_width, "NAME", "QSIZE", "MAXSIZE",
                "UNFINISHED", "IN HAND", "PROCESSES");
}

static void print_queue(const struct listing *listing, const struct snapshot *snapshot) {
  const struct shmq_stats *stats = &snapshot->stats;
  char maxsize[24] = "-";
  if (stats->maxsize) snprintf(maxsize, sizeof maxsize, "%" PRIu64, stats->maxsize);
  printf("%-*s %10" PRIu64 " %10s %10" PRIu64 " %8" PRIu64 " %9" PRIu32 "\n", listing->name_width,
         snapshot->name, stats->qsize, maxsize, stats->unfinished, stats->leased, stats->processes);
}

static int add_queue(const struct listing *listing, const struct snapshot *snapshot) {
  if (listing->array) return json_array_append_new(listing->array, snapshot_to_json(snapshot));
  print_queue(listing, snapshot);
  return 0;
}

static int add_unreadable(const struct listing *listing, const char *name, int error) {
  if (listing->array)
    return json_array_append_new(
        listing->array, json_pack("{s:s, s:s}", "name", name, "error", shmq_strerror(error)));
  printf("%-*s cannot be read: %s\n", listing->name_width, name, shmq_strerror(error));
  return 0;
}

/* -EINVAL: no queue can have this name. -ENOENT: it went away since the directory was read. */
static int add_entry(const struct listing *listing, const char *name) {
  struct snapshot snapshot;
  int error = snapshot_take(&snapshot, name);
  if (error == -EINVAL || error == -ENAMETOOLONG || error == -ENOENT) return 0;
  if (error) return add_unreadable(listing, name, error);
  error = add_queue(listing, &snapshot);
  snapshot_free(&snapshot);
  return error;
}

static int add_entries(const struct listing *listing, struct dirent **entries, int count) {
  int error = 0;
  for (int i = 0; i < count && !error; i++)
    error = add_entry(listing, name_of(entries[i]));
  return error ? out_of_memory() : STATUS_DONE;
}

static int list_lines(struct dirent **entries, int count) {
  struct listing listing = {.name_width = 4};
  for (int i = 0; i < count; i++) {
    int width = (int)strlen(name_of(entries[i]));
    if (width > listing.name_width) listing.name_width = width;
  }
  print_heading(&listing);
  return add_entries(&listing, entries, count);
}

static int list_json(struct dirent **entries, int count) {
  struct listing listing = {.array = json_array()};
  int status = listing.array ? add_entries(&listing, entries, count) : out_of_memory();
  if (status == STATUS_DONE) {
    json_dumpf(listing.array, stdout, JSON_INDENT(2));
    putchar('\n');
  }
  json_decref(listing.array);
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
  int count = scandir(DIRECTORY, &entries, may_be_queue, alphasort);
  if (count < 0) {
    complain("%s: %s", DIRECTORY, strerror(errno));
    return STATUS_FAILED;
  }
  int status = json ? list_json(entries, count) : list_lines(entries, count);
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
