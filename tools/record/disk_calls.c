/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "disk.h"

static int begin(struct disk *disk) {
  (void)disk;
  return 0;
}

static int write_buffer(struct disk *disk, unsigned which) {
  struct disk_buffer *buffer = &disk->buffers[which];
  while (buffer->written < buffer->used) {
    ssize_t n = pwrite(disk->fd, buffer->bytes + buffer->written, buffer->used - buffer->written,
                       (off_t)(buffer->offset + buffer->written));
    if (n < 0) return -errno;
    if (n == 0) return -EIO;
    buffer->written += (size_t)n;
  }
  buffer->used = 0;
  buffer->under_way = false;
  return 0;
}

static int write_and_sync(struct disk *disk, unsigned which) {
  int error = write_buffer(disk, which);
  if (error) return error;
  return fdatasync(disk->fd) < 0 ? -errno : 0;
}

static int reap(struct disk *disk, bool wait) {
  (void)disk;
  (void)wait;
  return 0;
}

static void end(struct disk *disk) {
  (void)disk;
}

const struct disk_way disk_by_calls = {begin, write_buffer, write_and_sync, reap, end};
