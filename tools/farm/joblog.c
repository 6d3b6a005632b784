/* SPDX-License-Identifier: Apache-2.0 */
#include "joblog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../command.h"
#include "arguments.h"

#define HEADER "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"

int joblog_open(const char *path) {
  struct stat st;
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return -1;
  if (fstat(fd, &st) == 0 && st.st_size == 0) (void)!write(fd, HEADER, strlen(HEADER));
  return fd;
}

static void print_command(FILE *line, const struct farm *farm, const struct task *task) {
  char **filled = substitute(farm->plan.command, task->items, task->count);
  char *const *arguments = filled ? filled : (char *const *)farm->plan.command;
  for (int i = 0; arguments[i]; i++) {
    if (i > 0) putc(' ', line);
    print_quoted(line, arguments[i], strlen(arguments[i]));
  }
  free(filled);
}

/* What a shell says of a command that it could not run. */
#define NOT_RUN 127

static int exit_value(const struct run *run) {
  if (run->why) return NOT_RUN;
  return WIFEXITED(run->status) ? WEXITSTATUS(run->status) : 0;
}

static int end_signal(const struct run *run) {
  return !run->why && WIFSIGNALED(run->status) ? WTERMSIG(run->status) : 0;
}

static void print_run(FILE *line, const struct farm *farm, const struct task *task,
                      const struct run *run, size_t received) {
  fprintf(line, "%" PRIu64 "\t:\t%.3f\t%10.3f\t%zu\t%zu\t%d\t%d\t", task->items[0].id + 1,
          run->began, run->seconds, run->sent, received, exit_value(run), end_signal(run));
  print_command(line, farm, task);
  putc('\n', line);
}

/* One write for a line: so lines of several workers, and of several farms, stay whole. */
void joblog_write(const struct farm *farm, const struct task *task, const struct run *run,
                  size_t received) {
  char *text = NULL;
  size_t size = 0;
  FILE *line = open_memstream(&text, &size);
  if (line) {
    print_run(line, farm, task, run, received);
    fclose(line);
  }
  ssize_t written = line ? write(farm->joblog, text, size) : -1;
  int error = errno;
  free(text);
  if (written != (ssize_t)size)
    worker_fail(farm, STATUS_FAILED, "%s: %s", farm->plan.joblog,
                strerror(written < 0 ? error : ENOSPC));
}
