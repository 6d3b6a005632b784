/* SPDX-License-Identifier: Apache-2.0 */
/* Python's multiprocessing.Queue, run by a script beside this file. */
#include <stdio.h>
#include <stdlib.h>

#include "peer.h"

static double run_alone(const struct shape *shape, double seconds) {
  char command[512];
  double rate = -1;
  snprintf(command, sizeof command, "%s '%s' %u %u %zu %g", BENCH_PYTHON, BENCH_PYTHON_SCRIPT,
           shape->producers, shape->consumers, shape->item, seconds);
  FILE *output = popen(command, "re");
  if (!output) return -1;
  if (fscanf(output, "%lf", &rate) != 1) rate = -1;
  return pclose(output) == 0 ? rate : -1;
}

const struct peer peer_python = {
    .name = "python",
    .note =
        "multiprocessing.Queue: a thread beside each producer that pickles; items are bytes "
        "objects; "
        "does not survive a kill",
    .pairwise = true,
    .run_alone = run_alone,
};
