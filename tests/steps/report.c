/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

/* As --only takes it. */
void point_name(const struct position *at, char *text, size_t room) {
  const char *test = tests[at->test].name;
  const struct point *p = &at->point;
  if (p->second) {
    snprintf(text, room, "%s:%zu:%s:%zu", test, p->k, p->second->name, p->j);
  } else {
    snprintf(text, room, "%s:%zu", test, p->k);
  }
}

/* Function, file and line, with those it was inlined into. */
static void source_line(const char *file, uintptr_t offset, char *text, size_t room) {
  char command[512];
  snprintf(command, sizeof command, "addr2line -fspie '%s' %#" PRIxPTR " 2>/dev/null", file,
           offset);
  FILE *tool = popen(command, "re");
  if (!tool) return;
  const size_t length = fread(text, 1, room - 1, tool);
  text[length] = '\0';
  for (char *at = text; (at = strchr(at, '\n'));)
    *at = ' ';
  pclose(tool);
}

static void address_name(uintptr_t address, char *text, size_t room) {
  Dl_info info;
  snprintf(text, room, "%#" PRIxPTR, address);
  if (!dladdr((void *)address, &info)) return;
  const uintptr_t offset = address - (uintptr_t)info.dli_fbase;
  const char *symbol = info.dli_sname ? info.dli_sname : "";
  snprintf(text, room, "%s+%#" PRIxPTR " %s", info.dli_fname, offset, symbol);
  if (!info.dli_sname) source_line(info.dli_fname, offset, text, room);
}

/* The worker ends; its parent starts another one behind, or once more at, this point. */
_Noreturn static void scene_abandon(const struct scene *s, int status) {
  fflush(stdout);
  for (enum part part = 0; part < PARTS; part++) {
    if (s->people[part].pid) kill(s->people[part].pid, SIGKILL);
  }
  shmq_unlink(s->name);
  shmq_unlink(s->dead_name);
  _exit(status);
}

void scene_fails(const struct scene *s, const char *format, ...) {
  char what[1024], point[128], where[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  point_name(mine, point, sizeof point);
  address_name(s->killed_at, where, sizeof where);
  printf("FAIL %s\n  %s\n  killed before %s\n", point, what, where);
  scene_abandon(s, WORKER_FAILED);
}

static void worst_is(shmq_ns duration) {
  int64_t worst = totals->worst;
  while (duration > worst) {
    if (!atomic_compare_exchange_weak(&totals->worst, &worst, duration)) continue;
    point_name(mine, totals->worst_at, sizeof totals->worst_at);
    return;
  }
}

void progress_took(const struct scene *s, shmq_ns duration) {
  if (duration <= options.limit) {
    worst_is(duration);
  } else if (mine->slow + 1 < SLOW_MAX) {
    totals->slow++;
    scene_abandon(s, WORKER_SLOW);
  } else {
    worst_is(duration);
    scene_fails(s, "going on took %d ms, and was as slow before", (int)(duration / MS));
  }
}
