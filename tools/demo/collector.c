/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

static char buffer[sizeof(struct result) + PATH_ITEM_MAX] __attribute__((aligned(8)));

static bool was_killed(const struct ledger *ledger, pid_t pid) {
  for (uint32_t i = 0; i < ledger->kills; i++) {
    if (ledger->killed[i] == pid) return true;
  }
  return false;
}

/* A task may have a second result only if the worker of the first was killed. */
static void note_twice(const struct demo *demo, struct tally *tally, struct outcome *outcome,
                       const struct result *result) {
  tally->twice++;
  bool in_order = result->attempt > outcome->attempt;
  if (!in_order || !was_killed(demo->ledger, outcome->worker)) tally->unexplained++;
  if (strcmp(result->digest, outcome->digest) != 0) outcome->disagrees = true;
}

static bool is_sound(const struct demo *demo, const struct result *result, size_t size) {
  size_t path_size = size - offsetof(struct result, path);
  if (size <= offsetof(struct result, path) || result->task >= demo->paths.count) return false;
  const char *path = demo->paths.path[result->task];
  return strlen(path) + 1 == path_size && memcmp(path, result->path, path_size) == 0;
}

static void note(const struct demo *demo, struct tally *tally, struct outcome *outcomes,
                 size_t size) {
  const struct result *result = (const struct result *)buffer;
  if (!is_sound(demo, result, size)) {
    tally->wrong++;
    return;
  }
  struct outcome *outcome = &outcomes[result->task];
  if (outcome->results++ > 0) note_twice(demo, tally, outcome, result);
  outcome->bytes = result->bytes;
  outcome->attempt = result->attempt;
  outcome->worker = result->worker;
  memcpy(outcome->digest, result->digest, DIGEST_SIZE);
}

static void collect(const struct demo *demo, struct tally *tally, struct outcome *outcomes) {
  ssize_t size;
  while ((size = shmq_get(demo->results, buffer, sizeof buffer, SHMQ_FOREVER)) >= 0) {
    note(demo, tally, outcomes, (size_t)size);
    must(shmq_task_done(demo->results), "finish a result");
  }
  if (size != -ESHUTDOWN) must(size, "get a result");
}

static void print_row(const char *name, uint64_t value, const char *remark) {
  printf("%-24s%14" PRIu64 "%s\n", name, value, remark);
}

static void print_table(const struct demo *demo, const struct tally *tally) {
  const struct ledger *ledger = demo->ledger;
  const char *of_whom = tally->unexplained ? "  (not all by killed workers)"
                        : tally->twice     ? "  (each by a killed worker)"
                                           : "";
  print_row("files", demo->paths.count, "");
  print_row("bytes", tally->bytes, "");
  printf("%-24s%14.2f\n", "seconds", ledger->seconds);
  print_row("workers killed", ledger->kills, "");
  print_row("tasks redelivered", ledger->redelivered, "");
  print_row("results missing", tally->missing, "");
  print_row("results delivered twice", tally->twice, of_whom);
  print_row("wrong results", tally->wrong, "");
  if (tally->changed) print_row("files changed meanwhile", tally->changed, "  (not judged)");
  if (ledger->kills < KILLS_ASKED) {
    printf("\nOnly %u workers were killed: there is one kill for each file.\n", ledger->kills);
  }
}

int collector(const struct demo *demo) {
  struct tally tally = {0};
  struct outcome *outcomes = calloc(demo->paths.count + 1, sizeof *outcomes);
  if (!outcomes) err(1, "outcomes");
  collect(demo, &tally, outcomes);
  check(demo, outcomes, &tally);
  print_table(demo, &tally);
  free(outcomes);
  return tally.missing || tally.wrong || tally.unexplained;
}
