/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <err.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

const char *const op_names[OPS] = {
    [PUT] = "put",
    [PUT_MANY] = "put_many",
    [GET] = "get",
    [GET_MANY] = "get_many",
    [TAKE] = "take",
    [TAKE_MANY] = "take_many",
    [DONE] = "done",
    [GIVE_BACK] = "give_back",
    [BURY] = "bury",
    [TOUCH] = "touch",
    [TASK_DONE] = "task_done",
    [JOIN] = "join",
    [SHUTDOWN] = "shutdown",
    [SHUTDOWN_NOW] = "shutdown_now",
    [RECOVER] = "recover",
    [CLOSE] = "close",
    [LETTER] = "letter",
};

static void *map_shared(uint64_t n, size_t size) {
  void *memory = mmap(NULL, n * size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) err(1, "mmap");
  return memory;
}

struct history *history_new(uint32_t members, uint32_t stops, uint64_t calls) {
  struct history *history = map_shared(1, sizeof *history);
  history->members_max = members;
  history->stops_max = stops;
  history->calls_max = calls;
  history->members = map_shared(members, sizeof *history->members);
  history->stops = map_shared(stops, sizeof *history->stops);
  history->calls = map_shared(calls, sizeof *history->calls);
  return history;
}

void history_free(struct history *history) {
  munmap(history->members, history->members_max * sizeof *history->members);
  munmap(history->stops, history->stops_max * sizeof *history->stops);
  munmap(history->calls, history->calls_max * sizeof *history->calls);
  munmap(history, sizeof *history);
}

/* ---- Writing ------------------------------------------------------------------------------------
 */

/* Killed before the entry is filled, we leave a stop of no time. */
struct stop *history_stop(struct history *history, uint32_t member, int64_t from, int64_t to) {
  uint32_t i = history->stops_used;
  do {
    if (i == history->stops_max) return NULL;
  } while (!atomic_compare_exchange_weak(&history->stops_used, &i, i + 1));
  history->stops[i] = (struct stop){member, from, to};
  return &history->stops[i];
}

/* call MEMBER OP CALLED RETURNED TIMEOUT RESULT UNSCHEDULED [AUTHOR.SEQUENCE:ID:ATTEMPT[!]]... */
void call_print(const struct call *call, FILE *file) {
  fprintf(file, "call %" PRIu32 " %s %" PRId64 " ", call->member, op_names[call->op], call->called);
  if (call->state == RETURNED) {
    fprintf(file, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, call->returned, call->timeout,
            call->result, call->unscheduled);
  } else {
    fprintf(file, "- %" PRId64 " 0 0", call->timeout);
  }
  for (unsigned i = 0; i < call->n; i++) {
    const struct ref *ref = &call->refs[i];
    fprintf(file, " %" PRIu32 ".%" PRIu32 ":%" PRIu64 ":%" PRIu32 "%s", ref->author, ref->sequence,
            ref->id, ref->attempt, ref->altered ? "!" : "");
  }
  putc('\n', file);
}

static void final_print(const struct final *final, FILE *file) {
  if (!final->known) return;
  fprintf(file,
          "final %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
          " %" PRId64 "\n",
          final->put, final->done, final->abandoned, final->dead_lettered, final->discarded,
          final->unfinished, final->leased, final->check);
}

bool history_save(const struct history *history, const char *path) {
  FILE *file = fopen(path, "we");
  if (!file) return false;
  fprintf(file, "# seed %" PRIu64 "\n", history->seed);
  fprintf(file, "queue %" PRIu32 " %" PRIu32 " %" PRId64 "\n", history->max_leases,
          history->max_attempts, history->lease_timeout);
  for (uint32_t i = 0; i < history->members_used; i++) {
    const struct member *member = &history->members[i];
    fprintf(file, "member %" PRIu32 " %" PRId64 " %" PRId64 " %" PRId64 "\n", i, member->left,
            member->killed, member->dead);
  }
  for (uint32_t i = 0; i < history->stops_used; i++) {
    const struct stop *stop = &history->stops[i];
    fprintf(file, "stop %" PRIu32 " %" PRId64 " %" PRId64 "\n", stop->member, stop->from, stop->to);
  }
  for (uint64_t i = 0; i < history->calls_used; i++)
    if (history->calls[i].state != BLANK) call_print(&history->calls[i], file);
  final_print(&history->final, file);
  const bool good = !ferror(file);
  return fclose(file) == 0 && good;
}

