/* SPDX-License-Identifier: Apache-2.0 */
#include "dead.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../command.h"
#include "clock.h"
#include "hand.h"
#include "json.h"

#define LAST_LINES     10
#define LAST_BYTES     2048
#define REST_OF_LETTER 1024 /* all but the item and the lines, with room to spare */
#define ROOM_PATIENCE  SECOND

static void dead_name(char name[SHMQ_NAME_MAX + 16], const struct farm *farm) {
  snprintf(name, SHMQ_NAME_MAX + 16, "%s.dead", farm->plan.queue);
}

_Noreturn static void dead_failed(const struct farm *farm, int error) {
  worker_fail(farm, status_of(error), "%s.dead: %s", farm->plan.queue, explain(error));
}

/* Made like the queue, with room for what stands around an item. */
static void dead_open(struct worker *worker) {
  const struct shmq_stats *made = &worker->farm->limits;
  char name[SHMQ_NAME_MAX + 16];
  struct shmq_options options;
  shmq_options_init(&options);
  options.capacity = made->capacity;
  options.item_max = 2 * (made->item_max + LAST_BYTES) + REST_OF_LETTER;
  options.mode = made->mode;
  dead_name(name, worker->farm);
  int error = shmq_open_or_create(&worker->dead, name, &options);
  if (error) dead_failed(worker->farm, error);
}

/* Where the last lines begin; the first of them may be cut. */
static const char *last_lines(const char *text, size_t size) {
  const char *begin = text + size;
  for (int lines = 0; begin > text; begin--)
    if (begin[-1] == '\n' && begin != text + size && ++lines == LAST_LINES) break;
  return begin;
}

static void set_lines(json_t *object, const struct source *err) {
  char text[LAST_BYTES];
  size_t size = source_read(err, source_tail(err, sizeof text), text, sizeof text);
  const char *lines = last_lines(text, size);
  set_bytes(object, "stderr", lines, size - (size_t)(lines - text));
}

static json_t *to_json(const struct worker *worker, const struct letter *letter) {
  json_t *object = json_object();
  set_bytes(object, "item", letter->item->data, letter->item->size);
  json_object_set_new(object, "queue", json_string(worker->farm->plan.queue));
  json_object_set_new(object, "id", json_integer((json_int_t)letter->item->id));
  json_object_set_new(object, "reason", json_string(letter->reason));
  set_status(object, letter->status);
  json_object_set_new(object, "attempts", json_integer(letter->attempts));
  set_lines(object, &letter->err);
  return object;
}

/* Says once that there is no room, and waits for it. */
static int put_patiently(struct worker *worker, const char *line, size_t size) {
  static bool said;
  int error;
  while ((error = shmq_put(worker->dead, line, size, ROOM_PATIENCE)) == -ETIMEDOUT) {
    if (!said) complain("%s.dead: full; waiting for room", worker->farm->plan.queue);
    said = true;
    hand_tend(worker);
  }
  return error;
}

static int put_json(struct worker *worker, const json_t *object) {
  size_t size;
  char *line = to_line(object, &size);
  if (!line) return -ENOMEM;
  int error = put_patiently(worker, line, size);
  free(line);
  return error;
}

/* A NAME.dead that others made may have no room for the lines, or for more than the bare item. */
void dead_put(struct worker *worker, const struct letter *letter) {
  const struct shmq_lease *item = letter->item;
  if (!worker->dead) dead_open(worker);
  json_t *object = to_json(worker, letter);
  int error = put_json(worker, object);
  if (error == -EMSGSIZE) {
    json_object_del(object, "stderr");
    error = put_json(worker, object);
  }
  if (error == -EMSGSIZE) error = put_patiently(worker, item->data, item->size);
  json_decref(object);
  if (error) dead_failed(worker->farm, error);
}
