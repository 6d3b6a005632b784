/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

static int64_t capacity, maxsize, item_max, max_leases, max_attempts, lease_timeout, mode = -1;
static int64_t if_missing;

#define GIB (INT64_C(1) << 30)

static const struct command_option options[] = {
    {"capacity", 0, OPTION_SIZE, &capacity, 1, 8 * GIB, "room for waiting items (default 1M)"},
    {"maxsize", 0, OPTION_COUNT, &maxsize, 0, 0,
     "items that may wait (default 0: as many as there is room for)"},
    {"item-max", 0, OPTION_SIZE, &item_max, 1, GIB, "the largest item (default 4K)"},
    {"max-leases", 0, OPTION_COUNT, &max_leases, 1, 65536,
     "items in hand at one time (default 256)"},
    {"max-attempts", 0, OPTION_COUNT, &max_attempts, 0, 4094,
     "deliveries before an item goes to NAME.dead (default 0: no limit)"},
    {"lease-timeout", 0, OPTION_DURATION, &lease_timeout, 0, 0,
     "a lease not renewed for so long ends (default 0: it lasts as long as its process)"},
    {"mode", 0, OPTION_MODE, &mode, 0, 0777, "permissions, whatever the umask (default 0600)"},
    {"if-missing", 0, OPTION_FLAG, &if_missing, 0, 0, "do nothing if the queue is there already"},
    {0}};

static struct shmq_options wanted(void) {
  struct shmq_options made;
  shmq_options_init(&made);
  if (capacity) made.capacity = (size_t)capacity;
  if (item_max) made.item_max = (size_t)item_max;
  if (max_leases) made.max_leases = (uint32_t)max_leases;
  if (mode >= 0) made.mode = (mode_t)mode;
  made.maxsize = (uint64_t)maxsize;
  made.max_attempts = (uint32_t)max_attempts;
  made.lease_timeout = lease_timeout;
  return made;
}

static int run(const char *const *arguments) {
  struct shmq_options made = wanted();
  int (*create)(shmq **, const char *, const struct shmq_options *) =
      if_missing ? shmq_open_or_create : shmq_create;
  shmq *queue;
  int error = create(&queue, arguments[0], &made);
  if (error) return fail(arguments[0], error);
  return shmq_close(queue);
}

const struct command create_command = {
    .name = "create",
    .arguments = "NAME [OPTION...]",
    .summary = "Make a queue. All its memory is reserved at once.",
    .details = "Example: shmq create tasks --maxsize 1000 --item-max 64K --if-missing\n",
    .min_arguments = 1,
    .max_arguments = 1,
    .options = options,
    .run = run,
};
