/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

enum { CANNOT_RUN = 126 };

/* The ordinary way; -z, lest odd names are escaped. What it cannot read it leaves out. */
static const char command[] =
    "find \"$@\" -type f -print0 2>/dev/null | xargs -0 -r sha256sum -z 2>/dev/null";

static _Noreturn void run_command(char **folders, const int pipe[2]) {
  size_t count = 0;
  while (folders[count])
    count++;
  char **arguments = calloc(count + 5, sizeof *arguments);
  if (!arguments) err(CANNOT_RUN, "sha256sum");
  char *head[] = {"sh", "-c", (char *)command, "sh"};
  memcpy(arguments, head, sizeof head);
  memcpy(arguments + 4, folders, count * sizeof *folders);
  dup2(pipe[1], STDOUT_FILENO);
  execvp("sh", arguments);
  err(CANNOT_RUN, "sh");
}

static FILE *open_reference(char **folders, pid_t *pid) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0 || (*pid = fork()) < 0) err(1, "sha256sum");
  if (*pid == 0) run_command(folders, ends);
  close(ends[1]);
  return fdopen(ends[0], "r");
}

static void close_reference(FILE *reference, pid_t pid) {
  int status;
  fclose(reference);
  waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) >= CANNOT_RUN) errx(1, "sha256sum did not run");
}

/* The kernel stamps files with a clock that lags by up to a tick. */
static bool changed_since(int64_t then, const char *path) {
  const int64_t tick = 10 * 1000 * 1000;
  struct stat stat;
  if (lstat(path, &stat) < 0) return true;
  return stat.st_ctim.tv_sec * INT64_C(1000000000) + stat.st_ctim.tv_nsec >= then - tick;
}

/* A file that sha256sum names and the demo did not: created meanwhile, or overlooked. */
static void judge_unknown(const struct demo *demo, struct tally *tally, const char *path) {
  if (changed_since(demo->began, path)) {
    tally->changed++;
  } else {
    tally->missing++;
  }
}

/* Read "DIGEST  PATH\0" after another into digests, which are indexed like the paths. */
static void read_reference(const struct demo *demo, struct tally *tally,
                           char (*digests)[DIGEST_SIZE]) {
  enum { PATH_AT = DIGEST_SIZE + 1 };
  pid_t pid;
  FILE *reference = open_reference(demo->folders, &pid);
  char *line = NULL;
  size_t room = 0;
  while (getdelim(&line, &room, '\0', reference) > PATH_AT) {
    size_t task = paths_index(&demo->paths, line + PATH_AT);
    if (task == demo->paths.count) {
      judge_unknown(demo, tally, line + PATH_AT);
    } else {
      memcpy(digests[task], line, DIGEST_SIZE - 1);
      digests[task][DIGEST_SIZE - 1] = '\0';
    }
  }
  free(line);
  close_reference(reference, pid);
}

static void judge(const struct demo *demo, struct tally *tally, const struct outcome *outcome,
                  size_t task, const char *digest) {
  tally->bytes += outcome->bytes;
  if (outcome->results == 0) {
    tally->missing++;
  } else if (outcome->disagrees || strcmp(outcome->digest, digest) != 0) {
    if (changed_since(demo->began, demo->paths.path[task])) {
      tally->changed++;
    } else {
      tally->wrong++;
    }
  }
}

void check(const struct demo *demo, const struct outcome *outcomes, struct tally *tally) {
  size_t count = demo->paths.count;
  char(*digests)[DIGEST_SIZE] = calloc(count + 1, sizeof *digests);
  if (!digests) err(1, "digests");
  for (size_t i = 0; i < count; i++)
    strcpy(digests[i], UNREADABLE);
  read_reference(demo, tally, digests);
  for (size_t i = 0; i < count; i++)
    judge(demo, tally, &outcomes[i], i, digests[i]);
  free(digests);
}
