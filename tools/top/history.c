/* SPDX-License-Identifier: Apache-2.0 */
#include "history.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>

#include "../rates.h"

struct past {
  struct past *next;
  bool present;
  struct counts counts;
  size_t count;
  double values[CURVE_COUNT][HISTORY_MAX]; /* the last is the newest */
  char name[];
};

struct history {
  struct past *first;
};

struct history *history_new(void) {
  return calloc(1, sizeof(struct history));
}

static struct past *find(const struct history *history, const char *name) {
  struct past *past = history->first;
  while (past && strcmp(past->name, name) != 0)
    past = past->next;
  return past;
}

static struct past *find_or_add(struct history *history, const char *name) {
  struct past *past = find(history, name);
  if (past) return past;
  past = calloc(1, sizeof *past + strlen(name) + 1);
  if (!past) return NULL;
  strcpy(past->name, name);
  past->next = history->first;
  return history->first = past;
}

const struct field *history_field(enum curve curve) {
  static const char *const keys[] = {"qsize", "leased", "put_rate", "got_rate", "done_rate"};
  return field_find(keys[curve]);
}

static void add_values(struct past *past, const struct snapshot *snapshot) {
  for (enum curve curve = 0; curve < CURVE_COUNT; curve++) {
    double *values = past->values[curve];
    memmove(values, values + 1, (HISTORY_MAX - 1) * sizeof *values);
    values[HISTORY_MAX - 1] = field_number(history_field(curve), snapshot);
  }
  if (past->count < HISTORY_MAX) past->count++;
}

static int add_queue(struct history *history, struct snapshot *snapshot, double seconds) {
  struct past *past = find_or_add(history, snapshot->name);
  if (!past) return -ENOMEM;
  past->present = true;
  if (snapshot->error) {
    past->counts.seen = false;
    return 0;
  }
  rates_add(snapshot, &past->counts, seconds);
  add_values(past, snapshot);
  return 0;
}

/* Those that are present are to be seen again, or to go the next time. */
static void forget_absent(struct history *history) {
  struct past **place = &history->first;
  while (*place) {
    struct past *past = *place;
    if (past->present) {
      past->present = false;
      place = &past->next;
    } else {
      *place = past->next;
      free(past);
    }
  }
}

int history_add(struct history *history, struct listing *listing, double seconds) {
  int error = 0;
  for (size_t i = 0; i < listing->count && !error; i++)
    error = add_queue(history, &listing->snapshots[i], seconds);
  forget_absent(history);
  return error;
}

void history_free(struct history *history) {
  forget_absent(history); /* those present become absent */
  forget_absent(history);
  free(history);
}

/* ---- Sparklines ---------------------------------------------------------------------------------
 */

enum { LEVELS = 8 };

static const char *const *levels(void) {
  static const char *const blocks[LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  static const char *const ascii[LEVELS] = {"_", ".", "-", "~", "=", "+", "*", "#"};
  return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? blocks : ascii;
}

static double largest(const double *values, size_t count) {
  double max = 0;
  for (size_t i = 0; i < count; i++)
    if (values[i] > max) max = values[i];
  return max;
}

/* Only nothing is on the lowest level; what is unknown is a blank. */
static const char *level_of(double value, double max) {
  if (value < 0) return " ";
  if (value == 0) return levels()[0];
  return levels()[1 + (size_t)(value / max * (LEVELS - 2) + 0.5)];
}

void history_draw(char text[SPARKLINE_MAX], const struct history *history, const char *name,
                  enum curve curve, size_t width) {
  const struct past *past = find(history, name);
  size_t known = past ? past->count : 0;
  if (width > HISTORY_MAX) width = HISTORY_MAX;
  if (known > width) known = width;
  memset(text, ' ', width - known);
  char *end = text + width - known;
  *end = '\0';
  if (known == 0) return;
  const double *values = past->values[curve] + HISTORY_MAX - known;
  double max = largest(values, known);
  for (size_t i = 0; i < known; i++)
    end = stpcpy(end, level_of(values[i], max));
}
