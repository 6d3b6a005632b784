/* SPDX-License-Identifier: Apache-2.0 */
/* A user of the installed library: one item in, one item out. */
#include <shmq.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
  char name[64], item[16] = "";
  shmq *queue;
  snprintf(name, sizeof name, "test-user-%d", (int)getpid());
  int error = shmq_create(&queue, name, NULL);
  if (error) return fprintf(stderr, "%s\n", shmq_strerror(error)), 1;
  shmq_put(queue, "hello", 5, SHMQ_FOREVER);
  const ssize_t size = shmq_get(queue, item, sizeof item, SHMQ_FOREVER);
  shmq_close(queue);
  shmq_unlink(name);
  return size == 5 && memcmp(item, "hello", 5) == 0 ? 0 : 1;
}
