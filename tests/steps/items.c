/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "steps.h"

/* The number, then bytes that follow from it: an item in pieces is found out. */
static char byte_of(uint64_t number, size_t i) {
  return (char)(number * 31 + i);
}

void item_write(char *data, size_t size, uint64_t number) {
  memcpy(data, &number, sizeof number);
  for (size_t i = sizeof number; i < size; i++)
    data[i] = byte_of(number, i);
}

uint64_t item_read(const void *data, size_t size) {
  const char *bytes = data;
  uint64_t number;
  if (size < sizeof number) return UINT64_MAX;
  memcpy(&number, data, sizeof number);
  for (size_t i = sizeof number; i < size; i++) {
    if (bytes[i] != byte_of(number, i)) return UINT64_MAX;
  }
  return number;
}

int item_put(shmq *queue, uint64_t number, size_t size, shmq_ns timeout) {
  char data[ITEM_MAX];
  item_write(data, size, number);
  return shmq_put(queue, data, size, timeout);
}

void nap(shmq_ns duration) {
  const struct timespec time = {duration / S, duration % S};
  nanosleep(&time, NULL);
}
