/* SPDX-License-Identifier: Apache-2.0 */
#include "temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* For file systems that know no files without a name. */
static int named_and_removed(const char *folder) {
  char *path;
  if (asprintf(&path, "%s/shmq-farm-XXXXXX", folder) < 0) return -1;
  int fd = mkostemp(path, O_APPEND | O_CLOEXEC);
  if (fd >= 0) unlink(path);
  free(path);
  return fd;
}

int temporary_file(void) {
  const char *folder = getenv("TMPDIR");
  if (!folder || !*folder) folder = "/tmp";
  int fd = open(folder, O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
  return fd >= 0 || errno == ENOENT ? fd : named_and_removed(folder);
}
