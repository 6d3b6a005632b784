/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appends to a file: what is written is copied into buffers; several of these are on their way at
 * one time, and while a part of the file is being made durable, more can be written.
 *
 * By io_uring, with registered buffers; where the kernel lacks or forbids that, by pwrite(2) and
 * fdatasync(2).
 *
 * Every call returns 0 or a negative errno. After an error nothing works any more.
 */
#ifndef SHMQ_TOOLS_RECORD_DISK_H
#define SHMQ_TOOLS_RECORD_DISK_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISK_BUFFERS = 8, DISK_BUFFER_SIZE = 256 << 10 };

struct disk_buffer {
  uint8_t *bytes;
  size_t used, written;
  uint64_t offset; /* in the file */
  bool under_way;
};

struct disk {
  int fd;
  uint64_t offset; /* of what is written next */
  unsigned syncs;  /* under way */
  const struct disk_way *way;
  struct io_uring ring;
  unsigned current;
  struct disk_buffer buffers[DISK_BUFFERS];
  uint8_t *memory;
};

/* How it is done. */
struct disk_way {
  int (*begin)(struct disk *disk);
  int (*write)(struct disk *disk, unsigned buffer); /* begins to */
  /* The same, and after that to make the file durable. No other write is under way. */
  int (*write_and_sync)(struct disk *disk, unsigned buffer);
  /* Notes what has ended. wait: until something has. */
  int (*reap)(struct disk *disk, bool wait);
  void (*end)(struct disk *disk);
};

extern const struct disk_way disk_by_uring, disk_by_calls;

/* fd is only borrowed. */
int disk_open(struct disk *disk, int fd, uint64_t offset);
void disk_close(struct disk *disk);

int disk_write(struct disk *disk, const void *bytes, size_t size);

/* Begins to make durable all that was written. None may be under way. */
int disk_sync(struct disk *disk);
/* Looks whether that has ended: then .syncs is 0. wait: until it is. */
int disk_look(struct disk *disk, bool wait);

#endif
