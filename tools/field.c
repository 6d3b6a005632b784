/* SPDX-License-Identifier: Apache-2.0 */
#include "field.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define PLACE(member) offsetof(struct snapshot, member), sizeof(((struct snapshot *)0)->member)
#define STAT(key, heading, kind, metric, type, help) \
  {#key, heading, kind, PLACE(stats.key), metric, type, help}

/* Counters never go down; done is worked out from others that are read one after the other, and may. */
const struct field fields[] = {
  {"name", "NAME", FIELD_NAME, PLACE(name), NULL, NULL, NULL},
  STAT(qsize, "QSIZE", FIELD_COUNT, "shmq_waiting_items", "gauge",
       "Items that wait, those that came back included."),
  STAT(maxsize, "MAXSIZE", FIELD_LIMIT, "shmq_waiting_items_limit", "gauge",
       "Items that may wait; 0 is no limit."),
  STAT(empty, "EMPTY", FIELD_FLAG, "shmq_empty", "gauge", "1 if nothing waits."),
  STAT(full, "FULL", FIELD_FLAG, "shmq_full", "gauge",
       "1 if an item of the largest size would have to wait for room."),
  STAT(shut_down, "SHUT DOWN", FIELD_FLAG, "shmq_shut_down", "gauge", "1 if the queue is shut down."),
  STAT(oldest_waiting, "OLDEST WAITING", FIELD_TIME, "shmq_oldest_waiting_item_age_seconds", "gauge",
       "How long the oldest item that waits has waited, at most; 0 if none waits."),
  STAT(oldest_lease, "OLDEST LEASE", FIELD_TIME, "shmq_oldest_lease_age_seconds", "gauge",
       "How long the oldest lease has been held, at most; 0 if there is none."),
  STAT(unfinished, "UNFINISHED", FIELD_COUNT, "shmq_unfinished_items", "gauge",
       "Items that wait, are leased, or were got and not yet reported as done."),
  STAT(leased, "IN HAND", FIELD_COUNT, "shmq_leased_items", "gauge", "Items in hand, on lease."),
  STAT(returned, "RETURNED", FIELD_COUNT, "shmq_returned_items", "gauge",
       "Of the items that wait, those that were given back or left by the dead."),
  STAT(put, "PUT", FIELD_COUNT, "shmq_put_items_total", "counter", "Items put."),
  STAT(got, "GOT", FIELD_COUNT, "shmq_deliveries_total", "counter",
       "Deliveries, repeated ones included."),
  STAT(done, "DONE", FIELD_COUNT, "shmq_done_items", "gauge", "Items finished."),
  STAT(redelivered, "REDELIVERED", FIELD_COUNT, "shmq_redeliveries_total", "counter",
       "Deliveries that were not an item's first."),
  STAT(abandoned, "ABANDONED", FIELD_COUNT, "shmq_abandoned_items_total", "counter",
       "Items got for good by processes that left without reporting them as done."),
  STAT(dead_lettered, "DEAD LETTERED", FIELD_COUNT, "shmq_dead_lettered_items_total", "counter",
       "Items moved to the queue of dead letters."),
  STAT(discarded, "DISCARDED", FIELD_COUNT, "shmq_discarded_items_total", "counter",
       "Items discarded when the queue was shut down."),
  {"put_rate", "PUT/s", FIELD_RATE, PLACE(rates.put), NULL, NULL, NULL},
  {"got_rate", "GOT/s", FIELD_RATE, PLACE(rates.got), NULL, NULL, NULL},
  {"done_rate", "DONE/s", FIELD_RATE, PLACE(rates.done), NULL, NULL, NULL},
  STAT(capacity, "CAPACITY", FIELD_BYTES, "shmq_capacity_bytes", "gauge", "Room for items."),
  STAT(used, "USED", FIELD_BYTES, "shmq_used_bytes", "gauge", "Room in use."),
  {"free", "FREE", FIELD_BYTES, PLACE(free), "shmq_free_bytes", "gauge", "Room that is free."},
  STAT(item_max, "ITEM MAX", FIELD_BYTES, "shmq_item_limit_bytes", "gauge", "Size of the largest item."),
  STAT(putters_waiting, "PUTTERS WAITING", FIELD_COUNT, "shmq_waiting_putters", "gauge",
       "Threads asleep until there is room."),
  STAT(getters_waiting, "GETTERS WAITING", FIELD_COUNT, "shmq_waiting_getters", "gauge",
       "Threads asleep until there is an item or a lease."),
  STAT(joiners_waiting, "JOINERS WAITING", FIELD_COUNT, "shmq_waiting_joiners", "gauge",
       "Threads asleep until all items are finished."),
  STAT(processes, "PROCESSES", FIELD_COUNT, "shmq_attached_processes", "gauge",
       "Processes attached, the dead that nobody has cleaned up after included."),
  STAT(threads, "THREADS", FIELD_COUNT, "shmq_attached_threads", "gauge",
       "Threads that use the queue, likewise."),
  {0}};
/* clang-format on */

static bool has_key(const struct field *field, const char *name, size_t length) {
  return strlen(field->key) == length && strncmp(field->key, name, length) == 0;
}

const struct field *field_find(const char *name) {
  size_t length = strcspn(name, ",");
  for (const struct field *field = fields; field->key; field++)
    if (has_key(field, name, length)) return field;
  return NULL;
}

uint64_t field_whole(const struct field *field, const struct snapshot *snapshot) {
  const char *place = (const char *)snapshot + field->offset;
  uint64_t whole = 0;
  uint32_t half = 0;
  bool flag = false;
  if (field->size == sizeof whole) memcpy(&whole, place, sizeof whole);
  if (field->size == sizeof half) memcpy(&half, place, sizeof half);
  if (field->size == sizeof flag) memcpy(&flag, place, sizeof flag);
  return whole | half | flag;
}

double field_number(const struct field *field, const struct snapshot *snapshot) {
  double rate;
  if (field->kind == FIELD_TIME) return (double)field_whole(field, snapshot) / 1e9;
  if (field->kind != FIELD_RATE) return (double)field_whole(field, snapshot);
  memcpy(&rate, (const char *)snapshot + field->offset, sizeof rate);
  return rate;
}

static void format_whole(char text[UNITS_TEXT_MAX], enum field_kind kind, uint64_t value) {
  switch (kind) {
    case FIELD_BYTES:
      format_size(text, (int64_t)value);
      break;
    case FIELD_FLAG:
      snprintf(text, UNITS_TEXT_MAX, "%s", value ? "yes" : "no");
      break;
    case FIELD_TIME:
      format_age(text, (int64_t)value);
      break;
    default:
      snprintf(text, UNITS_TEXT_MAX, "%" PRIu64, value);
  }
}

void field_format(char text[UNITS_TEXT_MAX], const struct field *field,
                  const struct snapshot *snapshot) {
  double number = field_number(field, snapshot);
  bool may_lack = field->kind == FIELD_LIMIT || field->kind == FIELD_TIME;
  if (number < 0 || (number == 0 && may_lack)) {
    snprintf(text, UNITS_TEXT_MAX, "-");
  } else if (field->kind == FIELD_RATE) {
    snprintf(text, UNITS_TEXT_MAX, "%.1f", number);
  } else {
    format_whole(text, field->kind, field_whole(field, snapshot));
  }
}

const char *field_keys(void) {
  static char text[512];
  size_t length = 0;
  for (const struct field *field = fields; field->key && length < sizeof text; field++)
    length += (size_t)snprintf(text + length, sizeof text - length, "%s%s",
                               field == fields ? "" : ", ", field->key);
  return text;
}
