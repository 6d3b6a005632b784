/* SPDX-License-Identifier: Apache-2.0 */
/* The kill points of a case. */
#include <string.h>
#include <unistd.h>

#include "run.h"

#define HANG_S  20u  /* a scene that takes longer hangs */
#define TRACE_S 200u /* many thousand steps, each with two switches of the processor */

struct survey {
  const struct case_of *test;
  struct trace first, second;
  uint64_t serial, from, group, chance;
};

/* splitmix64: the same points in every run with the same seed. */
static uint64_t chance_below(struct survey *y, uint64_t limit) {
  uint64_t mixed = (y->chance += 0x9e3779b97f4a7c15);
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return (mixed ^ (mixed >> 31)) % limit;
}

/* ---- One point ---- */

static void kill_victim(struct scene *s, enum part part, const struct trace *t, size_t k) {
  if (!victim_advance(s, part, t, k)) totals->missed++;
  victim_kill(s, part);
}

static void run_point(const struct survey *y, const struct point *p) {
  struct scene s;
  alarm(HANG_S);
  scene_begin(&s, y->test, p->second);
  kill_victim(&s, VICTIM, &y->first, p->k);
  if (p->second) kill_victim(&s, SECOND_VICTIM, &y->second, p->j);
  judge(&s);
  scene_end(&s);
  alarm(0);
  if (p->second) {
    totals->doubles++;
  } else {
    totals->singles++;
  }
}

static void run_stall(const struct survey *y, const struct point *p) {
  struct scene s;
  alarm(HANG_S);
  scene_begin(&s, y->test, p->second);
  if (!victim_advance(&s, VICTIM, &y->first, p->k)) totals->missed++;
  victims_finish(&s);
  judge(&s);
  scene_end(&s);
  alarm(0);
  totals->stalls++;
}

/* After a failure, a new worker goes on behind it. */
static void try_point(struct survey *y, struct point point) {
  if (y->serial > y->from) mine->slow = 0;
  mine->point = point;
  mine->serial = y->serial++;
  if (mine->serial < y->from) return;
  if (options.stalls) {
    run_stall(y, &point);
  } else {
    run_point(y, &point);
  }
}

/* A case takes each of its workers the time to trace it. Where it has few points, one has them all.
 */
static bool case_is_whole(void) {
  return !options.full && !options.pairs && !options.only;
}

/* Else points are dealt to the workers in groups: those that need the same traces. */
static bool group_is_mine(struct survey *y) {
  return case_is_whole() || y->group++ % options.workers == me;
}

/* ---- Traces ---- */

/* The first scene of a case leaves the heap as all others find it: malloc() goes another way in it.
 */
static void rehearse(const struct survey *y) {
  struct scene s;
  alarm(HANG_S);
  scene_begin(&s, y->test, options.stalls ? &others[0] : NULL);
  victim_kill(&s, VICTIM);
  judge(&s);
  scene_end(&s);
  alarm(0);
}

static void trace_first(struct survey *y) {
  struct scene s;
  alarm(TRACE_S);
  scene_begin(&s, y->test, options.stalls ? &others[0] : NULL);
  victim_trace(&s, VICTIM, &y->first);
  scene_end(&s);
  alarm(0);
}

static size_t trace_edges(const struct trace *t) {
  size_t n = 0;
  for (size_t k = 0; k < t->n; k++)
    n += t->steps[k].edge;
  return n;
}

/* What the second victim does depends on where the first one died. */
static void trace_second(struct survey *y, size_t k, const struct call *second) {
  struct scene s;
  mine->point = (struct point){k, 0, second};
  alarm(TRACE_S);
  scene_begin(&s, y->test, second);
  victim_advance(&s, VICTIM, &y->first, k);
  victim_kill(&s, VICTIM);
  victim_trace(&s, SECOND_VICTIM, &y->second);
  scene_end(&s);
  alarm(0);
}

/* ---- Every point ---- */

static void every_single_kill(struct survey *y) {
  for (size_t k = 0; k < y->first.n; k++) {
    if (group_is_mine(y)) try_point(y, (struct point){.k = k});
  }
}

/* Every edge of the recovery; every instruction of it after plain calls in plain states. */
static void recovery_kills(struct survey *y, size_t k, const struct call *second) {
  const bool plain = y->test->call->plain && y->test->state->plain;
  const bool every = plain && second == seconds;
  trace_second(y, k, second);
  for (size_t j = 0; j < y->second.n; j++) {
    if (every || y->second.steps[j].edge) try_point(y, (struct point){k, j, second});
  }
}

