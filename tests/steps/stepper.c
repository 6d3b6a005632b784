/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing a process to one of its instructions. Single steps are slow, so a call is stepped
 * through once and recorded; afterwards a breakpoint leads to an instruction from which there are
 * few steps left, and at whose address the call does not come by often before.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "inside.h"
#include "steps.h"

#define SYSCALL    0x050f /* the instruction, two bytes */
#define BREAKPOINT 0xccL  /* one byte */

/* Enough for all but a few calls: malloc() must not find another heap in each scene, and go another
   way. So much it maps for itself. */
#define STEPS_ROOM ((size_t)1 << 16)

#define STALL (3 * MS) /* more than a call takes that need not wait for a lock */

static char image[1 << 16];

static uintptr_t address_of(pid_t pid) {
  return (uintptr_t)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rip), 0);
}

static void let_run(const struct scene *s, pid_t pid, enum __ptrace_request how) {
  if (ptrace(how, pid, 0, 0) != 0) scene_fails(s, "ptrace: %s", strerror(errno));
}

/* It stops by a step, at a breakpoint, or at the end of its call. */
static void await_stop(struct scene *s, pid_t pid) {
  int status;
  waitpid(pid, &status, 0);
  if (!WIFSTOPPED(status)) scene_fails(s, "a victim ended by itself");
  if (WSTOPSIG(status) != SIGTRAP) {
    s->killed_at = address_of(pid);
    scene_fails(s, "a victim's call gets signal %d", WSTOPSIG(status));
  }
}

static void resume(struct scene *s, pid_t pid, enum __ptrace_request how) {
  let_run(s, pid, how);
  await_stop(s, pid);
}

/* Another process may change the segment as well; that makes an edge too many, no harm. */
static bool image_moves(const struct scene *s) {
  if (!s->queue || segment_is(s->queue, image)) return false;
  segment_copy(s->queue, image, sizeof image);
  return true;
}

static uint32_t visits(const struct trace *t, uintptr_t address) {
  for (size_t i = t->n; i > 0; i--) {
    if (t->steps[i - 1].address == address) return t->steps[i - 1].visit;
  }
  return 0;
}

static void trace_add(struct trace *t, uintptr_t address, bool edge) {
  if (t->n == t->room) {
    t->room = t->room ? 2 * t->room : STEPS_ROOM;
    t->steps = realloc(t->steps, t->room * sizeof *t->steps);
    if (!t->steps) abort();
  }
  const uint32_t visit = visits(t, address) + 1;
  t->steps[t->n++] = (struct step){address, visit, edge};
}

/* The child is a fork of this process: its code stands here at the same address. */
static bool calls_system(uintptr_t address) {
  uint16_t instruction;
  memcpy(&instruction, (const void *)address, sizeof instruction);
  return instruction == SYSCALL;
}

void victim_trace(struct scene *s, enum part part, struct trace *t) {
  const struct person *person = &s->people[part];
  bool edge = true;
  t->n = 0;
  if (s->queue) segment_copy(s->queue, image, sizeof image);
  while (!person->page->over) {
    const uintptr_t address = address_of(person->pid);
    trace_add(t, address, edge);
    resume(s, person->pid, PTRACE_SINGLESTEP);
    const bool moved = image_moves(s);
    edge = moved || calls_system(address);
  }
  trace_add(t, address_of(person->pid), edge);
}

/* Run to an address, for the first time. */
static bool run_to_first(struct scene *s, pid_t pid, uintptr_t address, long code) {
  const size_t rip = offsetof(struct user, regs.rip);
  ptrace(PTRACE_POKETEXT, pid, address, (code & ~0xffL) | BREAKPOINT);
  resume(s, pid, PTRACE_CONT);
  ptrace(PTRACE_POKETEXT, pid, address, code);
  if (address_of(pid) != address + 1) return false;
  ptrace(PTRACE_POKEUSER, pid, rip, address);
  return true;
}