/* ---- Reading ------------------------------------------------------------------------------------
 */

static bool read_queue(struct history *history, const char *text) {
  return sscanf(text, "%" SCNu32 " %" SCNu32 " %" SCNd64, &history->max_leases,
                &history->max_attempts, &history->lease_timeout) == 3;
}

static bool read_member(struct history *history, const char *text) {
  uint32_t number;
  int64_t left, killed, dead;
  if (sscanf(text, "%" SCNu32 " %" SCNd64 " %" SCNd64 " %" SCNd64, &number, &left, &killed,
             &dead) != 4)
    return false;
  if (number != history->members_used || number >= history->members_max) return false;
  history->members[history->members_used++] =
      (struct member){.left = left, .killed = killed, .dead = dead};
  return true;
}

static bool read_stop(struct history *history, const char *text) {
  struct stop stop;
  if (sscanf(text, "%" SCNu32 " %" SCNd64 " %" SCNd64, &stop.member, &stop.from, &stop.to) != 3)
    return false;
  if (stop.member >= history->members_used) return false;
  history->stops[history->stops_used++] = stop;
  return true;
}

static bool read_final(struct history *history, const char *text) {
  struct final *final = &history->final;
  final->known = true;
  return sscanf(text,
                "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
                " %" SCNd64,
                &final->put, &final->done, &final->abandoned, &final->dead_lettered,
                &final->discarded, &final->unfinished, &final->leased, &final->check) == 8;
}

static bool read_ref(struct call *call, const char *text) {
  int end = 0;
  if (call->n == BATCH) return false;
  struct ref *ref = &call->refs[call->n++];
  if (sscanf(text, "%" SCNu32 ".%" SCNu32 ":%" SCNu64 ":%" SCNu32 "%n", &ref->author,
             &ref->sequence, &ref->id, &ref->attempt, &end) != 4)
    return false;
  ref->altered = strcmp(text + end, "!") == 0;
  return ref->altered || text[end] == '\0';
}

static bool read_op(struct call *call, const char *name) {
  for (call->op = 0; call->op < OPS; call->op++)
    if (strcmp(name, op_names[call->op]) == 0) return true;
  return false;
}

static bool read_call(struct history *history, char *text) {
  struct call *call = &history->calls[history->calls_used++];
  char op[16], returned[24];
  int end = 0;
  if (sscanf(text, "%" SCNu32 " %15s %" SCNd64 " %23s %" SCNd64 " %" SCNd64 " %" SCNd64 "%n",
             &call->member, op, &call->called, returned, &call->timeout, &call->result,
             &call->unscheduled, &end) != 7)
    return false;
  call->state = strcmp(returned, "-") == 0 ? CALLED : RETURNED;
  call->returned = strtoll(returned, NULL, 10);
  text += end;
  for (char *word; (word = strsep(&text, " \n"));)
    if (*word && !read_ref(call, word)) return false;
  return read_op(call, op) && call->member < history->members_used;
}

static bool read_line(struct history *history, char *line) {
  if (*line == '#' || *line == '\n') return true;
  if (strncmp(line, "call ", 5) == 0) return read_call(history, line + 5);
  if (strncmp(line, "member ", 7) == 0) return read_member(history, line + 7);
  if (strncmp(line, "stop ", 5) == 0) return read_stop(history, line + 5);
  if (strncmp(line, "queue ", 6) == 0) return read_queue(history, line + 6);
  if (strncmp(line, "final ", 6) == 0) return read_final(history, line + 6);
  return false;
}

/* No line makes more than one of anything. */
static struct history *history_of_size(FILE *file) {
  uint32_t lines = 1;
  for (int c; (c = getc(file)) != EOF;)
    lines += c == '\n';
  rewind(file);
  return history_new(lines, lines, lines);
}

struct history *history_load(const char *path) {
  char *line = NULL;
  size_t room = 0;
  unsigned number = 1;
  FILE *file = fopen(path, "re");
  if (!file) warn("%s", path);
  if (!file) return NULL;
  struct history *history = history_of_size(file);
  while (history && getline(&line, &room, file) > 0) {
    if (read_line(history, line)) {
      number++;
      continue;
    }
    warnx("%s:%u: not a line of a history", path, number);
    history_free(history);
    history = NULL;
  }
  free(line);
  fclose(file);
  return history;
}
