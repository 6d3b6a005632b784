/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "snapshot.h"
#include "units.h"

static int64_t json, watch;

static const struct command_option options[] = {
    {"json", 0, OPTION_FLAG, &json, 0, 0, "print a JSON array with an object for each queue"},
    {"watch", 0, OPTION_DURATION, &watch, 1000000, 0, "print again and again, so far apart"},
    {0}};

#define SECOND       INT64_C(1000000000)
#define CLEAR_SCREEN "\033[H\033[2J"

/* A queue, and what it had done at the look before. */
struct watched {
  const char *name;
  bool seen;
  uint64_t put, got, done;
};

/* A second, since the look before; negative: there was none. */
struct rates {
  double put, got, done;
};

static double rate(uint64_t now, uint64_t before, double seconds) {
  return (double)(now - before) / seconds;
}

/* A queue that was removed and made anew begins anew. */
static struct rates rates_since(const struct watched *before, const struct shmq_stats *now,
                                double seconds) {
  if (!before->seen || now->put < before->put || now->got < before->got || now->done < before->done)
    return (struct rates){-1, -1, -1};
  return (struct rates){rate(now->put, before->put, seconds), rate(now->got, before->got, seconds),
                        rate(now->done, before->done, seconds)};
}

static void remember(struct watched *watched, const struct shmq_stats *stats) {
  watched->seen = true;
  watched->put = stats->put;
  watched->got = stats->got;
  watched->done = stats->done;
}

/* ---- For people ---------------------------------------------------------------------------------
 */

static void print_count(const char *label, uint64_t count) {
  printf("  %-13s %14" PRIu64, label, count);
}

static void print_state(const struct shmq_stats *stats) {
  print_count("qsize", stats->qsize);
  if (stats->maxsize) printf("  of %" PRIu64, stats->maxsize);
  if (stats->returned) printf("  (%" PRIu64 " came back)", stats->returned);
  putchar('\n');
  print_count("leased", stats->leased);
  printf("  of %" PRIu32 "\n", stats->max_leases);
  print_count("unfinished", stats->unfinished);
  putchar('\n');
}

static void print_room(const struct shmq_stats *stats) {
  char used[UNITS_TEXT_MAX], capacity[UNITS_TEXT_MAX], item_max[UNITS_TEXT_MAX];
  format_size(used, (int64_t)stats->used);
  format_size(capacity, (int64_t)stats->capacity);
  format_size(item_max, (int64_t)stats->item_max);
  printf("  %-13s %14s  of %s, items up to %s\n", "used", used, capacity, item_max);
}

static void print_rated(const char *label, uint64_t count, double per_second) {
  print_count(label, count);
  if (per_second >= 0) printf(" %14.1f/s", per_second);
  putchar('\n');
}

static void print_counts(const struct shmq_stats *stats, const struct rates *rates) {
  print_rated("put", stats->put, rates->put);
  print_rated("got", stats->got, rates->got);
  print_rated("done", stats->done, rates->done);
  print_rated("redelivered", stats->redelivered, -1);
  print_rated("abandoned", stats->abandoned, -1);
  print_rated("dead_lettered", stats->dead_lettered, -1);
  print_rated("discarded", stats->discarded, -1);
}

static void print_processes(const struct snapshot *snapshot) {
  print_count("processes", snapshot->process_count);
  printf("  of %" PRIu32 "\n", snapshot->stats.max_processes);
  if (snapshot->process_count == 0) return;
  printf("  %10s  %-15s  %-5s  %7s  %10s  %10s\n", "PID", "NAME", "STATE", "THREADS", "LEASED",
         "UNFINISHED");
  for (size_t i = 0; i < snapshot->process_count; i++) {
    const struct shmq_process *process = &snapshot->processes[i];
    printf("  %10d  %-15s  %-5s  %7" PRIu32 "  %10" PRIu64 "  %10" PRIu64 "\n", (int)process->pid,
           process->name, process->alive ? "alive" : "dead", process->threads, process->leased,
           process->unfinished);
  }
}

