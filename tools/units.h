/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people write them on a command line. The readers are strict: the whole text, or none
   of it. They return 0, -EINVAL for what is no such number, -ERANGE for one too large. */
#ifndef SHMQ_TOOLS_UNITS_H
#define SHMQ_TOOLS_UNITS_H

#include <stdint.h>

/* Room for any number in units, with its NUL. */
#define UNITS_TEXT_MAX 32

int parse_count(const char *text, int64_t *count);
/* Bytes: 4096, 4K, 1M, 2G. */
int parse_size(const char *text, int64_t *bytes);
/* Nanoseconds: 500ms, 1.5s, 2h; 0 needs no unit. */
int parse_duration(const char *text, int64_t *ns);
/* Permissions, in octal: 600, 0640. */
int parse_mode(const char *text, int64_t *mode);

void format_count(char text[UNITS_TEXT_MAX], int64_t count);
/* To one decimal, in the largest unit that gives at least 1. */
void format_size(char text[UNITS_TEXT_MAX], int64_t bytes);
/* Exactly, in the largest unit that can. */
void format_duration(char text[UNITS_TEXT_MAX], int64_t ns);
/* To two places, such as 12.3s and 5m12s, from a millisecond on. */
void format_age(char text[UNITS_TEXT_MAX], int64_t ns);
void format_mode(char text[UNITS_TEXT_MAX], int64_t mode);

#endif
