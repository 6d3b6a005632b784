/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands share: how a command describes itself, its options, its errors and its exit
   status. */
#ifndef SHMQ_TOOLS_COMMAND_H
#define SHMQ_TOOLS_COMMAND_H

#include <limits.h>
#include <shmq.h>
#include <stdint.h>

/* Promised to scripts; listed in shmq(1). */
enum exit_status {
  STATUS_DONE = 0,
  STATUS_FAILED = 1,
  STATUS_BAD_CALL = 2,
  STATUS_NOT_READY = 3, /* full or empty, after a timeout too */
  STATUS_SHUT_DOWN = 4,
};

enum option_kind {
  OPTION_FLAG,
  OPTION_COUNT,
  OPTION_SIZE,
  OPTION_DURATION,
  OPTION_MODE,
  OPTION_TEXT, /* any text; the same for those that follow, which help shows as what they are */
  OPTION_FILE,
  OPTION_QUEUE,
  OPTION_COLUMN,
  OPTION_COLUMNS,
  OPTION_ADDRESS,
};

struct command_option {
  const char *name; /* without its dashes; NULL: none */
  char letter;      /* 0: none */
  enum option_kind kind;
  void *value;      /* an int64_t, 1 for a flag that is given; a const char * for text */
  int64_t min, max; /* of what is given; max 0: no limit */
  const char *help;
};

#define ANY_NUMBER INT_MAX

struct command {
  const char *name;
  const char *arguments; /* "NAME [ITEM...]", for the usage line */
  const char *summary;   /* one line */
  const char *details;   /* what the options do not say, and an example */
  int min_arguments, max_arguments;
  const struct command_option *options; /* ends with an empty one */
  /* arguments ends with NULL. Returns an exit status, and has said on standard error why it is not
     STATUS_DONE. */
  int (*run)(const char *const *arguments);
};

extern const struct command create_command, ls_command, stat_command, top_command, exporter_command,
    put_command, get_command, peek_command, drain_command, load_command, farm_command,
    shutdown_command, recover_command, rm_command;

/* Reads the options and runs the command. argv[0] is what errors begin with, and help shows. */
int command_run(const struct command *command, int argc, const char **argv);

int show_version(void);

/* What errors begin with until a command runs. */
void set_program(const char *name);
/* One line on standard error, whatever the arguments hold. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same; returns STATUS_BAD_CALL. */
int bad_call(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What a result of the library means to the user of a command, and what to do about it. */
const char *explain(int error);
/* The same for a put, which may have found no room. */
const char *explain_refused(shmq *queue, int error);
int status_of(int error);
/* Says what went wrong with a queue; returns the exit status. */
int fail(const char *queue, int error);
int out_of_memory(void);

/* Opens a queue, or says why not. */
int open_queue(shmq **queue, const char *name);
/* Writes out what was printed; says so if that fails. */
int flush_output(void);

#endif
