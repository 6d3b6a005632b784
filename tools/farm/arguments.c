/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool has_place(const char *argument) {
  return strstr(argument, PLACE) != NULL;
}

/* ---- Finding the program ------------------------------------------------------------------------
 */

static int check_program(const char *path) {
  struct stat st;
  if (stat(path, &st) != 0) return errno;
  return S_ISREG(st.st_mode) && access(path, X_OK) == 0 ? 0 : EACCES;
}

static char *join_path(const char *folder, size_t size, const char *name) {
  char *path;
  if (size == 0) return strdup(name); /* an empty entry is the working directory */
  return asprintf(&path, "%.*s/%s", (int)size, folder, name) < 0 ? NULL : path;
}

/* A program that may not be executed says more than one that is not there. */
static char *search(const char *folders, const char *name) {
  int error = ENOENT;
  for (const char *folder = folders;; folder++) {
    size_t size = strcspn(folder, ":");
    char *path = join_path(folder, size, name);
    int found = path ? check_program(path) : ENOMEM;
    if (found == 0) return path;
    if (found == EACCES) error = found;
    free(path);
    folder += size;
    if (*folder == '\0') break;
  }
  errno = error;
  return NULL;
}

char *find_program(const char *name) {
  if (!strchr(name, '/')) {
    const char *folders = getenv("PATH");
    return search(folders ? folders : "/bin:/usr/bin", name);
  }
  errno = check_program(name);
  return errno ? NULL : strdup(name);
}

/* ---- Substitution -------------------------------------------------------------------------------
 */

static size_t count_places(const char *argument) {
  size_t places = 0;
  while ((argument = strstr(argument, PLACE))) {
    places++;
    argument += strlen(PLACE);
  }
  return places;
}

/* How many arguments there will be, and of how many bytes. */
static void measure(const char *const *command, const struct shmq_lease *items, size_t count,
                    size_t *arguments, size_t *bytes) {
  size_t item_bytes = 0;
  for (size_t i = 0; i < count; i++)
    item_bytes += items[i].size;
  *arguments = *bytes = 0;
  for (; *command; command++) {
    size_t places = count_places(*command), copies = places ? count : 1;
    *arguments += copies;
    *bytes += copies * (strlen(*command) + 1) + places * item_bytes;
  }
}

static char *append(char *to, const void *bytes, size_t size) {
  if (size > 0) memcpy(to, bytes, size);
  return to + size;
}

/* Writes the argument with the item in its places; returns where it ends. */
static char *fill(char *to, const char *argument, const struct shmq_lease *item) {
  for (const char *place; (place = strstr(argument, PLACE)); argument = place + strlen(PLACE)) {
    to = append(to, argument, (size_t)(place - argument));
    to = append(to, item->data, item->size);
  }
  return append(to, argument, strlen(argument) + 1);
}

static bool any_nul(const struct shmq_lease *items, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (items[i].size > 0 && memchr(items[i].data, '\0', items[i].size)) return true;
  return false;
}

char **substitute(const char *const *command, const struct shmq_lease *items, size_t count) {
  size_t arguments, bytes;
  if (any_nul(items, count)) return errno = EILSEQ, NULL;
  measure(command, items, count, &arguments, &bytes);
  char **filled = malloc((arguments + 1) * sizeof *filled + bytes), **next = filled;
  if (!filled) return NULL;
  char *text = (char *)(filled + arguments + 1);
  for (; *command; command++) {
    size_t copies = has_place(*command) ? count : 1;
    for (size_t i = 0; i < copies; i++) {
      *next++ = text;
      text = fill(text, *command, &items[i]);
    }
  }
  *next = NULL;
  return filled;
}

/* ---- Quoting ------------------------------------------------------------------------------------
 */

static bool is_plain(char c) {
  return strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%+,-./:=@_", c) &&
         c != '\0';
}

static bool all_plain(const char *word, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (!is_plain(word[i])) return false;
  return size > 0;
}

static bool is_control(char c) {
  return (unsigned char)c < ' ' || c == 0x7f;
}

static bool any_control(const char *word, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (is_control(word[i])) return true;
  return false;
}

/* Within $'...' a backslash means something. */
static void print_escaped(FILE *file, char c) {
  if (is_control(c))
    fprintf(file, "\\%03o", (unsigned char)c);
  else if (c == '\'' || c == '\\')
    fprintf(file, "\\%c", c);
  else
    putc(c, file);
}

static void print_within_quotes(FILE *file, char c) {
  if (c == '\'')
    fputs("'\\''", file);
  else
    putc(c, file);
}

/* $'...' is for what would not stay on the line. */
void print_quoted(FILE *file, const char *word, size_t size) {
  if (all_plain(word, size)) {
    fwrite(word, 1, size, file);
    return;
  }
  bool controls = any_control(word, size);
  fputs(controls ? "$'" : "'", file);
  for (size_t i = 0; i < size; i++)
    (controls ? print_escaped : print_within_quotes)(file, word[i]);
  putc('\'', file);
}
