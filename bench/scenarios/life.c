/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <shmq.h>

#include "bench.h"
#include "clock.h"

static const char *const cases[] = {"create and open it", "open", "close", "unlink", NULL};
static const char *const metrics[] = {"us", NULL};

enum { CREATE, OPEN, CLOSE, UNLINK, STEPS };

static void must(int result, const char *what) {
  if (result < 0) errx(1, "shmq %s: %s", what, shmq_strerror(result));
}

/* One life with the defaults; the time at the end of each step. */
static void live(uint64_t *times) {
  char name[64];
  shmq *made, *opened;
  unique_name(name, sizeof name, "bench");
  times[0] = now_ns();
  must(shmq_create(&made, name, NULL), "create");
  times[CREATE + 1] = now_ns();
  must(shmq_open(&opened, name), "open");
  times[OPEN + 1] = now_ns();
  must(shmq_close(opened), "close");
  times[CLOSE + 1] = now_ns();
  must(shmq_unlink(name), "unlink");
  times[UNLINK + 1] = now_ns();
  shmq_close(made);
}

static bool sample(const struct settings *settings, const struct peer *peer, size_t chosen,
                   double *values) {
  uint64_t end = now_ns() + (uint64_t)(1e9 * settings->seconds);
  uint64_t sum = 0, lives = 0, times[STEPS + 1];
  (void)peer;
  do {
    live(times);
    sum += times[chosen + 1] - times[chosen];
    lives++;
  } while (times[STEPS] < end);
  values[0] = 1e-3 * (double)sum / (double)lives;
  return true;
}

const struct scenario scenario_life = {
    .name = "life",
    .about = "a queue with the defaults, from its beginning to its end",
    .axis = "call",
    .cases = cases,
    .metrics = metrics,
    .unit = "microseconds",
    .less_is_better = true,
    .fits = is_shmq,
    .sample = sample,
};
