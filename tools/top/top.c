/* SPDX-License-Identifier: Apache-2.0 */
/* shmq top: all queues on a terminal, again and again. */
#include <errno.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../command.h"
#include "../units.h"
#include "screen.h"

#define SECOND INT64_C(1000000000)

static int64_t interval = SECOND;

static const struct command_option options[] = {
    {"interval", 0, OPTION_DURATION, &interval, 10000000, 0, "look so often; 1s if not given"},
    {0}};

/* ---- Signals ------------------------------------------------------------------------------------
 */

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
enum { END_COUNT = sizeof ends / sizeof *ends };

static volatile sig_atomic_t ended_by;

static void note_end(int signal) {
  ended_by = signal;
}

/* They, and a change of the window's size, come only while ppoll waits: none is missed, and none
   finds the screen half drawn. */
static void hold_signals(sigset_t *while_waiting) {
  const struct sigaction action = {.sa_handler = note_end};
  sigset_t held;
  sigemptyset(&held);
  sigaddset(&held, SIGWINCH);
  for (size_t i = 0; i < END_COUNT; i++) {
    sigaddset(&held, ends[i]);
    sigaction(ends[i], &action, NULL);
  }
  sigprocmask(SIG_BLOCK, &held, while_waiting);
}

/* Ends as who sent the signal expects, now that the terminal is as it was. */
static void die_of(int number) {
  signal(number, SIG_DFL);
  raise(number);
}

/* ---- Looks --------------------------------------------------------------------------------------
 */

static int64_t monotonic_time(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * SECOND + now.tv_nsec;
}

static void look(struct screen *screen, double seconds) {
  listing_free(&screen->listing);
  screen->error = listing_take(&screen->listing);
  if (!screen->error) screen->error = history_add(screen->history, &screen->listing, seconds);
  screen_sort(screen);
}

/* False: the terminal is gone. */
static bool wait_for_key(int64_t until, const sigset_t *mask) {
  struct pollfd input = {STDIN_FILENO, POLLIN, 0};
  int64_t left = until - monotonic_time();
  if (left < 0) left = 0;
  struct timespec timeout = {left / SECOND, left % SECOND};
  return ppoll(&input, 1, &timeout, mask) <= 0 || !(input.revents & (POLLHUP | POLLERR | POLLNVAL));
}

static bool handle_keys(struct screen *screen) {
  int key;
  while ((key = getch()) != ERR)
    if (!screen_key(screen, key)) return false;
  return true;
}

/* A look that is late, after a stop say, moves those that follow. */
static void watch(struct screen *screen, const sigset_t *mask) {
  int64_t last = monotonic_time(), due = last;
  do {
    int64_t now = monotonic_time();
    if (now >= due) {
      look(screen, (double)(now - last) / (double)SECOND);
      last = now;
      due = due + interval > now ? due + interval : now + interval;
    }
    screen_draw(screen);
  } while (wait_for_key(due, mask) && !ended_by && handle_keys(screen));
}

/* ---- The terminal -------------------------------------------------------------------------------
 */

static int no_terminal(const char *why) {
  complain("%s; 'shmq stat --watch 1s' prints without one", why);
  return STATUS_FAILED;
}

static int watch_on(SCREEN *terminal, struct screen *screen, const sigset_t *mask) {
  cbreak();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  set_escdelay(25);
  curs_set(0);
  watch(screen, mask);
  endwin();
  delscreen(terminal);
  listing_free(&screen->listing);
  history_free(screen->history);
  sigprocmask(SIG_SETMASK, mask, NULL); /* what was held comes now */
  if (ended_by) die_of(ended_by);
  return STATUS_DONE;
}

static int run(const char *const *arguments) {
  (void)arguments;
  struct screen screen = {.interval = interval};
  sigset_t mask;
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
    return no_terminal("standard input and output must be a terminal");
  setlocale(LC_CTYPE, ""); /* sparklines, where they can be shown; numbers stay as they are */
  hold_signals(&mask);
  SCREEN *terminal = newterm(NULL, stdout, stdin);
  if (!terminal) return no_terminal("this terminal is unknown, see TERM");
  screen.history = history_new();
  if (screen.history) return watch_on(terminal, &screen, &mask);
  endwin();
  return out_of_memory();
}

const struct command top_command = {
    .name = "top",
    .arguments = "[OPTION...]",
    .summary = "Watch all queues on a terminal.",
    .details =
        "Keys: Up and Down choose a queue, Enter shows it in detail, s and r sort, q quits.\n"
        "Example: shmq top --interval 500ms\n",
    .min_arguments = 0,
    .max_arguments = 0,
    .options = options,
    .run = run,
};
