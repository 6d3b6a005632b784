/* SPDX-License-Identifier: Apache-2.0 */
/* What people write on a command line: numbers, names, arguments with {} in them. */
#include "units.h"

#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"
#include "farm/arguments.h"
#include "shmq.h"

static void require(bool good) {
  if (!good) abort();
}

/* What is written reads as the same number again. */
static void exact(const char *text, int (*parse)(const char *, int64_t *),
                  void (*format)(char *, int64_t)) {
  char again[UNITS_TEXT_MAX];
  int64_t first, second;
  if (parse(text, &first) != 0) return;
  format(again, first);
  require(first >= 0 && parse(again, &second) == 0 && second == first);
}

static void size_is_near(const char *text) {
  char again[UNITS_TEXT_MAX];
  int64_t bytes;
  if (parse_size(text, &bytes) != 0) return;
  require(bytes >= 0);
  format_size(again, bytes);
}

/* Opens nothing but a queue; watching changes nothing. */
static void name_is_refused_or_found(const char *name) {
  shmq *queue;
  if (shmq_open_readonly(&queue, name) == 0) shmq_close(queue);
}

static void argument(const char *text, const uint8_t *data, size_t size) {
  const char *const command[] = {"command", text, NULL};
  const struct shmq_lease items[] = {{.data = data, .size = size},
                                     {.data = data, .size = size / 2}};
  free(substitute(command, items, 2));
  static FILE *nowhere;
  if (!nowhere) nowhere = fopen("/dev/null", "w");
  require(nowhere != NULL);
  print_quoted(nowhere, (const char *)data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  require(text != NULL);
  if (size > 0) memcpy(text, data, size);
  text[size] = '\0';
  exact(text, parse_count, format_count);
  exact(text, parse_duration, format_duration);
  exact(text, parse_mode, format_mode);
  size_is_near(text);
  name_is_refused_or_found(text);
  argument(text, data, size);
  free(text);
  return 0;
}
