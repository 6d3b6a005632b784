/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "shmq.h"

static const struct {
  int code;
  const char *text;
} errors[] = {
    {0, "Success"},
    {EAGAIN, "The queue is empty or full, and the call does not wait"},
    {ETIMEDOUT, "The time is up, and the queue is still empty or full"},
    {ESHUTDOWN, "The queue was shut down"},
    {EMSGSIZE, "The item is larger than the queue's item_max, or than the buffer"},
    {ENOENT, "There is no queue of this name"},
    {EEXIST, "There is a queue of this name already"},
    {EACCES, "No permission, or the queue belongs to somebody else than the caller or root"},
    {EPERM, "The queue was opened for watching only"},
    {EPROTO, "This is not a queue, or one made by another version or kind of machine"},
    {EBADMSG, "The queue's shared memory is damaged"},
    {ENOSPC, "The queue does not fit in the shared-memory file system (/dev/shm)"},
    {EUSERS, "As many processes or threads use the queue as it was made for"},
    {ESTALE, "The lease is no longer held"},
    {EINVAL, "An argument is out of its range, or task_done was called more often than get"},
    {ENAMETOOLONG, "The name is too long"},
};

const char *shmq_strerror(int error) {
  int code = error < 0 && error != INT_MIN ? -error : error;
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
    if (errors[i].code == code) return errors[i].text;
  }
  const char *text = strerrordesc_np(code);
  return text != NULL ? text : "Unknown error";
}
