/* SPDX-License-Identifier: Apache-2.0 */
/* A line for each queue. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "field.h"
#include "report.h"

/* The next column, or NULL. Moves *columns past it. */
static const struct field *next_column(const char **columns) {
  if (**columns == '\0') return NULL;
  const struct field *field = field_find(*columns);
  *columns += strcspn(*columns, ",");
  if (**columns == ',') ++*columns;
  return field;
}

/* What stands in a column, in text, or elsewhere. */
static const char *cell_of(char text[UNITS_TEXT_MAX], const struct field *field,
                           const struct snapshot *snapshot) {
  if (field->kind == FIELD_NAME) return snapshot->name;
  field_format(text, field, snapshot);
  return text;
}

static int larger(int a, int b) {
  return a > b ? a : b;
}

static int width_of(const struct field *field, const struct snapshot *snapshots, size_t count) {
  char text[UNITS_TEXT_MAX];
  bool is_name = field->kind == FIELD_NAME;
  int width = (int)strlen(field->heading);
  for (size_t i = 0; i < count; i++)
    if (is_name || !snapshots[i].error)
      width = larger(width, (int)strlen(cell_of(text, field, &snapshots[i])));
  return width;
}

/* Names to the left, without blanks at the end of a line; numbers to the right. */
static void print_cell(const struct field *field, const char *text, int width, bool last) {
  if (field->kind == FIELD_NAME) width = last ? 0 : -width;
  printf("%*s%s", width, text, last ? "\n" : "  ");
}

static void print_columns(const char *columns, const struct snapshot *snapshots, size_t count,
                          const struct snapshot *snapshot) {
  char text[UNITS_TEXT_MAX];
  const struct field *field;
  while ((field = next_column(&columns)) != NULL)
    print_cell(field, snapshot ? cell_of(text, field, snapshot) : field->heading,
               width_of(field, snapshots, count), *columns == '\0');
}

void print_table(const char *columns, const struct snapshot *snapshots, size_t count) {
  print_columns(columns, snapshots, count, NULL);
  for (size_t i = 0; i < count; i++) {
    if (snapshots[i].error)
      printf("%s cannot be read: %s\n", snapshots[i].name, shmq_strerror(snapshots[i].error));
    else
      print_columns(columns, snapshots, count, &snapshots[i]);
  }
}
