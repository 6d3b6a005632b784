/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "demo.h"

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add(struct paths *paths, const char *path) {
  if ((paths->count & (paths->count + 1)) == 0) { /* full: 0, 1, 3, 7, ... */
    size_t room = 2 * (paths->count + 1);
    paths->path = reallocarray(paths->path, room, sizeof *paths->path);
  }
  if (!paths->path || !(paths->path[paths->count++] = strdup(path))) err(1, "paths");
}

/* Folders that lie in one another yield a file more than once. */
static void sort_and_unite(struct paths *paths) {
  size_t kept = 0;
  if (paths->count) qsort(paths->path, paths->count, sizeof *paths->path, by_name);
  for (size_t i = 0; i < paths->count; i++) {
    if (kept && strcmp(paths->path[kept - 1], paths->path[i]) == 0) {
      free(paths->path[i]);
    } else {
      paths->path[kept++] = paths->path[i];
    }
  }
  paths->count = kept;
}

void paths_find(struct paths *paths, char **folders) {
  FTS *walk = fts_open(folders, FTS_PHYSICAL, NULL);
  if (!walk) err(1, "fts_open");
  for (FTSENT *entry; (entry = fts_read(walk));) {
    if (entry->fts_info == FTS_F && S_ISREG(entry->fts_statp->st_mode)) add(paths, entry->fts_path);
  }
  fts_close(walk);
  sort_and_unite(paths);
}

size_t paths_index(const struct paths *paths, const char *path) {
  if (paths->count == 0) return 0;
  char **found = bsearch(&path, paths->path, paths->count, sizeof *paths->path, by_name);
  return found ? (size_t)(found - paths->path) : paths->count;
}
