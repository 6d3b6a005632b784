/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "field.h"

static int no_such_column(const char *option, const char *name) {
  return bad_call("%s %.*s: there is no such column; there are %s", option, (int)strcspn(name, ","),
                  name, field_keys());
}

static int check_columns(const char *columns) {
  for (const char *name = columns;; name++) {
    if (!field_find(name)) return no_such_column("-o", name);
    name += strcspn(name, ",");
    if (*name == '\0') return STATUS_DONE;
  }
}

static const char *sort_key(const char *sort) {
  return sort + (*sort == '-');
}

int report_check(const struct report_options *options) {
  if (!!options->json + !!options->prometheus + !!options->columns > 1)
    return bad_call("only one of --json, --prometheus and -o can be had");
  if (options->sort && !field_find(sort_key(options->sort)))
    return no_such_column("--sort", options->sort);
  if (options->sort && strchr(options->sort, ','))
    return bad_call("--sort %s: only one column can be sorted by", options->sort);
  return options->columns ? check_columns(options->columns) : STATUS_DONE;
}

static int compare(const void *a, const void *b, void *given) {
  const struct snapshot *left = a, *right = b;
  const struct report_options *options = given;
  const struct field *field = field_find(sort_key(options->sort));
  if (left->error || right->error) return !!left->error - !!right->error;
  double l =
      field->kind == FIELD_NAME ? strcmp(left->name, right->name) : field_number(field, left);
  double r = field->kind == FIELD_NAME ? 0 : field_number(field, right);
  int order = (l > r) - (l < r);
  if (*options->sort == '-') order = -order;
  return order ? order : strcmp(left->name, right->name);
}

void report_sort(const struct report_options *options, struct snapshot *snapshots, size_t count) {
  if (!options->sort || count == 0) return;
  union {
    const struct report_options *constant;
    void *given;
  } pointer = {options};
  qsort_r(snapshots, count, sizeof *snapshots, compare, pointer.given);
}

const char *activity_key(enum shmq_activity activity) {
  static const char *const keys[] = {"idle",           "puts",           "gets",
                                     "waits_for_item", "waits_for_room", "waits_for_lease",
                                     "waits_for_join", "waits_for_lock"};
  return keys[activity];
}

const char *inside_key(enum shmq_inside inside) {
  static const char *const keys[] = {NULL, "put", "get"};
  return keys[inside];
}

const char *activity_words(enum shmq_activity activity) {
  static const char *const words[] = {"nothing yet",      "put, last",       "got, last",
                                      "waits for item",   "waits for room",  "waits for lease",
                                      "waits for others", "waits for a lock"};
  return words[activity];
}

const char *inside_words(enum shmq_inside inside) {
  static const char *const words[] = {"-", "in put", "in get"};
  return words[inside];
}
