/* SPDX-License-Identifier: Apache-2.0 */
#include "peer.h"

#include <err.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *shared_map(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) err(1, "mmap of %zu bytes", size);
  return memory;
}

void shared_unmap(void *memory, size_t size) {
  munmap(memory, size);
}

void unique_name(char *name, size_t room, const char *prefix) {
  static unsigned number;
  snprintf(name, room, "%s-%d-%u", prefix, getpid(), number++);
}

size_t slots_for(const struct shape *shape) {
  size_t wanted = RING_BYTES / shape->item;
  size_t slots = 16;
  if (wanted < shape->backlog) wanted = shape->backlog + 1;
  while (slots * 2 <= wanted || slots < shape->backlog)
    slots *= 2;
  return slots;
}

/* The kernel leaves out those that are forbidden (sched_setaffinity(2)). */
void roam(void) {
  cpu_set_t all;
  memset(&all, 0xff, sizeof all);
  sched_setaffinity(0, sizeof all, &all);
}

long read_limit(const char *path) {
  long limit = 0;
  FILE *file = fopen(path, "re");
  if (!file) return 0;
  if (fscanf(file, "%ld", &limit) != 1) limit = 0;
  fclose(file);
  return limit;
}

static void write_limit(const char *path, long limit) {
  FILE *file = fopen(path, "we");
  if (!file) return;
  fprintf(file, "%ld", limit);
  fclose(file);
}

void raise_limits(void) {
  if (unshare(CLONE_NEWIPC) < 0) return;
  write_limit("/proc/sys/fs/mqueue/msg_max", 65536);
  write_limit("/proc/sys/fs/mqueue/msgsize_max", 1 << 20);
  write_limit("/proc/sys/kernel/msgmax", 1 << 20);
  write_limit("/proc/sys/kernel/msgmnb", 1 << 24);
}
