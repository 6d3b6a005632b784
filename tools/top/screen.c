/* SPDX-License-Identifier: Apache-2.0 */
#include "screen.h"

#include <inttypes.h>
#include <ncurses.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../units.h"

enum { TITLE_LINES = 2, FOOT_LINES = 1, NAME_WIDTH_MIN = 8, KEY_ESCAPE = 27 };

static const struct column {
  const char *key, *heading;
  int width;
  bool has_curve;
  enum curve curve;
} columns[] = {
    {"name", "NAME", 0, false, 0},
    {"qsize", "QSIZE", 9, false, 0},
    {"leased", "IN HAND", 7, false, 0},
    {"oldest_waiting", "OLDEST", 7, false, 0},
    {"put_rate", "PUT/s", 10, true, CURVE_PUT},
    {"got_rate", "GOT/s", 10, true, CURVE_GOT},
};
enum { COLUMN_COUNT = sizeof columns / sizeof *columns, CURVES_SHOWN = 2 };

static size_t room(void) {
  int lines = LINES - TITLE_LINES - FOOT_LINES;
  return lines > 1 ? (size_t)lines : 1;
}

/* What is there of a text that may be too long for its line. */
static void put_text(int line, int column, const char *text) {
  if (column < COLS) mvaddnstr(line, column, text, -1);
}

static const struct snapshot *find(const struct screen *screen, const char *name) {
  for (size_t i = 0; i < screen->listing.count; i++)
    if (strcmp(screen->listing.snapshots[i].name, name) == 0) return &screen->listing.snapshots[i];
  return NULL;
}

/* The place of the chosen queue; that of the first if it is gone. */
static size_t place_of_chosen(const struct screen *screen) {
  const struct snapshot *chosen = find(screen, screen->chosen);
  return chosen ? (size_t)(chosen - screen->listing.snapshots) : 0;
}

static void choose(struct screen *screen, size_t place) {
  if (screen->listing.count == 0) return;
  if (place >= screen->listing.count) place = screen->listing.count - 1;
  snprintf(screen->chosen, sizeof screen->chosen, "%s", screen->listing.snapshots[place].name);
}

void screen_sort(struct screen *screen) {
  char key[32];
  snprintf(key, sizeof key, "%s%s", screen->downwards ? "-" : "", columns[screen->sort].key);
  const struct report_options options = {.sort = key};
  report_sort(&options, screen->listing.snapshots, screen->listing.count);
}

/* ---- The table ----------------------------------------------------------------------------------
 */

struct widths {
  int name, curve;
};

/* Names get what they need, as far as there is room; sparklines share what is left. */
static struct widths share_line(const struct screen *screen) {
  int longest = NAME_WIDTH_MIN, fixed = 0;
  for (size_t i = 0; i < screen->listing.count; i++) {
    int length = (int)strlen(screen->listing.snapshots[i].name);
    if (length > longest) longest = length;
  }
  for (size_t i = 1; i < COLUMN_COUNT; i++)
    fixed += 1 + columns[i].width;
  int left = COLS - fixed - CURVES_SHOWN * (1 + 4);
  if (left < NAME_WIDTH_MIN) left = NAME_WIDTH_MIN;
  int name = longest < left ? longest : left;
  int curve = (COLS - fixed - name) / CURVES_SHOWN - 1;
  return (struct widths){name, curve > 0 ? curve : 0};
}

static void draw_heading(struct widths widths) {
  attron(A_BOLD);
  mvprintw(1, 0, "%-*s", widths.name, columns[0].heading);
  for (size_t i = 1; i < COLUMN_COUNT; i++) {
    printw(" %*s", columns[i].width, columns[i].heading);
    if (columns[i].has_curve) printw(" %*s", widths.curve, "");
  }
  attroff(A_BOLD);
}

static void draw_cells(const struct screen *screen, const struct snapshot *snapshot,
                       struct widths widths) {
  char text[UNITS_TEXT_MAX], curve[SPARKLINE_MAX];
  for (size_t i = 1; i < COLUMN_COUNT; i++) {
    field_format(text, field_find(columns[i].key), snapshot);
    printw(" %*s", columns[i].width, text);
    if (!columns[i].has_curve) continue;
    history_draw(curve, screen->history, snapshot->name, columns[i].curve, (size_t)widths.curve);
    printw(" %s", curve);
  }
}

static void draw_row(const struct screen *screen, int line, size_t place, struct widths widths) {
  const struct snapshot *snapshot = &screen->listing.snapshots[place];
  bool is_chosen = strcmp(snapshot->name, screen->chosen) == 0;
  if (is_chosen) attron(A_REVERSE);
  mvprintw(line, 0, "%-*.*s", widths.name, widths.name, snapshot->name);
  if (snapshot->error)
    printw(" cannot be read: %.*s", COLS - widths.name - 17, shmq_strerror(snapshot->error));
  else
    draw_cells(screen, snapshot, widths);
  if (is_chosen) attroff(A_REVERSE);
}