static void print_queue(const struct snapshot *snapshot, const struct rates *rates) {
  const struct shmq_stats *stats = &snapshot->stats;
  printf("%s: %s%s%s\n", snapshot->name, stats->shut_down ? "shut down" : "open",
         stats->empty ? ", empty" : "", stats->full ? ", full" : "");
  print_state(stats);
  print_room(stats);
  print_counts(stats, rates);
  print_processes(snapshot);
}

/* ---- For programs -------------------------------------------------------------------------------
 */

static int add_rates(json_t *object, const struct rates *rates) {
  if (rates->put < 0) return object ? 0 : -1;
  return json_object_set_new(object, "put_rate", json_real(rates->put)) |
         json_object_set_new(object, "got_rate", json_real(rates->got)) |
         json_object_set_new(object, "done_rate", json_real(rates->done));
}

static int add_object(json_t *array, const struct snapshot *snapshot, const struct rates *rates) {
  json_t *object = snapshot_to_json(snapshot);
  int error = add_rates(object, rates);
  return json_array_append_new(array, object) | error;
}

/* One line for each array when there will be more of them. */
static void print_array(const json_t *array) {
  json_dumpf(array, stdout, JSON_REAL_PRECISION(9) | (watch ? JSON_COMPACT : JSON_INDENT(2)));
  putchar('\n');
}

/* ---- One look, and the next ---------------------------------------------------------------------
 */

struct look {
  struct watched *queues;
  size_t count;
  int64_t time, due;
  double seconds; /* since the look before */
  json_t *array;
  size_t shown; /* queues that could be read */
  int status;
};

static int64_t monotonic_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND + now.tv_nsec;
}

static void sleep_until(int64_t time) {
  struct timespec until = {time / SECOND, time % SECOND};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
    continue;
}

static void show(struct look *look, const struct snapshot *snapshot, const struct rates *rates) {
  look->shown++;
  if (!json)
    print_queue(snapshot, rates);
  else if (add_object(look->array, snapshot, rates) != 0)
    look->status = out_of_memory();
  if (!json && (watch || look->count > 1)) putchar('\n');
}

static void look_at(struct look *look, struct watched *watched) {
  struct snapshot snapshot;
  int error = snapshot_take(&snapshot, watched->name);
  if (error) {
    watched->seen = false;
    look->status = fail(watched->name, error);
    return;
  }
  struct rates rates = rates_since(watched, &snapshot.stats, look->seconds);
  show(look, &snapshot, &rates);
  remember(watched, &snapshot.stats);
  snapshot_free(&snapshot);
}

static void look_at_all(struct look *look) {
  int64_t now = monotonic_time();
  look->seconds = (double)(now - look->time) / (double)SECOND;
  look->time = now;
  look->shown = 0;
  look->status = STATUS_DONE;
  look->array = json ? json_array() : NULL;
  if (watch && !json && isatty(STDOUT_FILENO)) fputs(CLEAR_SCREEN, stdout);
  for (size_t i = 0; i < look->count; i++)
    look_at(look, &look->queues[i]);
  if (json) print_array(look->array);
  json_decref(look->array);
}

/* Ends when nobody reads any more, or there is nothing left to look at. A look that is late, after
   a stop say, moves those that follow. */
static int look_again_and_again(struct look *look) {
  for (;;) {
    look_at_all(look);
    int written = flush_output();
    if (written != STATUS_DONE) return written;
    if (watch == 0 || look->shown == 0) return look->status;
    int64_t next = look->due + watch, now = monotonic_time();
    sleep_until(look->due = next > now ? next : now);
  }
}

static int run(const char *const *arguments) {
  struct look look = {.due = monotonic_time()};
  while (arguments[look.count])
    look.count++;
  look.queues = calloc(look.count, sizeof *look.queues);
  if (!look.queues) return out_of_memory();
  for (size_t i = 0; i < look.count; i++)
    look.queues[i].name = arguments[i];
  int status = look_again_and_again(&look);
  free(look.queues);
  return status;
}

const struct command stat_command = {
    .name = "stat",
    .arguments = "NAME... [OPTION...]",
    .summary = "Show what is in queues, what happened in them and who uses them.",
    .details =
        "Nothing is locked and nothing is written: the queue does not notice.\n"
        "Example: shmq stat tasks --watch 1s\n",
    .min_arguments = 1,
    .max_arguments = ANY_NUMBER,
    .options = options,
    .run = run,
};
