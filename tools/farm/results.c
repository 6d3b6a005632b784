/* SPDX-License-Identifier: Apache-2.0 */
#include "results.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../command.h"
#include "clock.h"
#include "hand.h"
#include "json.h"

#define ROOM_PATIENCE SECOND

static void set_item(json_t *object, const struct shmq_lease *item) {
  set_bytes(object, "item", item->data, item->size);
}

/* The items of a run of several; the number of the first is that of the run. */
static void set_items(json_t *object, const struct task *task) {
  json_t *ids = json_array(), *items = json_array();
  for (size_t i = 0; i < task->count; i++) {
    json_t *item = json_object();
    set_item(item, &task->items[i]);
    json_array_append_new(ids, json_integer((json_int_t)task->items[i].id));
    json_array_append_new(items, item);
  }
  json_object_set_new(object, "ids", ids);
  json_object_set_new(object, "items", items);
}

static json_t *to_json(const struct task *task, const struct run *run) {
  json_t *object = json_object();
  json_object_set_new(object, "id", json_integer((json_int_t)task->items[0].id));
  json_object_set_new(object, "attempt", json_integer(task->items[0].attempt));
  json_object_set_new(object, "worker", json_integer(getpid()));
  if (task->count == 1)
    set_item(object, &task->items[0]);
  else
    set_items(object, task);
  set_status(object, run->why ? NULL : &run->status);
  json_object_set_new(object, "seconds", json_real(run->seconds));
  if (run->timed_out) json_object_set_new(object, "timed_out", json_true());
  if (run->why) json_object_set_new(object, "error", json_string(run->why));
  return object;
}

/* Bytes that do not end within a character. */
static size_t whole_characters(const char *text, size_t size) {
  size_t end = size;
  while (end > 0 && size - end < 4 && ((unsigned char)text[end - 1] & 0xc0) == 0x80)
    end--;
  return end > 0 && (unsigned char)text[end - 1] >= 0xc0 ? end - 1 : size;
}

static void set_output(json_t *object, const char *output, size_t size, bool cut) {
  json_object_del(object, "output");
  json_object_del(object, "output_base64");
  set_bytes(object, "output", output, cut ? whole_characters(output, size) : size);
  if (cut) json_object_set_new(object, "truncated", json_true());
}

/* The line with as much of the output as fits, found by halving. */
static char *fitting_line(json_t *object, const char *output, size_t size, size_t whole, size_t max,
                          size_t *length) {
  for (;; size /= 2) {
    set_output(object, output, size, size < whole);
    char *line = to_line(object, length);
    if (!line || *length <= max || size == 0) return line;
    free(line);
  }
}

static char *result_line(const struct worker *worker, json_t *object, const struct source *out,
                         size_t *length) {
  size_t max = worker->farm->result_max, size = out->size < max ? out->size : max;
  char *output = malloc(size + 1);
  if (!output) return NULL;
  size = source_read(out, 0, output, size);
  char *line = fitting_line(object, output, size, out->size, max, length);
  free(output);
  return line;
}

static void put_patiently(struct worker *worker, const char *line, size_t size) {
  const struct farm *farm = worker->farm;
  int error;
  while ((error = shmq_put(farm->results, line, size, ROOM_PATIENCE)) == -ETIMEDOUT)
    hand_tend(worker);
  if (error == -EMSGSIZE)
    worker_fail(farm, STATUS_FAILED,
                "%s: a result of %zu bytes does not fit; see --item-max of"
                " create",
                farm->plan.results, size);
  if (error) worker_fail(farm, status_of(error), "%s: %s", farm->plan.results, explain(error));
}

void report_result(struct worker *worker, const struct task *task, const struct run *run,
                   const struct outputs *outputs) {
  size_t size;
  json_t *object = to_json(task, run);
  char *line = result_line(worker, object, &outputs->out, &size);
  if (!line) worker_fail(worker->farm, STATUS_FAILED, "out of memory");
  put_patiently(worker, line, size);
  free(line);
  json_decref(object);
}