/* Moves the window over the rows so that the chosen one is in it. */
static void follow_chosen(struct screen *screen) {
  size_t place = place_of_chosen(screen);
  choose(screen, place);
  if (place < screen->scrolled) screen->scrolled = place;
  if (place >= screen->scrolled + room()) screen->scrolled = place - room() + 1;
}

static void draw_table(struct screen *screen) {
  struct widths widths = share_line(screen);
  follow_chosen(screen);
  draw_heading(widths);
  if (screen->listing.count == 0)
    put_text(TITLE_LINES, 0, "There is no queue; 'shmq create' makes one.");
  for (size_t i = 0; i < room() && screen->scrolled + i < screen->listing.count; i++)
    draw_row(screen, TITLE_LINES + (int)i, screen->scrolled + i, widths);
}

/* ---- One queue ----------------------------------------------------------------------------------
 */

/* Lines one after the other, of which those in the window are seen. */
struct lines {
  size_t next, scrolled;
};

static void __attribute__((format(printf, 2, 3)))
add_line(struct lines *lines, const char *format, ...) {
  size_t place = lines->next++;
  if (place < lines->scrolled || place >= lines->scrolled + room()) return;
  va_list arguments;
  va_start(arguments, format);
  move(TITLE_LINES + (int)(place - lines->scrolled), 0);
  vw_printw(stdscr, format, arguments);
  va_end(arguments);
}

static void add_curves(struct lines *lines, const struct screen *screen,
                       const struct snapshot *snapshot) {
  char text[UNITS_TEXT_MAX], curve[SPARKLINE_MAX];
  size_t width = COLS > 33 ? (size_t)COLS - 33 : 0;
  for (enum curve i = 0; i < CURVE_COUNT; i++) {
    const struct field *field = history_field(i);
    field_format(text, field, snapshot);
    history_draw(curve, screen->history, snapshot->name, i, width);
    add_line(lines, "%-16s %14s  %s", field->key, text, curve);
  }
}

static bool has_curve(const struct field *field) {
  for (enum curve i = 0; i < CURVE_COUNT; i++)
    if (history_field(i) == field) return true;
  return false;
}

/* Two figures a line. */
static void add_figures(struct lines *lines, const struct snapshot *snapshot) {
  char text[UNITS_TEXT_MAX], line[80] = "";
  for (const struct field *field = fields; field->key; field++) {
    if (field->kind == FIELD_NAME || has_curve(field)) continue;
    field_format(text, field, snapshot);
    size_t length = strlen(line);
    snprintf(line + length, sizeof line - length, "%s%-16s %14s", length ? "      " : "",
             field->key, text);
    if (length == 0) continue;
    add_line(lines, "%s", line);
    *line = '\0';
  }
  if (*line) add_line(lines, "%s", line);
}

static void add_dead_letters(struct lines *lines, const struct screen *screen,
                             const struct snapshot *snapshot) {
  char name[NAME_MAX + 8];
  snprintf(name, sizeof name, "%s.dead", snapshot->name);
  const struct snapshot *dead = find(screen, name);
  if (dead && !dead->error)
    add_line(lines, "dead letters: %" PRIu64 " wait in %s", dead->stats.qsize, name);
  else
    add_line(lines, "dead letters: none, there is no readable queue %s", name);
}

static const char *or_dash(char text[UNITS_TEXT_MAX], shmq_ns age) {
  if (age == 0) return "-";
  format_age(text, age);
  return text;
}

static void add_processes(struct lines *lines, const struct snapshot *snapshot) {
  char age[UNITS_TEXT_MAX];
  add_line(lines, "%10s  %-15s  %-5s  %7s  %10s  %10s  %7s", "PID", "PROCESS", "STATE", "THREADS",
           "LEASED", "UNFINISHED", "OLDEST");
  for (size_t i = 0; i < snapshot->process_count; i++) {
    const struct shmq_process *process = &snapshot->processes[i];
    add_line(lines, "%10d  %-15s  %-5s  %7" PRIu32 "  %10" PRIu64 "  %10" PRIu64 "  %7s",
             (int)process->pid, process->name, process->alive ? "alive" : "dead", process->threads,
             process->leased, process->unfinished, or_dash(age, process->oldest_lease));
  }
}

