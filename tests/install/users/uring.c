/* SPDX-License-Identifier: Apache-2.0 */
/* A user of the installed library for main loops: poll says that an item is there. */
#include <poll.h>
#include <shmq_uring.h>
#include <stdio.h>
#include <unistd.h>

int main(void) {
  char name[64], item[16];
  shmq *queue;
  snprintf(name, sizeof name, "test-user-%d", (int)getpid());
  int error = shmq_create(&queue, name, NULL);
  if (error) return fprintf(stderr, "%s\n", shmq_strerror(error)), 1;
  shmq_unlink(name);
  struct pollfd p = {.fd = shmq_event_fd(queue, SHMQ_NOT_EMPTY), .events = POLLIN};
  if (p.fd < 0) return fprintf(stderr, "%s\n", shmq_strerror(p.fd)), 1;
  shmq_event_clear(p.fd);
  shmq_put(queue, "hello", 5, SHMQ_FOREVER);
  const int ready = poll(&p, 1, 10000);
  const ssize_t size = shmq_get(queue, item, sizeof item, SHMQ_NOWAIT);
  shmq_event_close(p.fd);
  shmq_close(queue);
  return ready == 1 && size == 5 ? 0 : 1;
}
