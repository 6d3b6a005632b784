/* SPDX-License-Identifier: Apache-2.0 */
/* Mapping a file so that its end, the ring, appears twice, back to back. */
#ifndef SHMQ_OS_MAPPING_H
#define SHMQ_OS_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

struct mapping {
  char *base;    /* size bytes of the file, then its last mirrored bytes once more */
  size_t length; /* of the whole mapping */
};

/*
 * Map size bytes of fd from its start; the last mirrored bytes of them (whole pages, as is size)
 * again behind. Returns 0 or a negative errno.
 */
int mapping_create(struct mapping *mapping, int fd, size_t size, size_t mirrored, bool writable);

void mapping_destroy(struct mapping *mapping);

#endif
