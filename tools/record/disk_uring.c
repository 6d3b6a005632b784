/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "disk.h"

/* A request carries the number of its buffer, or this. */
enum { SYNC = DISK_BUFFERS };

static int begin(struct disk *disk) {
  struct iovec buffers[DISK_BUFFERS];
  for (int i = 0; i < DISK_BUFFERS; i++)
    buffers[i] = (struct iovec){disk->buffers[i].bytes, DISK_BUFFER_SIZE};
  int error = io_uring_queue_init(DISK_BUFFERS * 2, &disk->ring, 0);
  if (error) return error;
  error = io_uring_register_buffers(&disk->ring, buffers, DISK_BUFFERS);
  if (error) io_uring_queue_exit(&disk->ring);
  return error;
}

/* The ring has room for more requests than there are buffers. */
static int submit(struct disk *disk, struct io_uring_sqe *request, unsigned what) {
  io_uring_sqe_set_data64(request, what);
  int n;
  do
    n = io_uring_submit(&disk->ring);
  while (n == -EINTR || n == -EAGAIN);
  return n < 0 ? n : 0;
}

static int write_buffer(struct disk *disk, unsigned which) {
  struct disk_buffer *buffer = &disk->buffers[which];
  struct io_uring_sqe *request = io_uring_get_sqe(&disk->ring);
  io_uring_prep_write_fixed(request, disk->fd, buffer->bytes + buffer->written,
                            (unsigned)(buffer->used - buffer->written),
                            buffer->offset + buffer->written, (int)which);
  return submit(disk, request, which);
}

static int sync_file(struct disk *disk) {
  struct io_uring_sqe *request = io_uring_get_sqe(&disk->ring);
  io_uring_prep_fsync(request, disk->fd, IORING_FSYNC_DATASYNC);
  return submit(disk, request, SYNC);
}

/* A write may end before all is written; the rest is sent once more. */
static int buffer_written(struct disk *disk, unsigned which, int result) {
  struct disk_buffer *buffer = &disk->buffers[which];
  int error = result < 0 ? result : result == 0 ? -EIO : 0;
  if (error == 0 && (buffer->written += (size_t)result) < buffer->used)
    error = write_buffer(disk, which);
  else
    buffer->used = 0;
  buffer->under_way = buffer->used > 0 && error == 0;
  return error;
}

static int reap_one(struct disk *disk, bool wait) {
  struct io_uring_cqe *end;
  int error;
  do
    error = wait ? io_uring_wait_cqe(&disk->ring, &end) : io_uring_peek_cqe(&disk->ring, &end);
  while (error == -EINTR);
  if (error) return error;
  unsigned what = (unsigned)io_uring_cqe_get_data64(end);
  int result = end->res;
  io_uring_cqe_seen(&disk->ring, end);
  if (what != SYNC) return buffer_written(disk, what, result);
  disk->syncing = false;
  return result;
}

static int reap(struct disk *disk, bool wait) {
  int error = reap_one(disk, wait);
  return error == -EAGAIN ? 0 : error;
}

static void finish(struct disk *disk) {
  io_uring_queue_exit(&disk->ring);
}

const struct disk_way disk_by_uring = {begin, write_buffer, sync_file, reap, finish};
