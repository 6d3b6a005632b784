/* SPDX-License-Identifier: Apache-2.0 */
#include "disk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 4096 };

static int begin(struct disk *disk) {
  disk->way = &disk_by_uring;
  if (disk->way->begin(disk) == 0) return 0;
  disk->way = &disk_by_calls;
  return disk->way->begin(disk);
}

int disk_open(struct disk *disk, int fd, uint64_t offset) {
  *disk = (struct disk){.fd = fd, .offset = offset};
  disk->memory = aligned_alloc(ALIGNMENT, (size_t)DISK_BUFFERS * DISK_BUFFER_SIZE);
  if (!disk->memory) return -ENOMEM;
  for (size_t i = 0; i < DISK_BUFFERS; i++)
    disk->buffers[i].bytes = disk->memory + i * DISK_BUFFER_SIZE;
  return begin(disk);
}

static struct disk_buffer *current(struct disk *disk) {
  return &disk->buffers[disk->current];
}

/* how: write, or write_and_sync. */
static int send_buffer(struct disk *disk, int (*how)(struct disk *, unsigned)) {
  struct disk_buffer *buffer = current(disk);
  buffer->offset = disk->offset - buffer->used;
  buffer->written = 0;
  buffer->under_way = true;
  int error = how(disk, disk->current);
  if (error) buffer->under_way = false;
  disk->current = (disk->current + 1) % DISK_BUFFERS;
  return error;
}

static int wait_for_room(struct disk *disk) {
  int error = 0;
  while (error == 0 && current(disk)->under_way)
    error = disk->way->reap(disk, true);
  return error;
}

/* As much as the buffer holds. */
static size_t copy(struct disk *disk, const uint8_t *bytes, size_t size) {
  struct disk_buffer *buffer = current(disk);
  size_t room = DISK_BUFFER_SIZE - buffer->used;
  if (size > room) size = room;
  memcpy(buffer->bytes + buffer->used, bytes, size);
  buffer->used += size;
  disk->offset += size;
  return size;
}

int disk_write(struct disk *disk, const void *bytes, size_t size) {
  const uint8_t *from = bytes, *end = from + size;
  while (from < end) {
    int error = wait_for_room(disk);
    if (error) return error;
    from += copy(disk, from, (size_t)(end - from));
    if (current(disk)->used == DISK_BUFFER_SIZE && (error = send_buffer(disk, disk->way->write)))
      return error;
  }
  return 0;
}

static bool anything_under_way(const struct disk *disk) {
  for (int i = 0; i < DISK_BUFFERS; i++)
    if (disk->buffers[i].under_way) return true;
  return false;
}

/* What was sent before has to be written: a sync speaks of nothing that is still under way. */
int disk_sync(struct disk *disk) {
  int error = 0;
  while (error == 0 && anything_under_way(disk))
    error = disk->way->reap(disk, true);
  return error ? error : send_buffer(disk, disk->way->write_and_sync);
}

/* What is under way has to end before its buffers go, and before the file is cut. */
void disk_close(struct disk *disk) {
  while (anything_under_way(disk) || disk->syncs > 0)
    (void)disk->way->reap(disk, true);
  if (disk->way) disk->way->end(disk);
  free(disk->memory);
}

int disk_look(struct disk *disk, bool wait) {
  int error = 0;
  do
    error = disk->way->reap(disk, wait && disk->syncs > 0);
  while (error == 0 && wait && disk->syncs > 0);
  return error;
}
