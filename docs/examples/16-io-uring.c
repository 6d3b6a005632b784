/* SPDX-License-Identifier: Apache-2.0 */
/* One io_uring for everything: waits for three queues, and the writing of what came from them. */
#include <fcntl.h>
#include <liburing.h>
#include <shmq_uring.h>

#include "example.h"

enum { QUEUES = 3, ITEMS = 1000, LINE = 32 };
enum { LOOK = QUEUES }; /* completions below are about a queue, those above about a line */

static shmq *queues[QUEUES];
static struct io_uring ring;
static int file;
static long end_of_file, in_flight, open_queues = QUEUES;
static struct __kernel_timespec tenth = {.tv_nsec = 100 * MS};

static void put_all(int number) {
  for (int i = 0; i < ITEMS; i++)
    must(shmq_put(queues[number], &i, sizeof i, SHMQ_FOREVER), "put");
  must(shmq_shutdown(queues[number], 0), "shutdown");
}

/* A place in the ring; where all are taken, submit them first. */
static struct io_uring_sqe *request(void) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
  while (sqe == NULL) {
    must(io_uring_submit(&ring), "submit");
    sqe = io_uring_get_sqe(&ring);
  }
  return sqe;
}

static void wait_for(int i) {
  struct io_uring_sqe *sqe = request();
  must(shmq_uring_prep_wait(sqe, queues[i], SHMQ_NOT_EMPTY), "prep_wait");
  io_uring_sqe_set_data64(sqe, (uint64_t)i);
}

static void look_later(void) {
  struct io_uring_sqe *sqe = request();
  io_uring_prep_timeout(sqe, &tenth, 0, 0);
  io_uring_sqe_set_data64(sqe, LOOK);
}

/* The line belongs to the ring until its completion, which carries its address. */
static void write_line(int queue, int number) {
  char *line = malloc(LINE);
  if (!line) err(1, "malloc");
  const int size = snprintf(line, LINE, "queue %d item %d\n", queue, number);
  struct io_uring_sqe *sqe = request();
  io_uring_prep_write(sqe, file, line, (unsigned)size, (uint64_t)end_of_file);
  io_uring_sqe_set_data(sqe, line);
  end_of_file += size;
  in_flight++;
}

static void serve_queue(int i) {
  ssize_t size;
  int number;
  while ((size = shmq_get(queues[i], &number, sizeof number, SHMQ_NOWAIT)) >= 0)
    write_line(i, number);
  if (size == -EAGAIN) {
    wait_for(i);
  } else if (size == -ESHUTDOWN) {
    open_queues--;
  } else {
    must(size, "get");
  }
}

static void look(void) {
  for (int i = 0; i < QUEUES; i++)
    must(shmq_look(queues[i], SHMQ_NOT_EMPTY), "look");
  look_later();
}

static void written(char *line, int result) {
  if (result != (int)strlen(line)) errx(1, "write: %s", result < 0 ? strerror(-result) : "short");
  free(line);
  in_flight--;
}

static void serve(const struct io_uring_cqe *completion) {
  const uint64_t about = completion->user_data;
  if (about == LOOK) {
    look();
  } else if (about > LOOK) {
    written(io_uring_cqe_get_data(completion), completion->res);
  } else if (completion->res == -EINVAL) {
    errx(1, "waiting in a ring needs Linux 6.7");
  } else {
    serve_queue((int)about);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) errx(2, "usage: 16-io-uring FILE");
  file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) err(1, "%s", argv[1]);
  for (int i = 0; i < QUEUES; i++) {
    queues[i] = family_queue(NULL);
    start(put_all, i);
  }
  must(io_uring_queue_init(256, &ring, 0), "io_uring_queue_init");
  for (int i = 0; i < QUEUES; i++)
    wait_for(i);
  look_later();
  while (open_queues > 0 || in_flight > 0) {
    struct io_uring_cqe *completion;
    must(io_uring_submit_and_wait(&ring, 1), "submit_and_wait");
    while (io_uring_peek_cqe(&ring, &completion) == 0) {
      const struct io_uring_cqe copy = {.user_data = completion->user_data, .res = completion->res};
      io_uring_cqe_seen(&ring, completion);
      serve(&copy);
    }
  }
  io_uring_queue_exit(&ring);
  await_all(0);
  printf("%d items of each of %d queues\n", ITEMS, QUEUES);
  return 0;
}
