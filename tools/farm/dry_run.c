/* SPDX-License-Identifier: Apache-2.0 */
/* --dry-run. The queue shows its next item only; to see more of them, they would have to be taken.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../command.h"
#include "arguments.h"
#include "farm.h"

static void print_words(char *const *words) {
  for (int i = 0; words[i]; i++) {
    if (i > 0) putchar(' ');
    print_quoted(stdout, words[i], strlen(words[i]));
  }
  putchar('\n');
}

/* As one would type it. */
static int print_run(const struct plan *plan, const struct shmq_lease *item) {
  if (!plan->substitute) {
    printf("printf %%s ");
    print_quoted(stdout, item->data, item->size);
    printf(" | ");
    print_words((char *const *)plan->command);
    return STATUS_DONE;
  }
  char **words = substitute(plan->command, item, 1);
  if (!words) return bad_call("the next item holds a NUL byte, which no argument can");
  print_words(words);
  free(words);
  return STATUS_DONE;
}

static int print_next(shmq *queue, const struct plan *plan, char *room, size_t size) {
  ssize_t n = shmq_peek(queue, room, size);
  if (n == -EAGAIN || n == -ESHUTDOWN) return STATUS_DONE;
  if (n < 0) return fail(plan->queue, (int)n);
  struct shmq_lease item = {.data = room, .size = (size_t)n < size ? (size_t)n : size};
  int status = print_run(plan, &item);
  uint64_t waiting = shmq_qsize(queue);
  if (status == STATUS_DONE && waiting > 1)
    printf("# and so on, for %" PRIu64 " more\n", waiting - 1);
  return status;
}

int dry_run(shmq *queue, const struct plan *plan) {
  struct shmq_stats stats;
  int error = shmq_stat(queue, &stats);
  if (error) return fail(plan->queue, error);
  char *room = malloc(stats.item_max);
  if (!room) return out_of_memory();
  int status = print_next(queue, plan, room, stats.item_max);
  free(room);
  return status;
}
