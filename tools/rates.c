/* SPDX-License-Identifier: Apache-2.0 */
#include "rates.h"

/* What is worked out may be a little less than it was. */
static double rate(uint64_t now, uint64_t before, double seconds) {
  return now > before ? (double)(now - before) / seconds : 0;
}

void rates_add(struct snapshot *snapshot, struct counts *before, double seconds) {
  const struct shmq_stats *now = &snapshot->stats;
  /* A queue that was removed and made anew begins anew. */
  if (before->seen && now->put >= before->put) {
    snapshot->rates.put = rate(now->put, before->put, seconds);
    snapshot->rates.got = rate(now->got, before->got, seconds);
    snapshot->rates.done = rate(now->done, before->done, seconds);
  }
  *before = (struct counts){true, now->put, now->got, now->done};
}
