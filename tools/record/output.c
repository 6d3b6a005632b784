/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../command.h"
#include "claim.h"
#include "origin.h"
#include "reader.h"

int output_failed(const struct output *output, int error) {
  complain("%s: %s", output->path, strerror(-error));
  return STATUS_FAILED;
}

static int refuse(const struct output *output, const char *why) {
  complain("%s: %s", output->path, why);
  return STATUS_FAILED;
}

/* ---- A new file ---------------------------------------------------------------------------------
 */

static int write_header(struct output *output, const struct record_header *wanted) {
  uint8_t bytes[RECORD_HEADER_SIZE];
  struct record_header header = *wanted;
  if (getrandom(&header.seed, sizeof header.seed, 0) < 0) return output_failed(output, -errno);
  record_header_encode(bytes, &header);
  ssize_t n = pwrite(output->fd, bytes, sizeof bytes, 0);
  if (n != sizeof bytes) {
    int error = n < 0 ? -errno : -ENOSPC;
    (void)!ftruncate(output->fd, 0);
    return output_failed(output, error);
  }
  output->seed = header.seed;
  output->size = sizeof bytes;
  return STATUS_DONE;
}

/* ---- A file to go on with -----------------------------------------------------------------------
 */

static int check_queue(const struct output *output, const struct record_header *found,
                       const struct record_header *wanted) {
  if (strcmp(found->name, wanted->name) != 0) {
    complain("%s: it holds items of the queue %s; take another file", output->path, found->name);
    return STATUS_FAILED;
  }
  if (!same_origin(&found->origin, &wanted->origin))
    return refuse(output, "it holds items of an earlier queue of that name; take another file");
  return STATUS_DONE;
}

/* Reads what is there, up to what is no record. */
static enum reading survey(struct output *output, struct reader *reader) {
  struct record record;
  const void *data;
  enum reading reading;
  while ((reading = reader_next(reader, &record, &data)) == READ_RECORD) {
    output->ended = record.kind == RECORD_END;
    if (record.kind == RECORD_ITEM && !ids_add(&output->ids, record.number)) return READ_FAILED;
  }
  if (reading == READ_TORN) output->ended = false;
  return reading;
}

static int damaged(const struct output *output, uint64_t offset) {
  complain("%s: damaged at offset %" PRIu64 "; nothing was added to it", output->path, offset);
  return STATUS_FAILED;
}

static int go_on(struct output *output, struct reader *reader) {
  enum reading reading = survey(output, reader);
  if (reading == READ_FAILED) return output_failed(output, -errno);
  if (reading == READ_DAMAGED) return damaged(output, reader->offset);
  if (reading == READ_TORN && ftruncate(output->fd, (off_t)reader->offset) < 0)
    return output_failed(output, -errno);
  output->seed = reader->header.seed;
  output->size = reader->offset;
  return STATUS_DONE;
}

static int read_file(struct output *output, const struct record_header *wanted) {
  struct reader reader;
  const char *why = reader_open(&reader, output->fd);
  int status = why ? refuse(output, why) : check_queue(output, &reader.header, wanted);
  if (status == STATUS_DONE) status = go_on(output, &reader);
  reader_close(&reader);
  return status;
}

/* ---- Either -------------------------------------------------------------------------------------
 */

/* The name of a new file has to be on disk, too. */
static int sync_folder(const char *path) {
  char *copy = strdup(path);
  if (!copy) return -ENOMEM;
  int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int error = fd < 0 || fsync(fd) < 0 ? -errno : 0;
  if (fd >= 0) close(fd);
  free(copy);
  return error;
}

static int sync_all(const struct output *output) {
  int error = fsync(output->fd) < 0 ? -errno : sync_folder(output->path);
  return error ? output_failed(output, error) : STATUS_DONE;
}

static int claim(const struct output *output) {
  int error = claim_file(output->fd, CLAIM_ALONE);
  if (error == -EWOULDBLOCK) return refuse(output, "in use by another drain, or by a load");
  return error ? output_failed(output, error) : STATUS_DONE;
}

/* Looks at the file once it is ours: who had it before may have begun it. */
static int prepare(struct output *output, const struct record_header *header) {
  struct stat st;
  int status = claim(output);
  if (status) return status;
  if (fstat(output->fd, &st) < 0) return output_failed(output, -errno);
  if (!S_ISREG(st.st_mode)) return refuse(output, "not a regular file");
  status = st.st_size ? read_file(output, header) : write_header(output, header);
  return status ? status : sync_all(output);
}

int output_open(struct output *output, const char *path, const struct record_header *header,
                mode_t mode) {
  *output = (struct output){.path = path, .ended = true};
  output->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, mode);
  if (output->fd < 0) return output_failed(output, -errno);
  int status = prepare(output, header);
  if (status) output_close(output);
  return status;
}

void output_close(struct output *output) {
  ids_free(&output->ids);
  close(output->fd);
}
