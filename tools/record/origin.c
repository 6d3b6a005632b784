/* SPDX-License-Identifier: Apache-2.0 */
#include "origin.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../command.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static int digit(int c) {
  return isdigit(c) ? c - '0' : 10 + c - 'a';
}

/* Sixteen bytes in hexadecimal, with dashes between some. */
static bool read_boot(uint8_t boot[16]) {
  char text[64] = "";
  int digits = 0;
  FILE *file = fopen(BOOT_ID, "re");
  if (!file) return false;
  (void)!fgets(text, sizeof text, file);
  fclose(file);
  for (const char *c = text; isxdigit((unsigned char)*c) || *c == '-'; c++) {
    if (*c == '-' || digits == 32) continue;
    boot[digits / 2] = (uint8_t)(boot[digits / 2] << 4 | digit(*c));
    digits++;
  }
  return digits == 32;
}

static bool read_file(const char *name, struct origin *origin) {
  char path[SHMQ_NAME_MAX + 32];
  struct statx st;
  snprintf(path, sizeof path, "/dev/shm/shmq.%s", name);
  if (statx(AT_FDCWD, path, 0, STATX_INO | STATX_BTIME, &st) < 0) return false;
  origin->device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
  origin->inode = st.stx_ino;
  if (st.stx_mask & STATX_BTIME)
    origin->born = (uint64_t)st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec;
  return true;
}

bool same_origin(const struct origin *a, const struct origin *b) {
  return memcmp(a->boot, b->boot, sizeof a->boot) == 0 && a->device == b->device &&
         a->inode == b->inode && a->born == b->born;
}

/* The file of that name may be another one by the time it is looked at. */
static int check_origin(const char *name, struct origin *origin, bool there_before) {
  struct origin after = *origin;
  if (!there_before || !read_file(name, &after) || !same_origin(origin, &after))
    return fail(name, -ENOENT);
  if (read_boot(origin->boot)) return STATUS_DONE;
  complain("%s: %s", BOOT_ID, "cannot be read; /proc must be mounted");
  return STATUS_FAILED;
}

int open_with_origin(shmq **queue, const char *name, struct origin *origin) {
  *origin = (struct origin){0};
  bool there = read_file(name, origin);
  int status = open_queue(queue, name);
  if (status) return status;
  status = check_origin(name, origin, there);
  if (status) shmq_close(*queue);
  return status;
}
