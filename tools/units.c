/* SPDX-License-Identifier: Apache-2.0 */
#include "units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct unit {
  const char *suffix;
  int64_t factor;
};

/* Each list goes from the smallest to the largest, and ends with an empty line. */
static const struct unit sizes[] = {
    {"", 1}, {"K", INT64_C(1) << 10}, {"M", INT64_C(1) << 20}, {"G", INT64_C(1) << 30}, {NULL, 0}};
static const struct unit durations[] = {{"ns", 1},
                                        {"us", 1000},
                                        {"ms", 1000000},
                                        {"s", INT64_C(1000000000)},
                                        {"m", INT64_C(60000000000)},
                                        {"h", INT64_C(3600000000000)},
                                        {NULL, 0}};

static bool is_digit(char c, int base) {
  return c >= '0' && c < '0' + base;
}

/* Reads the digits at *text and moves past them. */
static int read_digits(const char **text, int base, int64_t *value) {
  if (!is_digit(**text, base)) return -EINVAL;
  for (*value = 0; is_digit(**text, base); ++*text)
    if (__builtin_mul_overflow(*value, base, value) ||
        __builtin_add_overflow(*value, **text - '0', value))
      return -ERANGE;
  return 0;
}

static int read_whole(const char *text, int base, int64_t *value) {
  int error = read_digits(&text, base, value);
  if (error) return error;
  return *text == '\0' ? 0 : -EINVAL;
}

/* The factor of a suffix; 0: there is no such unit. */
static int64_t factor_of(const struct unit *unit, const char *suffix) {
  while (unit->suffix && strcmp(unit->suffix, suffix) != 0)
    unit++;
  return unit->factor;
}

/* The worth of the digits after a decimal point; what is below 1 is dropped. */
static int64_t fraction_of(const char *digits, int64_t factor) {
  int64_t sum = 0;
  for (; is_digit(*digits, 10); digits++)
    sum += (*digits - '0') * (factor /= 10);
  return sum;
}

int parse_count(const char *text, int64_t *count) {
  return read_whole(text, 10, count);
}

int parse_mode(const char *text, int64_t *mode) {
  return read_whole(text, 8, mode);
}

int parse_size(const char *text, int64_t *bytes) {
  int error = read_digits(&text, 10, bytes);
  if (error) return error;
  int64_t factor = factor_of(sizes, text);
  if (factor == 0) return -EINVAL;
  return __builtin_mul_overflow(*bytes, factor, bytes) ? -ERANGE : 0;
}

int parse_duration(const char *text, int64_t *ns) {
  int error = read_digits(&text, 10, ns);
  if (error) return error;
  if (*ns == 0 && *text == '\0') return 0;
  const char *fraction = "";
  if (*text == '.') {
    fraction = ++text;
    text += strspn(text, "0123456789");
    if (text == fraction) return -EINVAL;
  }
  int64_t factor = factor_of(durations, text);
  if (factor == 0) return -EINVAL;
  bool overflow = __builtin_mul_overflow(*ns, factor, ns) ||
                  __builtin_add_overflow(*ns, fraction_of(fraction, factor), ns);
  return overflow ? -ERANGE : 0;
}

void format_count(char text[UNITS_TEXT_MAX], int64_t count) {
  snprintf(text, UNITS_TEXT_MAX, "%" PRId64, count);
}

void format_mode(char text[UNITS_TEXT_MAX], int64_t mode) {
  snprintf(text, UNITS_TEXT_MAX, "%04" PRIo64, (uint64_t)mode);
}

void format_size(char text[UNITS_TEXT_MAX], int64_t bytes) {
  const struct unit *unit = sizes;
  while (unit[1].suffix && bytes >= unit[1].factor)
    unit++;
  int decimals = bytes % unit->factor ? 1 : 0;
  snprintf(text, UNITS_TEXT_MAX, "%.*f%s", decimals, (double)bytes / (double)unit->factor,
           unit->suffix);
}

void format_duration(char text[UNITS_TEXT_MAX], int64_t ns) {
  const struct unit *unit = durations;
  while (unit[1].suffix && ns >= unit[1].factor && ns % unit[1].factor == 0)
    unit++;
  snprintf(text, UNITS_TEXT_MAX, "%" PRId64 "%s", ns / unit->factor, unit->suffix);
}

void format_age(char text[UNITS_TEXT_MAX], int64_t ns) {
  int64_t ms = ns / 1000000, s = ms / 1000;
  const struct {
    int64_t limit, whole, part;
    const char *format;
  } steps[] = {{1000, ms, 0, "%" PRId64 "ms"},
               {60000, s, ms / 100 % 10, "%" PRId64 ".%" PRId64 "s"},
               {3600000, s / 60, s % 60, "%" PRId64 "m%02" PRId64 "s"},
               {86400000, s / 3600, s / 60 % 60, "%" PRId64 "h%02" PRId64 "m"},
               {INT64_MAX, s / 86400, s / 3600 % 24, "%" PRId64 "d%02" PRId64 "h"}};
  size_t i = 0;
  while (ms >= steps[i].limit)
    i++;
  snprintf(text, UNITS_TEXT_MAX, steps[i].format, steps[i].whole, steps[i].part);
}
