/* SPDX-License-Identifier: Apache-2.0 */
/* Where there is no fuzzer: feeds the files of the folder argv[1] to the target. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "bytes.h"

static void feed(const char *folder, const char *name) {
  static uint8_t data[1 << 20];
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file) perror(path), exit(1);
  size_t size = fread(data, 1, sizeof data, file);
  fclose(file);
  uint8_t *exact = malloc(size); /* so that AddressSanitizer sees what is read behind its end */
  if (!exact && size > 0) abort();
  if (size > 0) memcpy(exact, data, size);
  printf("%s\n", name);
  fflush(stdout);
  LLVMFuzzerTestOneInput(exact, size);
  free(exact);
}

static int is_file(const struct dirent *entry) {
  return entry->d_name[0] != '.';
}

int main(int argc, char **argv) {
  struct dirent **files;
  int n = argc == 2 ? scandir(argv[1], &files, is_file, alphasort) : -1;
  if (n <= 0) return fprintf(stderr, "usage: %s FOLDER, with files in it\n", argv[0]), 1;
  for (int i = 0; i < n; i++) {
    feed(argv[1], files[i]->d_name);
    free(files[i]);
  }
  free(files);
  return 0;
}