/* Where a putter sleeps and the first victim made room, the models do not know which of two puts
   was first. */
static bool can_be_second(const struct survey *y, const struct call *second) {
  return y->test->state->role != PUTTER || !second->happen;
}

static void every_double_kill(struct survey *y) {
  for (size_t k = 0; k < y->first.n; k++) {
    for (size_t i = 0; i < seconds_n && y->first.steps[k].edge; i++) {
      if (!can_be_second(y, &seconds[i]) || !group_is_mine(y)) continue;
      recovery_kills(y, k, &seconds[i]);
    }
  }
}

/* ---- Stalls ---- */

/* A sleeper may come between two calls that move items, and a get between the items of a put_many
   for which there is no room at once: the models know no three in a row. */
static bool has_models(const struct survey *y, const struct call *other) {
  const struct state *state = y->test->state;
  const bool in_pieces = state->maxsize > 0 && strcmp(y->test->call->name, "put_many") == 0;
  return !other->happen || (state->role == NOBODY_ASLEEP && !in_pieces);
}

/* At every edge, since nobody can tell where between two edges somebody stands still. */
static void every_stall(struct survey *y) {
  for (size_t k = 0; k < y->first.n; k++) {
    for (size_t i = 0; i < others_n && y->first.steps[k].edge; i++) {
      if (!has_models(y, &others[i]) || !group_is_mine(y)) continue;
      try_point(y, (struct point){.k = k, .second = &others[i]});
    }
  }
}

/* ---- A sample ---- */

/* Every edge, since between two edges the segment is the same; and some others all the same. */
static void some_single_kills(struct survey *y) {
  const struct trace *t = &y->first;
  for (size_t k = 0; k < t->n; k++) {
    if (t->steps[k].edge && group_is_mine(y)) try_point(y, (struct point){.k = k});
  }
  for (unsigned i = 0; i < options.sample; i++) {
    const size_t k = chance_below(y, t->n);
    if (group_is_mine(y)) try_point(y, (struct point){.k = k});
  }
}

static size_t some_edge(struct survey *y, const struct trace *t) {
  size_t k = chance_below(y, t->n);
  while (!t->steps[k].edge)
    k--;
  return k;
}

/* A second victim's trace takes long, so several points are drawn from each. */
static void some_double_kills(struct survey *y) {
  enum { OF_ONE_TRACE = 5 };
  for (unsigned i = 0; i < options.sample; i += OF_ONE_TRACE) {
    const struct call *second = &seconds[chance_below(y, seconds_n)];
    const size_t k = some_edge(y, &y->first);
    if (!can_be_second(y, second) || !group_is_mine(y)) continue;
    trace_second(y, k, second);
    for (unsigned n = 0; n < OF_ONE_TRACE && i + n < options.sample; n++) {
      try_point(y, (struct point){k, some_edge(y, &y->second), second});
    }
  }
}

/* ---- All of it ---- */

static void run_only(struct survey *y, const struct point *p) {
  if (options.stalls && p->second && me == 0 && p->k < y->first.n) try_point(y, *p);
  if (options.stalls) return;
  if (p->second) trace_second(y, p->k, p->second);
  const size_t n = p->second ? y->second.n : y->first.n;
  if (me == 0 && p->k < y->first.n && (p->second ? p->j : p->k) < n) try_point(y, *p);
}

static void run_all(struct survey *y) {
  const bool creates = y->test->call->creates; /* there is nothing to recover, or to disturb */
  if (options.stalls) {
    if (!creates) every_stall(y);
    return;
  }
  if (options.full) {
    every_single_kill(y);
  } else {
    some_single_kills(y);
  }
  if (creates) return;
  if (options.pairs) {
    every_double_kill(y);
  } else {
    some_double_kills(y);
  }
}

/* The traces' memory stays, for the next case: again, for malloc()'s sake. */
void survey(size_t test, uint64_t from) {
  static struct trace first, second;
  struct survey y = {.test = &tests[test],
                     .first = first,
                     .second = second,
                     .from = from,
                     .chance = options.seed + test};
  if (case_is_whole() && test % options.workers != me) return;
  mine->point = (struct point){0};
  rehearse(&y);
  trace_first(&y);
  if (options.only) {
    run_only(&y, &options.point);
  } else {
    run_all(&y);
  }
  if (case_is_whole() || me == 0) {
    totals->cases++;
    totals->instructions += y.first.n - 1;
    totals->edges += trace_edges(&y.first);
  }
  first = y.first;
  second = y.second;
}
