/* SPDX-License-Identifier: Apache-2.0 */
/* Python's multiprocessing.Queue, run by a script beside this file. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "peer.h"
#include "storm.h"

static double run_alone(const struct shape *shape, double seconds) {
  char command[512];
  double rate = -1;
  snprintf(command, sizeof command, "%s '%s/python.py' %u %u %zu %g", BENCH_PYTHON,
           BENCH_PYTHON_SCRIPTS, shape->producers, shape->consumers, shape->item, seconds);
  FILE *output = popen(command, "re");
  if (!output) return -1;
  if (fscanf(output, "%lf", &rate) != 1) rate = -1;
  return pclose(output) == 0 ? rate : -1;
}

static bool storm_alone(const struct storm *storm, struct outcome *outcome) {
  char command[512];
  int hung = 0;
  snprintf(command, sizeof command, "%s '%s/python_kills.py' %u %u %zu %u %g %" PRIu64,
           BENCH_PYTHON, BENCH_PYTHON_SCRIPTS, storm->shape.producers, storm->shape.consumers,
           storm->shape.item, storm->kills, storm->seconds, storm->seed);
  FILE *output = popen(command, "re");
  if (!output) return false;
  const int read = fscanf(output, "%d %u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
                          &hung, &outcome->kills, &outcome->put, &outcome->missing,
                          &outcome->in_hand, &outcome->twice, &outcome->invented);
  outcome->hung = hung;
  return pclose(output) == 0 && read == 7;
}

const struct peer peer_python = {
    .name = "python",
    .note =
        "multiprocessing.Queue: a thread beside each producer that pickles; items are bytes "
        "objects; "
        "does not survive a kill",
    .pairwise = true,
    .run_alone = run_alone,
    .storm_alone = storm_alone,
};
