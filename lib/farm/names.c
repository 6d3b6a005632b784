/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "os/clock.h"

#define DIRECTORY "/dev/shm"
#define PREFIX    "shmq." /* of the files of queues */
#define RESULTS   "%s.results-%" PRIu32 "-%016" PRIx64

struct farm_name results_name(const char *farm, const struct submitter_id *id) {
  struct farm_name name;
  snprintf(name.text, sizeof name.text, RESULTS, farm, id->pid, id->key);
  return name;
}

struct farm_name board_path(const char *farm, const struct submitter_id *id) {
  struct farm_name path;
  snprintf(path.text, sizeof path.text, DIRECTORY "/shmq-farm." RESULTS, farm, id->pid, id->key);
  return path;
}

struct submitter_id submitter_id_new(void) {
  struct submitter_id id = {.pid = (uint32_t)getpid()};
  if (getrandom(&id.key, sizeof id.key, GRND_NONBLOCK) != sizeof id.key) {
    id.key = (uint64_t)clock_now();
  }
  return id;
}

bool submitter_lives(shmq *results, const struct submitter_id *id) {
  struct shmq_process *all = NULL;
  const ssize_t n = shmq_processes(results, NULL, 0);
  if (n > 0) all = calloc((size_t)n, sizeof *all);
  if (all == NULL) return n != 0; /* cannot tell: it may */
  const ssize_t listed = shmq_processes(results, all, (size_t)n);
  bool lives = false;
  for (ssize_t i = 0; i < listed && i < n; i++)
    lives |= all[i].alive && all[i].pid == (pid_t)id->pid;
  free(all);
  return lives;
}

static void remove_if_left(const char *farm, const struct submitter_id *id) {
  shmq *results;
  const struct farm_name name = results_name(farm, id), board = board_path(farm, id);
  if (shmq_open_readonly(&results, name.text) != 0) return;
  const bool left = !submitter_lives(results, id);
  shmq_close(results);
  if (!left) return;
  unlink(board.text);
  shmq_unlink(name.text);
}

/* Reads the end of NAME.results-PID-KEY. */
static bool id_parse(const char *file, const char *farm, struct submitter_id *id) {
  const size_t length = strlen(farm);
  if (strncmp(file, PREFIX, strlen(PREFIX)) != 0) return false;
  file += strlen(PREFIX);
  if (strncmp(file, farm, length) != 0) return false;
  return sscanf(file + length, ".results-%" SCNu32 "-%" SCNx64, &id->pid, &id->key) == 2;
}

void leftovers_remove(const char *farm) {
  struct submitter_id id;
  DIR *directory = opendir(DIRECTORY);
  if (directory == NULL) return;
  for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (id_parse(entry->d_name, farm, &id)) remove_if_left(farm, &id);
  }
  closedir(directory);
}
