/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <fcntl.h>
#include <shmq.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

static const char *const cases[] = {"the defaults", "16 KiB, 16 leases of 256 bytes, 16 processes",
                                    "1 GiB", NULL};
static const char *const metrics[] = {"bytes", NULL};

static void choose(struct shmq_options *options, size_t chosen) {
  shmq_options_init(options);
  if (chosen == 1) {
    options->capacity = 16 << 10;
    options->item_max = 256;
    options->max_leases = options->max_processes = options->max_threads = 16;
  } else if (chosen == 2) {
    options->capacity = 1 << 30;
  }
}

/* What the file system holds for it. */
static double bytes_of(const char *name) {
  char path[128];
  struct stat stat = {0};
  snprintf(path, sizeof path, "/shmq.%s", name);
  int fd = shm_open(path, O_RDONLY, 0);
  if (fd < 0 || fstat(fd, &stat) < 0) err(1, "%s", path);
  close(fd);
  return 512.0 * (double)stat.st_blocks;
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  struct shmq_options options;
  char name[64];
  shmq *queue;
  (void)settings;
  (void)peer;
  choose(&options, chosen);
  unique_name(name, sizeof name, "bench");
  int result = shmq_create(&queue, name, &options);
  if (result < 0) {
    warnx("shmq create: %s", shmq_strerror(result));
    return false;
  }
  values[0] = bytes_of(name);
  shmq_close(queue);
  shmq_unlink(name);
  return true;
}

const struct scenario scenario_memory = {
    .name = "memory",
    .about = "shared memory of one queue",
    .axis = "made with",
    .cases = cases,
    .metrics = metrics,
    .unit = "bytes",
    .less_is_better = true,
    .fits = is_shmq,
    .sample = sample,
};
