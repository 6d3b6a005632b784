/* SPDX-License-Identifier: Apache-2.0 */
/* shmq COMMAND, and shmq-stat, which is shmq stat. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "command.h"

static const struct command *const commands[] = {
    &create_command, &ls_command,       &stat_command,    &top_command,   &exporter_command,
    &put_command,    &get_command,      &peek_command,    &drain_command, &load_command,
    &farm_command,   &shutdown_command, &recover_command, &rm_command,
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static bool is(const char *text, const char *name) {
  return text && strcmp(text, name) == 0;
}

static const struct command *find_command(const char *name) {
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    if (is(name, commands[i]->name)) return commands[i];
  return NULL;
}

static int show_commands(void) {
  printf("Usage: shmq COMMAND [ARGUMENT...]\n\nQueues in shared memory, for processes.\n\n");
  for (size_t i = 0; i < COMMAND_COUNT; i++)
    printf("  %-9s  %s\n", commands[i]->name, commands[i]->summary);
  printf(
      "\n'shmq COMMAND --help' says more about each; 'man 7 shmq' about the ideas.\n"
      "Example: shmq create tasks && ls | shmq put tasks && shmq get tasks\n");
  return STATUS_DONE;
}

/* How many letters two words have in common from the front and, after that, from the back. */
static size_t likeness(const char *a, const char *b) {
  size_t front = 0, back = 0, a_size = strlen(a), b_size = strlen(b);
  while (a[front] && a[front] == b[front])
    front++;
  while (back < a_size - front && back < b_size - front &&
         a[a_size - 1 - back] == b[b_size - 1 - back])
    back++;
  return front + back;
}

/* The command that was probably meant: all but two letters agree. */
static const char *guess(const char *name) {
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    size_t like = likeness(name, commands[i]->name);
    if (like && like + 2 >= strlen(name) && like + 2 >= strlen(commands[i]->name))
      return commands[i]->name;
  }
  return NULL;
}

static int unknown_command(const char *name) {
  const char *meant = guess(name);
  if (meant) return bad_call("'%s' is no command; did you mean '%s'?", name, meant);
  return bad_call("'%s' is no command; 'shmq --help' lists them", name);
}

/* Runs a command under a name of two words, which errors show to the end, and help. */
static int run_command(const struct command *command, int argc, const char **argv) {
  static char program[32];
  snprintf(program, sizeof program, "shmq %s", command->name);
  argv[0] = program;
  return command_run(command, argc, argv);
}

static int show_help(const char *name) {
  if (!name) return show_commands();
  const struct command *command = find_command(name);
  const char *arguments[] = {name, "--help", NULL};
  return command ? run_command(command, 2, arguments) : unknown_command(name);
}

static int dispatch(int argc, const char **argv) {
  const char *word = argc > 1 ? argv[1] : NULL;
  if (!word) return bad_call("no command is given; 'shmq --help' lists them");
  if (is(word, "--help") || is(word, "-h")) return show_commands();
  if (is(word, "help")) return show_help(argv[2]);
  if (is(word, "--version")) return show_version();
  const struct command *command = find_command(word);
  return command ? run_command(command, argc - 1, argv + 1) : unknown_command(word);
}

/* A broken pipe is an error to report, and an item to give back; not the end of the process. */
int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  const char **arguments = (const char **)argv;
  bool is_stat = is(program_invocation_short_name, "shmq-stat");
  if (is_stat) arguments[0] = program_invocation_short_name;
  int status = is_stat ? command_run(&stat_command, argc, arguments) : dispatch(argc, arguments);
  return status == STATUS_DONE ? flush_output() : status;
}
