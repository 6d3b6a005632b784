/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a queue: one list for columns, JSON and Prometheus. */
#ifndef SHMQ_TOOLS_FIELD_H
#define SHMQ_TOOLS_FIELD_H

#include <stddef.h>

#include "snapshot.h"
#include "units.h"

enum field_kind {
  FIELD_NAME,
  FIELD_COUNT,
  FIELD_LIMIT, /* a count; 0: none */
  FIELD_BYTES,
  FIELD_TIME, /* ns; 0: there is none */
  FIELD_FLAG,
  FIELD_RATE, /* negative: unknown */
};

struct field {
  const char *key; /* in JSON, and with -o and --sort */
  const char *heading;
  enum field_kind kind;
  size_t offset, size; /* in struct snapshot */
  const char *metric;  /* the rest is for Prometheus; NULL: none */
  const char *type, *help;
};

/* Ends with an empty one. */
extern const struct field fields[];

/* NULL: there is none of this name, which ends where the text ends or a comma stands. */
const struct field *field_find(const char *name);

/* The field as a number, for comparing and for Prometheus; times in seconds. */
double field_number(const struct field *field, const struct snapshot *snapshot);
uint64_t field_whole(const struct field *field, const struct snapshot *snapshot);

/* For people. */
void field_format(char text[UNITS_TEXT_MAX], const struct field *field,
                  const struct snapshot *snapshot);

/* All the keys there are, for an error. Static memory. */
const char *field_keys(void);

#endif
