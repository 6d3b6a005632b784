/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "rates.h"
#include "report.h"
#include "units.h"

static struct report_options report;
static int64_t watch;

static const struct command_option options[] = {
    REPORT_OPTIONS(report),
    {"watch", 0, OPTION_DURATION, &watch, 1000000, 0, "print again and again, so far apart"},
    {0}};

#define SECOND       INT64_C(1000000000)
#define CLEAR_SCREEN "\033[H\033[2J"

struct watched {
  struct view view;
  struct counts counts; /* at the look before */
};

/* ---- For people ---------------------------------------------------------------------------------
 */

static void print_count(const char *label, uint64_t count) {
  printf("  %-13s %14" PRIu64, label, count);
}

static void print_age(const char *what, shmq_ns age) {
  char text[UNITS_TEXT_MAX];
  if (age == 0) return;
  format_age(text, age);
  printf("  %s%s", what, text);
}

static void print_state(const struct shmq_stats *stats) {
  print_count("qsize", stats->qsize);
  if (stats->maxsize) printf("  of %" PRIu64, stats->maxsize);
  if (stats->returned) printf("  (%" PRIu64 " came back)", stats->returned);
  print_age("oldest: ", stats->oldest_waiting);
  putchar('\n');
  print_count("leased", stats->leased);
  printf("  of %" PRIu32, stats->max_leases);
  print_age("oldest: ", stats->oldest_lease);
  putchar('\n');
  print_count("unfinished", stats->unfinished);
  putchar('\n');
}

static void print_room(const struct snapshot *snapshot) {
  const struct shmq_stats *stats = &snapshot->stats;
  char used[UNITS_TEXT_MAX], free[UNITS_TEXT_MAX], capacity[UNITS_TEXT_MAX],
      item_max[UNITS_TEXT_MAX];
  format_size(used, (int64_t)stats->used);
  format_size(free, (int64_t)snapshot->free);
  format_size(capacity, (int64_t)stats->capacity);
  format_size(item_max, (int64_t)stats->item_max);
  printf("  %-13s %14s  of %s, free: %s, items up to %s\n", "used", used, capacity, free, item_max);
}

static void print_rated(const char *label, uint64_t count, double per_second) {
  print_count(label, count);
  if (per_second >= 0) printf(" %14.1f/s", per_second);
  putchar('\n');
}

static void print_counts(const struct snapshot *snapshot) {
  const struct shmq_stats *stats = &snapshot->stats;
  print_rated("put", stats->put, snapshot->rates.put);
  print_rated("got", stats->got, snapshot->rates.got);
  print_rated("done", stats->done, snapshot->rates.done);
  print_rated("redelivered", stats->redelivered, -1);
  print_rated("abandoned", stats->abandoned, -1);
  print_rated("dead_lettered", stats->dead_lettered, -1);
  print_rated("discarded", stats->discarded, -1);
}

static void print_waiting(const struct shmq_stats *stats) {
  uint32_t waiting = stats->putters_waiting + stats->getters_waiting + stats->joiners_waiting;
  print_count("waiting", waiting);
  if (waiting)
    printf("  threads: %" PRIu32 " to put, %" PRIu32 " to get, %" PRIu32 " in join",
           stats->putters_waiting, stats->getters_waiting, stats->joiners_waiting);
  putchar('\n');
}

static const char *or_dash(char text[UNITS_TEXT_MAX], shmq_ns age) {
  if (age == 0) return "-";
  format_age(text, age);
  return text;
}

static void print_processes(const struct snapshot *snapshot) {
  char age[UNITS_TEXT_MAX];
  print_count("processes", snapshot->process_count);
  printf("  of %" PRIu32 "\n", snapshot->stats.max_processes);
  if (snapshot->process_count == 0) return;
  printf("  %10s  %-15s  %-5s  %7s  %10s  %10s  %7s\n", "PID", "NAME", "STATE", "THREADS", "LEASED",
         "UNFINISHED", "OLDEST");
  for (size_t i = 0; i < snapshot->process_count; i++) {
    const struct shmq_process *process = &snapshot->processes[i];
    printf("  %10d  %-15s  %-5s  %7" PRIu32 "  %10" PRIu64 "  %10" PRIu64 "  %7s\n",
           (int)process->pid, process->name, process->alive ? "alive" : "dead", process->threads,
           process->leased, process->unfinished, or_dash(age, process->oldest_lease));
  }
}

