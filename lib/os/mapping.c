/* SPDX-License-Identifier: Apache-2.0 */
#include "os/mapping.h"

#include <errno.h>
#include <sys/mman.h>

static bool map_at(char *address, int fd, size_t length, size_t offset, int protection) {
  return mmap(address, length, protection, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) != MAP_FAILED;
}

int mapping_create(struct mapping *m, int fd, size_t size, size_t mirrored, bool writable) {
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  m->length = size + mirrored;
  m->base = mmap(NULL, m->length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (m->base == MAP_FAILED) return -errno;
  if (map_at(m->base, fd, size, 0, protection) &&
      map_at(m->base + size, fd, mirrored, size - mirrored, protection)) {
    return 0;
  }
  int error = errno;
  mapping_destroy(m);
  return -error;
}

void mapping_destroy(struct mapping *m) {
  munmap(m->base, m->length);
}
