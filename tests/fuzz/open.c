/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any file under a queue's name. The first byte says what is set right in it, as chance would not:
 * bit 0 the magic, version and fingerprint; bit 1 the sizes, by the geometry that stands there;
 * bit 2 the geometry, to a small one; bit 3: but the file is shorter than its size says. Then come
 * the file's bytes; the last ones are the calls.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest.h"

#define CALLS   12
#define LARGEST (64u << 20) /* larger ones take seconds to go through, and show nothing else */
#define CUT     4096        /* bytes that are left */

static void geometry_mend(struct geometry *g) {
  g->capacity = 4096u << g->capacity % 3;
  g->item_max = 1 + g->item_max % 300;
  g->lease_timeout &= 0xfffff;
  g->max_leases = 1 + g->max_leases % 8;
  g->max_attempts %= 4;
  g->max_processes = 1 + g->max_processes % 4;
  g->max_threads = 1 + g->max_threads % 4;
}

static void header_mend(struct header *h, uint8_t how) {
  if (how & 1) {
    h->magic = LAYOUT_MAGIC;
    h->version = LAYOUT_VERSION;
    h->fingerprint = layout_fingerprint();
  }
  if (how & 4) geometry_mend(&h->geometry);
  if (how & 2) h->size = layout_plan(&h->geometry).size;
}

/* The file's descriptor; -1: there can be none of such a size, or it is too large. */
static int file_make(struct bytes *bytes) {
  union {
    struct header header;
    uint8_t bytes[sizeof(struct header)];
  } head;
  uint8_t how = bytes_byte(bytes);
  size_t whole = bytes_left(bytes);
  fuzz_unlink(); /* a run may have been killed */
  int fd = open(fuzz_path(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) abort();
  const uint8_t *file = bytes->next;
  bytes_read(bytes, &head, sizeof head);
  header_mend(&head.header, how);
  if (write(fd, file, whole) != (ssize_t)whole) abort();
  if (whole >= sizeof head && pwrite(fd, &head, sizeof head, 0) != sizeof head) abort();
  uint64_t file_size = how & 8 ? CUT : head.header.size;
  if (!(how & 2)) return fd;
  if (file_size > LARGEST || ftruncate(fd, (off_t)file_size) != 0) return close(fd), -1;
  return fd;
}

static void watch(void) {
  shmq *watcher;
  if (shmq_open_readonly(&watcher, fuzz_name) != 0) return;
  guest_look(watcher);
  shmq_close(watcher);
}

static void use(struct bytes *bytes, const struct geometry *geometry) {
  struct guest guest = {0};
  watch();
  if (shmq_open(&guest.queue, fuzz_name) != 0) return;
  if (!geometry || !geometry_is_valid(geometry)) abort();
  guest.item_max = geometry->item_max;
  guest_look(guest.queue);
  shmq_check(guest.queue, NULL);
  shmq_recover(guest.queue);
  for (int i = 0; i < CALLS && bytes_left(bytes) > 0; i++)
    guest_call(&guest, bytes);
  shmq_check(guest.queue, NULL);
  world_call(2 * WORLD_S);
  shmq_close(guest.queue);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes bytes = bytes_of(data, size);
  int fd = file_make(&bytes);
  if (fd < 0) return fuzz_unlink(), 0;
  struct segment *segment = NULL;
  if (lseek(fd, 0, SEEK_END) >= (off_t)sizeof *segment)
    segment = mmap(NULL, sizeof *segment, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (segment == MAP_FAILED) abort();
  close(fd);
  if (bytes_left(&bytes) > 2 * CALLS) bytes.next = bytes.end - 2 * CALLS;
  world_begin();
  world_watch(segment);
  use(&bytes, segment ? &segment->header.geometry : NULL);
  if (segment) munmap(segment, sizeof *segment);
  fuzz_unlink();
  return 0;
}
