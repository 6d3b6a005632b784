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

static int submit(struct disk *disk) {
  int n;
  do
    n = io_uring_submit(&disk->ring);
  while (n == -EINTR || n == -EAGAIN);
  return n < 0 ? n : 0;
}

/* There is one: the ring has room for more requests than can be under way. */
static struct io_uring_sqe *prepare_write(struct disk *disk, unsigned which) {
  const struct disk_buffer *buffer = &disk->buffers[which];
  struct io_uring_sqe *request = io_uring_get_sqe(&disk->ring);
  io_uring_prep_write_fixed(request, disk->fd, buffer->bytes + buffer->written,
                            (unsigned)(buffer->used - buffer->written),
                            buffer->offset + buffer->written, (int)which);
  io_uring_sqe_set_data64(request, which);
  return request;
}

static int write_buffer(struct disk *disk, unsigned which) {
  prepare_write(disk, which);
  return submit(disk);
}

/* Linked: the kernel goes from the one to the other. A write that does not write all breaks the
   link, and the sync is cancelled. */
static int write_and_sync(struct disk *disk, unsigned which) {
  prepare_write(disk, which)->flags |= IOSQE_IO_LINK;
  struct io_uring_sqe *request = io_uring_get_sqe(&disk->ring);
  io_uring_prep_fsync(request, disk->fd, IORING_FSYNC_DATASYNC);
  io_uring_sqe_set_data64(request, SYNC);
  int error = submit(disk);
  if (error == 0) disk->syncs++;
  return error;
}

/* The rest is sent once more; and the sync, which is about to be cancelled. */
static int write_rest(struct disk *disk, unsigned which) {
  return disk->syncs > 0 ? write_and_sync(disk, which) : write_buffer(disk, which);
}

static int buffer_written(struct disk *disk, unsigned which, int result) {
  struct disk_buffer *buffer = &disk->buffers[which];
  int error = result < 0 ? result : result == 0 && buffer->used > 0 ? -EIO : 0;
  if (error == 0 && (buffer->written += (size_t)result) < buffer->used)
    error = write_rest(disk, which);
  else
    buffer->used = 0;
  buffer->under_way = buffer->used > 0 && error == 0;
  return error;
}

static int synced(struct disk *disk, int result) {
  disk->syncs--;
  return result == -ECANCELED && disk->syncs > 0 ? 0 : result;
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
  return what == SYNC ? synced(disk, result) : buffer_written(disk, what, result);
}

static int reap(struct disk *disk, bool wait) {
  int error = reap_one(disk, wait);
  return error == -EAGAIN ? 0 : error;
}

static void finish(struct disk *disk) {
  io_uring_queue_exit(&disk->ring);
}

const struct disk_way disk_by_uring = {begin, write_buffer, write_and_sync, reap, finish};