static void print_threads(const struct snapshot *snapshot) {
  char age[UNITS_TEXT_MAX];
  print_count("threads", snapshot->thread_count);
  printf("  of %" PRIu32 "\n", snapshot->stats.max_threads);
  if (snapshot->thread_count == 0) return;
  printf("  %10s  %10s  %-5s  %-16s  %7s  %-6s  %10s  %10s\n", "TID", "PID", "STATE", "ACTIVITY",
         "SINCE", "INSIDE", "GOT", "UNFINISHED");
  for (size_t i = 0; i < snapshot->thread_count; i++) {
    const struct shmq_thread *thread = &snapshot->threads[i];
    printf("  %10d  %10d  %-5s  %-16s  %7s  %-6s  %10" PRIu64 "  %10" PRIu64 "\n", (int)thread->tid,
           (int)thread->pid, thread->alive ? "alive" : "dead", activity_words(thread->activity),
           or_dash(age, thread->since), inside_words(thread->inside), thread->got,
           thread->unfinished);
  }
}

static void print_queue(const struct snapshot *snapshot) {
  const struct shmq_stats *stats = &snapshot->stats;
  printf("%s: %s%s%s\n", snapshot->name, stats->shut_down ? "shut down" : "open",
         stats->empty ? ", empty" : "", stats->full ? ", full" : "");
  print_state(stats);
  print_room(snapshot);
  print_counts(snapshot);
  print_waiting(stats);
  print_processes(snapshot);
  print_threads(snapshot);
}

static void print_details(const struct snapshot *snapshots, size_t count, bool apart) {
  for (size_t i = 0; i < count; i++) {
    print_queue(&snapshots[i]);
    if (apart) putchar('\n');
  }
}

/* ---- One look, and the next ---------------------------------------------------------------------
 */

struct look {
  struct watched *queues;
  size_t count;
  int64_t time, due;
  double seconds; /* since the look before */
  struct snapshot *shown;
  size_t shown_count; /* queues that could be read */
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

static void look_at(struct look *look, struct watched *watched) {
  struct snapshot *snapshot = &look->shown[look->shown_count];
  int error = view_take(&watched->view, snapshot);
  if (error) {
    watched->counts.seen = false;
    look->status = fail(watched->view.name, error);
    return;
  }
  rates_add(snapshot, &watched->counts, look->seconds);
  look->shown_count++;
}

static int print_all(const struct look *look) {
  if (report.json) return print_json(stdout, look->shown, look->shown_count, watch != 0);
  if (watch && isatty(STDOUT_FILENO)) fputs(CLEAR_SCREEN, stdout);
  if (report.prometheus)
    print_prometheus(stdout, look->shown, look->shown_count);
  else if (report.columns)
    print_table(report.columns, look->shown, look->shown_count);
  else
    print_details(look->shown, look->shown_count, watch || look->count > 1);
  return STATUS_DONE;
}

static void look_at_all(struct look *look) {
  int64_t now = monotonic_time();
  look->seconds = (double)(now - look->time) / (double)SECOND;
  look->time = now;
  look->shown_count = 0;
  look->status = STATUS_DONE;
  for (size_t i = 0; i < look->count; i++)
    look_at(look, &look->queues[i]);
  report_sort(&report, look->shown, look->shown_count);
  int printed = print_all(look);
  if (printed != STATUS_DONE) look->status = printed;
  for (size_t i = 0; i < look->shown_count; i++)
    snapshot_free(&look->shown[i]);
}

/* Ends when nobody reads any more, or there is nothing left to look at. A look that is late, after
   a stop say, moves those that follow. */
static int look_again_and_again(struct look *look) {
  for (;;) {
    look_at_all(look);
    int written = flush_output();
    if (written != STATUS_DONE) return written;
    if (watch == 0 || look->shown_count == 0) return look->status;
    int64_t next = look->due + watch, now = monotonic_time();
    sleep_until(look->due = next > now ? next : now);
  }
}

static int look_at_queues(struct look *look, const char *const *names) {
  look->queues = calloc(look->count, sizeof *look->queues);
  look->shown = calloc(look->count, sizeof *look->shown);
  if (!look->queues || !look->shown) return out_of_memory();
  for (size_t i = 0; i < look->count; i++)
    look->queues[i].view.name = names[i];
  int status = look_again_and_again(look);
  for (size_t i = 0; i < look->count; i++)
    view_close(&look->queues[i].view);
  return status;
}

static int run(const char *const *arguments) {
  struct look look = {.due = monotonic_time()};
  int status = report_check(&report);
  if (status) return status;
  while (arguments[look.count])
    look.count++;
  status = look_at_queues(&look, arguments);
  free(look.queues);
  free(look.shown);
  return status;
}

const struct command stat_command = {
    .name = "stat",
    .arguments = "NAME... [OPTION...]",
    .summary = "Show what is in queues, what happened in them and who uses them.",
    .details =
        "Nothing is locked and nothing is written: the queue does not notice.\n"
        "Example: shmq stat tasks --watch 1s\n"
        "Example: shmq stat in out -o name,qsize,put_rate,oldest_waiting --watch 1s\n",
    .min_arguments = 1,
    .max_arguments = ANY_NUMBER,
    .options = options,
    .run = run,
};
