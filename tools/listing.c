/* SPDX-License-Identifier: Apache-2.0 */
#include "listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int may_be_queue(const struct dirent *entry) {
  return strncmp(entry->d_name, QUEUE_PREFIX, strlen(QUEUE_PREFIX)) == 0;
}

static const char *name_of(const struct dirent *entry) {
  return entry->d_name + strlen(QUEUE_PREFIX);
}

/* No queue can have this name; or it went away since the directory was read. */
static bool is_no_queue(int error) {
  return error == -EINVAL || error == -ENAMETOOLONG || error == -ENOENT;
}

static void look_at_all(struct listing *listing) {
  for (int i = 0; i < listing->entry_count; i++) {
    struct snapshot *snapshot = &listing->snapshots[listing->count];
    if (!is_no_queue(snapshot_take(snapshot, name_of(listing->entries[i])))) listing->count++;
  }
}

int listing_take(struct listing *listing) {
  *listing = (struct listing){0};
  int count = scandir(QUEUE_DIRECTORY, &listing->entries, may_be_queue, alphasort);
  if (count < 0) return -errno;
  listing->entry_count = count;
  listing->snapshots = calloc((size_t)count + 1, sizeof *listing->snapshots);
  if (!listing->snapshots) {
    listing_free(listing);
    return -ENOMEM;
  }
  look_at_all(listing);
  return 0;
}

void listing_free(struct listing *listing) {
  for (size_t i = 0; i < listing->count; i++)
    snapshot_free(&listing->snapshots[i]);
  for (int i = 0; i < listing->entry_count; i++)
    free(listing->entries[i]);
  free(listing->snapshots);
  free(listing->entries);
  *listing = (struct listing){0};
}
