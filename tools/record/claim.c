/* SPDX-License-Identifier: Apache-2.0 */
#include "claim.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

enum { PAUSE_MS = 5 };

static void pause_briefly(void) {
  nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000L}, NULL);
}

int claim_file(int fd, enum claim claim) {
  int operation = (claim == CLAIM_ALONE ? LOCK_EX : LOCK_SH) | LOCK_NB;
  for (int waited = 0; flock(fd, operation) < 0; waited += PAUSE_MS) {
    if (errno != EWOULDBLOCK || waited >= CLAIM_PATIENCE_MS) return -errno;
    pause_briefly();
  }
  return 0;
}