static bool run_to(struct scene *s, pid_t pid, const struct step *step) {
  const long code = ptrace(PTRACE_PEEKTEXT, pid, step->address, 0);
  for (uint32_t visit = 1;; visit++) {
    if (!run_to_first(s, pid, step->address, code)) return false;
    if (visit == step->visit) return true;
    resume(s, pid, PTRACE_SINGLESTEP);
  }
}

/* From where to go on by single steps. A visit to a breakpoint costs about three of them. */
static size_t halt_before(const struct trace *t, size_t k) {
  size_t best = 0, least = k;
  for (size_t at = k; at > 0 && k - at < least; at--) {
    const size_t cost = 3 * (size_t)t->steps[at].visit + (k - at);
    if (cost >= least) continue;
    least = cost;
    best = at;
  }
  return best;
}

bool victim_advance(struct scene *s, enum part part, const struct trace *t, size_t k) {
  const struct person *person = &s->people[part];
  size_t at = halt_before(t, k);
  if (at > 0 && !run_to(s, person->pid, &t->steps[at])) return false;
  for (; at < k && !person->page->over; at++)
    resume(s, person->pid, PTRACE_SINGLESTEP);
  return at == k;
}

static void release_all(struct model *m) {
  for (enum place place = HELD; place <= GOT_BY_CORPSE; place++)
    model_release(m, place);
}

/* Each model from the first on, and what becomes of it with each further commit of the call. */
static void models_fork(struct scene *s, unsigned first, const struct call *call) {
  const unsigned n = s->models_n;
  for (unsigned i = first; i < n; i++) {
    struct model m = s->models[i];
    for (unsigned commits = 0; call->happen && call->happen(&m, commits); commits++) {
      if (s->models_n == MODELS_MAX) abort();
      s->models[s->models_n++] = m;
    }
  }
}

static void models_release(struct scene *s) {
  for (unsigned i = 0; i < s->models_n; i++)
    release_all(&s->models[i]);
}

void victim_kill(struct scene *s, enum part part) {
  s->killed_at = address_of(s->people[part].pid);
  person_kill(s, part);
  s->time_of_death = now();
  s->kills++;
  models_fork(s, 0, part == VICTIM ? s->test->call : s->second);
  models_release(s);
}

/* ---- Stalls ---- */

/* The second one may need what the victim has: then it gets no further, for now. */
static void give_time(const struct scene *s) {
  const struct page *page = s->people[SECOND_VICTIM].page;
  const shmq_ns end = now() + STALL;
  while (!page->over && now() < end)
    nap(20 * US);
}

/* Before the second call somebody may have cleaned up after the dead, and the victim after itself.
 */
static void models_clean_up(struct scene *s) {
  const unsigned n = s->models_n;
  for (unsigned i = 0; i < n; i++) {
    struct model m = s->models[i];
    for (enum place place = HELD; place <= GOT_BY_CORPSE; place++) {
      if (place >= HELD_BY_CORPSE || s->test->call->closes) model_release(&m, place);
    }
    if (s->models_n == MODELS_MAX) abort();
    s->models[s->models_n++] = m;
  }
}

void victims_finish(struct scene *s) {
  const pid_t victim = s->people[VICTIM].pid, second = s->people[SECOND_VICTIM].pid;
  const struct model before = s->models[0];
  s->killed_at = address_of(victim);
  let_run(s, second, PTRACE_CONT);
  give_time(s);
  if (!s->people[VICTIM].page->over) resume(s, victim, PTRACE_CONT);
  await_stop(s, second);
  person_kill(s, VICTIM);
  person_kill(s, SECOND_VICTIM);
  s->time_of_death = now();
  models_fork(s, 0, s->test->call);
  models_clean_up(s);
  models_fork(s, 0, s->second);
  const unsigned other_order = s->models_n;
  s->models[s->models_n++] = before;
  models_fork(s, other_order, s->second);
  models_clean_up(s);
  models_fork(s, other_order, s->test->call);
  models_release(s);
}
