/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static bool is_text_byte(unsigned char byte) {
  return byte >= ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* NULL where the bytes are no text; whether they are UTF-8, the library says. */
static json_t *text(const char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (!is_text_byte((unsigned char)bytes[i])) return NULL;
  return json_stringn(bytes, size);
}

static json_t *base64(const char *bytes, size_t size) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t used = 0;
  char *encoded = malloc((size + 2) / 3 * 4);
  if (!encoded) return NULL;
  for (size_t i = 0; i < size; i += 3) {
    unsigned char group[3] = {0};
    size_t n = size - i < 3 ? size - i : 3;
    memcpy(group, bytes + i, n);
    encoded[used++] = digits[group[0] >> 2];
    encoded[used++] = digits[(group[0] & 3) << 4 | group[1] >> 4];
    encoded[used++] = n > 1 ? digits[(group[1] & 15) << 2 | group[2] >> 6] : '=';
    encoded[used++] = n > 2 ? digits[group[2] & 63] : '=';
  }
  json_t *string = json_stringn_nocheck(encoded, used);
  free(encoded);
  return string;
}

void set_bytes(json_t *object, const char *key, const char *bytes, size_t size) {
  char other_key[64];
  json_t *string = text(bytes, size);
  snprintf(other_key, sizeof other_key, "%s_base64", key);
  if (string)
    json_object_set_new(object, key, string);
  else
    json_object_set_new(object, other_key, base64(bytes, size));
}

void set_status(json_t *object, const int *status) {
  json_t *code = json_null(), *signal = json_null();
  if (status && WIFEXITED(*status)) code = json_integer(WEXITSTATUS(*status));
  if (status && WIFSIGNALED(*status)) signal = json_integer(WTERMSIG(*status));
  json_object_set_new(object, "exit", code);
  json_object_set_new(object, "signal", signal);
}

char *to_line(const json_t *object, size_t *size) {
  char *line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
  if (line) *size = strlen(line);
  return line;
}
