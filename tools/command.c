/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <ctype.h>
#include <errno.h>
#include <popt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units.h"

/* ---- Errors -------------------------------------------------------------------------------------
 */

static const char *program = "shmq";

void set_program(const char *name) {
  program = name;
}

/* A name with a newline or an escape sequence in it must not look like more lines than one. */
static void print_line(char *line) {
  for (char *c = line; *c; c++)
    if (iscntrl((unsigned char)*c)) *c = '?';
  fprintf(stderr, "%s: %s\n", program, line);
}

static void complain_v(const char *format, va_list arguments) {
  char *line;
  if (vasprintf(&line, format, arguments) < 0) return;
  print_line(line);
  free(line);
}

void complain(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  complain_v(format, arguments);
  va_end(arguments);
}

int bad_call(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  complain_v(format, arguments);
  va_end(arguments);
  return STATUS_BAD_CALL;
}

static const struct meaning {
  int error;
  enum exit_status status;
  const char *text; /* NULL: the library's own */
} meanings[] = {
    {-EINVAL, STATUS_BAD_CALL,
     "not a queue's name; those are 1 to 200 of A-Z a-z 0-9 . _ -, not beginning with a dot"},
    {-ENAMETOOLONG, STATUS_BAD_CALL, "too long for a queue's name; 200 characters are allowed"},
    {-ENOENT, STATUS_FAILED,
     "there is no such queue; 'shmq ls' shows those there are, 'shmq create' makes one"},
    {-EEXIST, STATUS_FAILED, "there is such a queue already; --if-missing accepts it"},
    {-EACCES, STATUS_FAILED, "no permission, or another user's queue; see 'ls -l /dev/shm'"},
    {-EPROTO, STATUS_FAILED,
     "not a queue, or one of another version of shmq; 'shmq rm --force' removes it"},
    {-EBADMSG, STATUS_FAILED, "the queue is damaged; 'shmq rm --force' removes it"},
    {-ENOSPC, STATUS_FAILED,
     "it does not fit in shared memory; take a smaller --capacity, or see 'df /dev/shm'"},
    {-EUSERS, STATUS_FAILED,
     "no place for one more process or thread; 'shmq stat' shows who is attached"},
    {-ESTALE, STATUS_FAILED,
     "the lease ran out meanwhile, the item is delivered again; see --lease-timeout of create"},
    {-EAGAIN, STATUS_NOT_READY, NULL},
    {-ETIMEDOUT, STATUS_NOT_READY, NULL},
    {-ESHUTDOWN, STATUS_SHUT_DOWN, "the queue is shut down; 'shmq rm' and 'create' begin anew"},
    {0, STATUS_FAILED, NULL},
};

static const struct meaning *meaning_of(int error) {
  const struct meaning *meaning = meanings;
  while (meaning->error && meaning->error != error)
    meaning++;
  return meaning;
}

const char *explain(int error) {
  const char *text = meaning_of(error)->text;
  return text ? text : shmq_strerror(error);
}

const char *explain_refused(shmq *queue, int error) {
  if (status_of(error) != STATUS_NOT_READY) return explain(error);
  if (shmq_full(queue)) return "the queue is full; get some items out, or wait longer (--timeout)";
  return "nothing could be put in time, though there is room now; try again";
}

int status_of(int error) {
  return meaning_of(error)->status;
}

int fail(const char *queue, int error) {
  complain("%s: %s", queue, explain(error));
  return status_of(error);
}

int out_of_memory(void) {
  complain("out of memory");
  return STATUS_FAILED;
}

int open_queue(shmq **queue, const char *name) {
  int error = shmq_open(queue, name);
  return error ? fail(name, error) : STATUS_DONE;
}

int flush_output(void) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return STATUS_DONE;
  complain("standard output: %s", strerror(errno));
  return STATUS_FAILED;
}

/* ---- Options ------------------------------------------------------------------------------------
 */

static const struct kind {
  const char *placeholder, *expected;
  int (*parse)(const char *, int64_t *);
  void (*format)(char *, int64_t);
} kinds[] = {
    [OPTION_FLAG] = {NULL, NULL, NULL, NULL},
    [OPTION_COUNT] = {"N", "expected a whole number", parse_count, format_count},
    [OPTION_SIZE] = {"SIZE", "expected a size such as 4096, 64K, 1M or 2G", parse_size,
                     format_size},
    [OPTION_DURATION] = {"TIME", "expected a time such as 500ms, 1.5s or 2m (ns, us, ms, s, m, h)",
                         parse_duration, format_duration},
    [OPTION_MODE] = {"MODE", "expected permissions in octal, such as 0640", parse_mode,
                     format_mode},
    [OPTION_TEXT] = {"TEXT", NULL, NULL, NULL},
    [OPTION_FILE] = {"FILE", NULL, NULL, NULL},
    [OPTION_QUEUE] = {"QUEUE", NULL, NULL, NULL},
    [OPTION_COLUMN] = {"COLUMN", NULL, NULL, NULL},
    [OPTION_COLUMNS] = {"COLUMNS", NULL, NULL, NULL},
    [OPTION_ADDRESS] = {"ADDRESS:PORT", NULL, NULL, NULL},
};