static void add_threads(struct lines *lines, const struct snapshot *snapshot) {
  char age[UNITS_TEXT_MAX];
  add_line(lines, "%10s  %-15s  %-5s  %-16s  %7s  %-6s  %10s", "TID", "THREAD", "STATE", "ACTIVITY",
           "SINCE", "INSIDE", "UNFINISHED");
  for (size_t i = 0; i < snapshot->thread_count; i++) {
    const struct shmq_thread *thread = &snapshot->threads[i];
    add_line(lines, "%10d  %-15s  %-5s  %-16s  %7s  %-6s  %10" PRIu64, (int)thread->tid,
             thread->name, thread->alive ? "alive" : "dead", activity_words(thread->activity),
             or_dash(age, thread->since), inside_words(thread->inside), thread->unfinished);
  }
}

static void add_queue(struct lines *lines, const struct screen *screen,
                      const struct snapshot *snapshot) {
  add_curves(lines, screen, snapshot);
  add_line(lines, "%s", "");
  add_figures(lines, snapshot);
  add_line(lines, "%s", "");
  add_dead_letters(lines, screen, snapshot);
  add_line(lines, "%s", "");
  add_processes(lines, snapshot);
  add_line(lines, "%s", "");
  add_threads(lines, snapshot);
}

static void draw_detail(struct screen *screen) {
  const struct snapshot *snapshot = find(screen, screen->chosen);
  struct lines lines = {0, screen->scrolled};
  attron(A_BOLD);
  put_text(1, 0, screen->chosen);
  attroff(A_BOLD);
  if (!snapshot)
    add_line(&lines, "This queue is gone.");
  else if (snapshot->error)
    add_line(&lines, "It cannot be read: %s", shmq_strerror(snapshot->error));
  else
    add_queue(&lines, screen, snapshot);
  if (lines.next > room() && screen->scrolled <= lines.next - room()) return;
  /* There was more when this was scrolled to. */
  if (screen->scrolled == 0) return;
  screen->scrolled = lines.next > room() ? lines.next - room() : 0;
  screen_draw(screen);
}

/* ---- Both ---------------------------------------------------------------------------------------
 */

static void draw_title(const struct screen *screen) {
  char interval[UNITS_TEXT_MAX];
  format_duration(interval, screen->interval);
  mvprintw(0, 0, "shmq top: queues: %zu, every %s", screen->listing.count, interval);
  if (screen->error) printw(", %s: %s", LISTING_FOLDER, strerror(-screen->error));
}

static void draw_keys(const struct screen *screen) {
  char text[128] = "Up/Down scroll  Esc back  q quit";
  if (!screen->detail)
    snprintf(text, sizeof text, "Up/Down choose  Enter detail  s sort: %s%s  r reverse  q quit",
             screen->downwards ? "-" : "", columns[screen->sort].key);
  attron(A_REVERSE);
  mvprintw(LINES - 1, 0, "%-*.*s", COLS, COLS, text);
  attroff(A_REVERSE);
}

void screen_draw(struct screen *screen) {
  erase();
  draw_title(screen);
  if (screen->detail)
    draw_detail(screen);
  else
    draw_table(screen);
  draw_keys(screen);
  refresh();
}

/* ---- Keys ---------------------------------------------------------------------------------------
 */

static void move_by(struct screen *screen, size_t lines, bool down) {
  size_t *scrolled = &screen->scrolled, place = place_of_chosen(screen);
  if (screen->detail)
    *scrolled = down ? *scrolled + lines : *scrolled - (lines < *scrolled ? lines : *scrolled);
  else
    choose(screen, down ? place + lines : place - (lines < place ? lines : place));
}

static void show_detail(struct screen *screen, bool detail) {
  screen->detail = detail && screen->listing.count;
  screen->scrolled = 0;
}

static void sort_by(struct screen *screen, size_t column, bool downwards) {
  screen->sort = column % COLUMN_COUNT;
  screen->downwards = downwards;
  screen_sort(screen);
}

bool screen_key(struct screen *screen, int key) {
  switch (key) {
    case 'q':
      return false;
    case KEY_UP:
    case KEY_DOWN:
      move_by(screen, 1, key == KEY_DOWN);
      break;
    case KEY_PPAGE:
    case KEY_NPAGE:
      move_by(screen, room(), key == KEY_NPAGE);
      break;
    case '\r':
    case '\n':
    case KEY_ENTER:
      if (!screen->detail) show_detail(screen, true);
      break;
    case KEY_ESCAPE:
    case KEY_BACKSPACE:
    case KEY_LEFT:
      if (screen->detail) show_detail(screen, false);
      break;
    case 's':
      if (!screen->detail) sort_by(screen, screen->sort + 1, screen->sort + 1 < COLUMN_COUNT);
      break;
    case 'r':
      if (!screen->detail) sort_by(screen, screen->sort, !screen->downwards);
      break;
    default:
      break;
  }
  return true;
}
