/* SPDX-License-Identifier: Apache-2.0 */
#include "screen.h"

#include <inttypes.h>
#include <ncurses.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "../units.h"

enum {
  TITLE_LINES = 2,
  FOOT_LINES = 1,
  NAME_WIDTH_MIN = 10,
  CURVE_WIDTH_MIN = 4,
  KEY_ESCAPE = 27,
  LINE_SIZE = 2048,
};

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

/* One line of the screen, as long as there is room; past its end ncurses would begin the next. */
static void put_line(int line, attr_t attributes, const char *text) {
  wchar_t wide[LINE_SIZE];
  size_t length = mbstowcs(wide, text, LINE_SIZE);
  if (length == (size_t)-1) return;
  attron(attributes);
  mvaddnwstr(line, 0, wide, length < (size_t)COLS ? (int)length : COLS);
  attroff(attributes);
}

/* A line in the making. */
struct text {
  char bytes[LINE_SIZE];
  size_t length;
};

static void __attribute__((format(printf, 2, 3)))
append(struct text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text->bytes + text->length, LINE_SIZE - text->length, format, arguments);
  va_end(arguments);
  if (length > 0 && (size_t)length < LINE_SIZE - text->length) text->length += (size_t)length;
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
  int longest = NAME_WIDTH_MIN, left = COLS;
  for (size_t i = 0; i < screen->listing.count; i++) {
    int length = (int)strlen(screen->listing.snapshots[i].name);
    if (length > longest) longest = length;
  }
  for (size_t i = 1; i < COLUMN_COUNT; i++)
    left -= 1 + columns[i].width;
  int most = left - CURVES_SHOWN * (1 + CURVE_WIDTH_MIN);
  if (most < NAME_WIDTH_MIN) most = NAME_WIDTH_MIN;
  int name = longest < most ? longest : most;
  int curve = (left - name) / CURVES_SHOWN - 1;
  return (struct widths){name, curve > 0 ? curve : 0};
}

static void draw_heading(struct widths widths) {
  struct text text = {0};
  append(&text, "%-*s", widths.name, columns[0].heading);
  for (size_t i = 1; i < COLUMN_COUNT; i++) {
    append(&text, " %*s", columns[i].width, columns[i].heading);
    if (columns[i].has_curve) append(&text, " %*s", widths.curve, "");
  }
  put_line(1, A_BOLD, text.bytes);
}

static void append_cells(struct text *text, const struct screen *screen,
                         const struct snapshot *snapshot, struct widths widths) {
  char cell[UNITS_TEXT_MAX], curve[SPARKLINE_MAX];
  for (size_t i = 1; i < COLUMN_COUNT; i++) {
    field_format(cell, field_find(columns[i].key), snapshot);
    append(text, " %*s", columns[i].width, cell);
    if (!columns[i].has_curve) continue;
    history_draw(curve, screen->history, snapshot->name, columns[i].curve, (size_t)widths.curve);
    append(text, " %s", curve);
  }
}

static void draw_row(const struct screen *screen, int line, size_t place, struct widths widths) {
  const struct snapshot *snapshot = &screen->listing.snapshots[place];
  bool is_chosen = strcmp(snapshot->name, screen->chosen) == 0;
  struct text text = {0};
  append(&text, "%-*.*s", widths.name, widths.name, snapshot->name);
  if (snapshot->error)
    append(&text, " cannot be read: %s", shmq_strerror(snapshot->error));
  else
    append_cells(&text, screen, snapshot, widths);
  put_line(line, is_chosen ? A_REVERSE : A_NORMAL, text.bytes);
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
    put_line(TITLE_LINES, A_NORMAL, "There is no queue; 'shmq create' makes one.");
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
  char text[LINE_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  put_line(TITLE_LINES + (int)(place - lines->scrolled), A_NORMAL, text);
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

/* Two figures a line, if there is room. */
static void add_figures(struct lines *lines, const struct snapshot *snapshot) {
  const size_t width = 36, a_line = (size_t)COLS < 2 * width ? 1 : 2;
  char value[UNITS_TEXT_MAX];
  struct text text = {0};
  for (const struct field *field = fields; field->key; field++) {
    if (field->kind == FIELD_NAME || has_curve(field)) continue;
    field_format(value, field, snapshot);
    append(&text, "%-16s %14s     ", field->key, value);
    if (text.length < a_line * width) continue;
    add_line(lines, "%s", text.bytes);
    text = (struct text){0};
  }
  if (text.length) add_line(lines, "%s", text.bytes);
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
  put_line(1, A_BOLD, screen->chosen);
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
  struct text text = {0};
  format_duration(interval, screen->interval);
  append(&text, "shmq top: queues: %zu, every %s", screen->listing.count, interval);
  if (screen->error) append(&text, ", %s: %s", QUEUE_DIRECTORY, strerror(-screen->error));
  put_line(0, A_NORMAL, text.bytes);
}

static void draw_keys(const struct screen *screen) {
  struct text text = {0};
  if (screen->detail)
    append(&text, "q quit  Esc back  Up/Down scroll");
  else
    append(&text, "q quit  Enter detail  Up/Down choose  s sort: %s%s  r reverse",
           screen->downwards ? "-" : "", columns[screen->sort].key);
  append(&text, "%*s", COLS, "");
  put_line(LINES - 1, A_REVERSE, text.bytes);
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
