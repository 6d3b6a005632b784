/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"

static int64_t timeout = SHMQ_FOREVER, nul, file;

static const struct command_option options[] = {
    {"timeout", 0, OPTION_DURATION, &timeout, 0, 0, "wait so long for room (default: for ever)"},
    {NULL, '0', OPTION_FLAG, &nul, 0, 0, "items on standard input end with a NUL, not a newline"},
    {"file", 0, OPTION_FLAG, &file, 0, 0,
     "each argument names a file that is one item; - is standard input"},
    {0}};

enum { BATCH = 256, READ_SIZE = 1 << 16 };

/* Items on their way into the queue. They are not copied: what they point to stays until flush. */
struct batch {
  shmq *queue;
  const char *name;
  size_t item_max;
  uint64_t put;
  size_t count;
  struct iovec items[BATCH];
};

static const char *plural(uint64_t count) {
  return count == 1 ? "" : "s";
}

static int put_failed(const struct batch *batch, int error) {
  complain("%s: %s (%" PRIu64 " item%s put)", batch->name, explain_refused(batch->queue, error),
           batch->put, plural(batch->put));
  return status_of(error);
}

/* The timeout runs anew whenever something went in: it is over when nothing moves. */
static int flush(struct batch *batch) {
  for (size_t begun = 0; begun < batch->count;) {
    ssize_t n = shmq_put_many(batch->queue, batch->items + begun, batch->count - begun, timeout);
    if (n < 0) return put_failed(batch, (int)n);
    begun += (size_t)n;
    batch->put += (uint64_t)n;
  }
  batch->count = 0;
  return STATUS_DONE;
}

static int too_large(struct batch *batch) {
  int status = flush(batch);
  if (status) return status;
  complain("%s: item %" PRIu64
           " is larger than the %zu bytes allowed; see --item-max of create"
           " (%" PRIu64 " item%s put)",
           batch->name, batch->put + 1, batch->item_max, batch->put, plural(batch->put));
  return STATUS_FAILED;
}

static int add(struct batch *batch, const char *item, size_t size) {
  if (size > batch->item_max) return too_large(batch);
  batch->items[batch->count++] = (struct iovec){(void *)item, size};
  return batch->count == BATCH ? flush(batch) : STATUS_DONE;
}

static int input_failed(struct batch *batch, const char *path) {
  int error = errno;
  int status = flush(batch);
  if (status) return status;
  complain("%s: %s (%" PRIu64 " item%s put)", path, strerror(error), batch->put,
           plural(batch->put));
  return STATUS_FAILED;
}

static int put_arguments(struct batch *batch, const char *const *items) {
  int status = STATUS_DONE;
  for (; *items && status == STATUS_DONE; items++)
    status = add(batch, *items, strlen(*items));
  return status ? status : flush(batch);
}

/* ---- Items from standard input, one a line ------------------------------------------------------
 */

struct input {
  char *text; /* room for the largest item, its end and a read */
  size_t used;
};

/* Adds every item that ends in the fresh bytes, and moves what follows them to the front. */
static int add_whole(struct batch *batch, struct input *input, size_t fresh) {
  char *item = input->text, *stop = item + input->used, *end = stop - fresh;
  while ((end = memchr(end, nul ? '\0' : '\n', (size_t)(stop - end)))) {
    int status = add(batch, item, (size_t)(end - item));
    if (status) return status;
    item = ++end;
  }
  int status = flush(batch);
  input->used = (size_t)(stop - item);
  if (item != input->text) memmove(input->text, item, input->used);
  return status;
}

/* What was read is put before more is read: a slow writer's items are not held up. */
static int put_input(struct batch *batch, struct input *input) {
  ssize_t n;
  while ((n = read(STDIN_FILENO, input->text + input->used, READ_SIZE)) > 0) {
    input->used += (size_t)n;
    int status = add_whole(batch, input, (size_t)n);
    if (status) return status;
    if (input->used > batch->item_max) return too_large(batch);
  }
  if (n < 0) return input_failed(batch, "standard input");
  int status = input->used ? add(batch, input->text, input->used) : STATUS_DONE;
  return status ? status : flush(batch);
}

/* ---- Items from files ---------------------------------------------------------------------------
 */

/* Reads up to size bytes; returns how many, or -1. */
static ssize_t read_all(int fd, char *buffer, size_t size) {
  size_t used = 0;
  while (used < size) {
    ssize_t n = read(fd, buffer + used, size - used);
    if (n < 0) return -1;
    if (n == 0) break;
    used += (size_t)n;
  }
  return (ssize_t)used;
}

/* One byte more than an item may have tells a file that is too large. */
static int put_file(struct batch *batch, const char *path, char *buffer) {
  bool standard_input = strcmp(path, "-") == 0;
  int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return input_failed(batch, path);
  ssize_t size = read_all(fd, buffer, batch->item_max + 1);
  int status = size < 0 ? input_failed(batch, path) : add(batch, buffer, (size_t)size);
  if (!standard_input) close(fd);
  return status ? status : flush(batch);
}

static int put_files(struct batch *batch, const char *const *paths, char *buffer) {
  int status = STATUS_DONE;
  for (; *paths && status == STATUS_DONE; paths++)
    status = put_file(batch, *paths, buffer);
  return status;
}

/* ---- The command --------------------------------------------------------------------------------
 */

static int put_items(struct batch *batch, const char *const *items) {
  if (*items && !file) return put_arguments(batch, items);
  struct input input = {.text = malloc(batch->item_max + 1 + READ_SIZE)};
  if (!input.text) return out_of_memory();
  int status = file ? put_files(batch, items, input.text) : put_input(batch, &input);
  free(input.text);
  return status;
}

static int open_and_put(const char *name, const char *const *items) {
  struct batch batch = {.name = name};
  struct shmq_stats stats;
  int status = open_queue(&batch.queue, name);
  if (status) return status;
  int error = shmq_stat(batch.queue, &stats);
  batch.item_max = stats.item_max;
  status = error ? fail(name, error) : put_items(&batch, items);
  shmq_close(batch.queue);
  return status;
}

static int run(const char *const *arguments) {
  const char *const *items = arguments + 1;
  if (file && !*items) return bad_call("--file: no file is named; - is standard input");
  if (nul && *items) return bad_call("-0: only for items from standard input; leave it out");
  return open_and_put(arguments[0], items);
}

const struct command put_command = {
    .name = "put",
    .arguments = "NAME [ITEM...] [OPTION...]",
    .summary = "Put items into a queue: the arguments, or else each line of standard input.",
    .details =
        "An item that begins with a dash comes after --.\n"
        "Example: find . -type f -print0 | shmq put tasks -0 --timeout 10s\n",
    .min_arguments = 1,
    .max_arguments = ANY_NUMBER,
    .options = options,
    .run = run,
};
