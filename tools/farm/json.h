/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHMQ_TOOLS_FARM_JSON_H
#define SHMQ_TOOLS_FARM_JSON_H

#include <jansson.h>

/*
 * Sets key to the bytes where they are text: UTF-8 without control characters but tab, newline and
 * carriage return. Else sets key_base64. Either way at most twice as long as the bytes, and 2.
 */
void set_bytes(json_t *object, const char *key, const char *bytes, size_t size);

/* Sets "exit" and "signal" from a status as of waitpid(2). One of them is null; both, where there
   is no status. */
void set_status(json_t *object, const int *status);

/* One line, without its newline; free it. */
char *to_line(const json_t *object, size_t *size);

#endif