enum { OPTION_HELP = 1, OPTION_VERSION, OPTION_FIRST, OPTIONS_MAX = 32 };

/* What popt gives back for an option is its place in the command's list. */
static void fill_table(struct poptOption *table, const struct command_option *option) {
  for (int value = OPTION_FIRST; option->help; option++, value++)
    *table++ = (struct poptOption){
        .longName = option->name,
        .shortName = option->letter,
        .argInfo = option->kind == OPTION_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING,
        .val = value,
        .descrip = option->help,
        .argDescrip = kinds[option->kind].placeholder,
    };
  *table++ = (struct poptOption){
      .longName = "help", .shortName = 'h', .val = OPTION_HELP, .descrip = "show this"};
  *table++ = (struct poptOption){
      .longName = "version", .val = OPTION_VERSION, .descrip = "show the version"};
  *table = (struct poptOption)POPT_TABLEEND;
}

/* An option and its text, as the user may have written them. */
static int bad_value(const struct command_option *option, const char *text, const char *why) {
  if (option->name) return bad_call("--%s %s: %s", option->name, text, why);
  return bad_call("-%c %s: %s", option->letter, text, why);
}

static int out_of_range(const struct command_option *option, const char *text, bool too_small) {
  char limit[UNITS_TEXT_MAX], why[UNITS_TEXT_MAX + 32];
  int64_t max = option->max ? option->max : INT64_MAX;
  kinds[option->kind].format(limit, too_small ? option->min : max);
  snprintf(why, sizeof why, too_small ? "too small; at least %s" : "too large; at most %s", limit);
  return bad_value(option, text, why);
}

static int store_value(const struct command_option *option, const char *text) {
  const struct kind *kind = &kinds[option->kind];
  int64_t value;
  int error = kind->parse(text, &value);
  if (error == -EINVAL) return bad_value(option, text, kind->expected);
  if (error || (option->max && value > option->max)) return out_of_range(option, text, false);
  if (value < option->min) return out_of_range(option, text, true);
  *(int64_t *)option->value = value;
  return STATUS_DONE;
}

static int keep_text(const struct command_option *option, const char *text) {
  *(const char **)option->value = text;
  return STATUS_DONE;
}

static int store_option(poptContext context, const struct command_option *option) {
  if (option->kind == OPTION_FLAG) {
    *(int64_t *)option->value = 1;
    return STATUS_DONE;
  }
  char *text = poptGetOptArg(context);
  if (!text) return out_of_memory();
  if (!kinds[option->kind].parse) return keep_text(option, text);
  int status = store_value(option, text);
  free(text);
  return status;
}

static int show_help(poptContext context, const struct command *command) {
  poptSetOtherOptionHelp(context, command->arguments);
  poptPrintHelp(context, stdout, 0);
  printf("\n%s\n\n%s", command->summary, command->details);
  return STATUS_DONE;
}

int show_version(void) {
  printf("shmq %d.%d.%d\n", SHMQ_VERSION_MAJOR, SHMQ_VERSION_MINOR, SHMQ_VERSION_PATCH);
  return STATUS_DONE;
}

static int run_with_arguments(poptContext context, const struct command *command) {
  static const char *const none[] = {NULL};
  const char *const *arguments = (const char *const *)poptGetArgs(context);
  if (!arguments) arguments = none;
  int count = 0;
  while (arguments[count])
    count++;
  if (count < command->min_arguments)
    return bad_call("no queue is named; usage: %s %s", program, command->arguments);
  if (count > command->max_arguments)
    return bad_call("'%s' is one argument too many; usage: %s %s",
                    arguments[command->max_arguments], program, command->arguments);
  return command->run(arguments);
}

static int read_options(poptContext context, const struct command *command) {
  int value, status = STATUS_DONE;
  while (status == STATUS_DONE && (value = poptGetNextOpt(context)) > 0) {
    if (value == OPTION_HELP) return show_help(context, command);
    if (value == OPTION_VERSION) return show_version();
    status = store_option(context, &command->options[value - OPTION_FIRST]);
  }
  if (status) return status;
  if (value < -1)
    return bad_call("%s: %s; see '%s --help'", poptBadOption(context, 0), poptStrerror(value),
                    program);
  return run_with_arguments(context, command);
}

int command_run(const struct command *command, int argc, const char **argv) {
  struct poptOption table[OPTIONS_MAX];
  fill_table(table, command->options);
  set_program(argv[0]);
  poptContext context = poptGetContext(NULL, argc, argv, table, 0);
  if (!context) return out_of_memory();
  int status = read_options(context, command);
  poptFreeContext(context);
  return status;
}
