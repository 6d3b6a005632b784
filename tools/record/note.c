/* SPDX-License-Identifier: Apache-2.0 */
#include "note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../command.h"
#include "origin.h"

#define MAGIC "SHMQLOAD"

static int refuse(const struct note *note, const char *why) {
  complain("%s: %s", note->path, why);
  return STATUS_FAILED;
}

/* The bytes are there before they are mapped: a full disk is an error here, not a SIGBUS later. */
static int make(const struct note *note, uint64_t seed, const struct origin *origin) {
  struct note_bytes bytes = {.seed = seed, .origin = *origin};
  memcpy(bytes.magic, MAGIC, sizeof bytes.magic);
  ssize_t n = pwrite(note->fd, &bytes, sizeof bytes, 0);
  if (n == sizeof bytes) return STATUS_DONE;
  int error = n < 0 ? errno : ENOSPC;
  unlink(note->path);
  return refuse(note, strerror(error));
}

static int check(const struct note *note, uint64_t seed, const struct origin *origin) {
  struct note_bytes bytes;
  ssize_t n = pread(note->fd, &bytes, sizeof bytes, 0);
  if (n < 0) return refuse(note, strerror(errno));
  if (n != sizeof bytes || memcmp(bytes.magic, MAGIC, sizeof bytes.magic) != 0)
    return refuse(note, "not the note of an earlier load; remove it to load everything");
  if (bytes.seed != seed)
    return refuse(note, "it is of another file; remove it to load everything");
  if (!same_origin(&bytes.origin, origin))
    return refuse(note, "a load into an earlier queue did not end; remove it to load everything");
  return STATUS_DONE;
}

static int map(struct note *note) {
  void *bytes = mmap(NULL, sizeof *note->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, note->fd, 0);
  if (bytes == MAP_FAILED) return refuse(note, strerror(errno));
  note->bytes = bytes;
  return STATUS_DONE;
}

static int prepare(struct note *note, uint64_t seed, const struct origin *origin) {
  struct stat st;
  if (flock(note->fd, LOCK_EX | LOCK_NB) < 0) return refuse(note, "another load is at it");
  if (fstat(note->fd, &st) < 0) return refuse(note, strerror(errno));
  int status = st.st_size ? check(note, seed, origin) : make(note, seed, origin);
  return status ? status : map(note);
}

int note_open(struct note *note, const char *file, const char *queue, uint64_t seed,
              const struct origin *origin) {
  *note = (struct note){0};
  if (asprintf(&note->path, "%s.%s.loading", file, queue) < 0) return out_of_memory();
  note->fd = open(note->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  int status = note->fd < 0 ? refuse(note, strerror(errno)) : prepare(note, seed, origin);
  if (status) note_close(note);
  return status;
}

void note_remove(const struct note *note) {
  if (unlink(note->path) < 0) complain("%s: %s; remove it", note->path, strerror(errno));
}

void note_close(struct note *note) {
  if (note->bytes) munmap(note->bytes, sizeof *note->bytes);
  if (note->fd >= 0) close(note->fd);
  free(note->path);
}
