/* SPDX-License-Identifier: Apache-2.0 */
/* shmq-judge FILE...: judge histories that shmq-history kept. Exit status 1: something is wrong. */
#include <inttypes.h>
#include <stdio.h>

#include "judge.h"

int main(int argc, char **argv) {
  unsigned findings = 0;
  if (argc < 2) {
    fprintf(stderr, "usage: shmq-judge FILE...\n");
    return 2;
  }
  for (int i = 1; i < argc; i++) {
    struct verdict verdict;
    struct history *history = history_load(argv[i]);
    if (!history) return 2;
    judge(history, &verdict);
    printf("%s: %" PRIu64 " calls, %" PRIu64 " cut short, %" PRIu64 " items, findings: %u\n",
           argv[i], verdict.calls, verdict.cut_short, verdict.items, verdict.findings);
    findings += verdict.findings;
    history_free(history);
  }
  return findings ? 1 : 0;
}
