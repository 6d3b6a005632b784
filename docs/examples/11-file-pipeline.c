/* SPDX-License-Identifier: Apache-2.0 */
/* Three stages joined by queues: one reads lines from the files given as arguments, one changes
   them to capitals, one prints them. Each stage ends the next by shutting its queue down. */
#include <ctype.h>

#include "example.h"

enum { LINE_MAX_BYTES = 4096, WAITING = 16 };

static shmq *lines, *changed;
static char **files;

static void read_file(const char *path) {
  char line[LINE_MAX_BYTES];
  FILE *file = fopen(path, "re");
  if (file == NULL) err(1, "%s", path);
  while (fgets(line, sizeof line, file) != NULL)
    must(shmq_put(lines, line, strlen(line), SHMQ_FOREVER), "put");
  fclose(file);
}

static void read_files(int unused) {
  (void)unused;
  for (char **path = files; *path != NULL; path++)
    read_file(*path);
  must(shmq_shutdown(lines, 0), "shutdown");
}

static void change(int unused) {
  char line[LINE_MAX_BYTES];
  ssize_t size;
  (void)unused;
  while ((size = shmq_get(lines, line, sizeof line, SHMQ_FOREVER)) >= 0) {
    for (ssize_t i = 0; i < size; i++)
      line[i] = (char)toupper((unsigned char)line[i]);
    must(shmq_put(changed, line, (size_t)size, SHMQ_FOREVER), "put");
    must(shmq_task_done(lines), "task_done");
  }
  if (size != -ESHUTDOWN) must(size, "get");
  must(shmq_shutdown(changed, 0), "shutdown");
}

static void print(int unused) {
  char line[LINE_MAX_BYTES];
  ssize_t size;
  (void)unused;
  while ((size = shmq_get(changed, line, sizeof line, SHMQ_FOREVER)) >= 0) {
    fwrite(line, 1, (size_t)size, stdout);
    must(shmq_task_done(changed), "task_done");
  }
  if (size != -ESHUTDOWN) must(size, "get");
}

int main(int argc, char **argv) {
  struct shmq_options options;
  (void)argc;
  shmq_options_init(&options);
  options.maxsize = WAITING; /* a fast stage waits for a slow one */
  lines = family_queue(&options);
  changed = family_queue(&options);
  files = argv + 1;
  start(read_files, 0);
  start(change, 0);
  start(print, 0);
  await_all(0);
  return 0;
}
