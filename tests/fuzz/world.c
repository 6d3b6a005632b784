/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "inside.h"

#undef clock_gettime
#undef syscall

#define BEGINNING    (1000 * WORLD_S) /* since the machine was started */
#define TICK         (4 * WORLD_MS)   /* of the coarse clock */
#define LOOK         1000             /* ns that a look at the clock takes */
#define ACCESS       100              /* that an access to shared memory takes */
#define PATIENCE     WORLD_S          /* then the locks are opened, and stay so */
#define MAX_ACCESSES 100000000u       /* of one call, to shared memory */

static int64_t now, call_began, call_may_take;
static uint32_t accesses;
static struct segment *watched;
static other_party *other_party_acts;
static bool is_quiet; /* the other party, to the end of this call */

void world_begin(void) {
  now = BEGINNING;
  watched = NULL;
  other_party_acts = NULL;
  world_call(WORLD_S);
}

void world_watch(struct segment *segment) {
  watched = segment;
}

void world_share(other_party *other) {
  other_party_acts = other;
}

void world_call(int64_t ns) {
  call_began = now;
  call_may_take = ns;
  accesses = 0;
  is_quiet = false;
}

void world_pass(int64_t ns) {
  now += ns;
}

static void too_long(const char *what) {
  fprintf(stderr, "fuzz: a call takes too long: %s\n", what);
  abort();
}

/* ---- What the library sees ----------------------------------------------------------------------
 */

static void open_lock(struct robust_mutex *lock) {
  atomic_store(&lock->word, 0u);
  atomic_store(&lock->bias, 0u);
  atomic_store(&lock->occupant, 0u);
}

/* Who waits for a word that changes all the time never sleeps. */
static void time_passes(int64_t ns) {
  now += ns;
  if (now - call_began > call_may_take) too_long("it waits");
  if (!watched || now - call_began < PATIENCE) return;
  is_quiet = true;
  open_lock(&watched->producer.lock);
  open_lock(&watched->consumer.lock);
}

void world_access(const volatile void *word) {
  if (++accesses > MAX_ACCESSES) too_long("it reads and writes without an end");
  time_passes(ACCESS);
  if (other_party_acts && !is_quiet) other_party_acts((void *)(uintptr_t)word);
}

static bool is_coarse(clockid_t clock) {
  return clock == CLOCK_MONOTONIC_COARSE;
}

int world_gettime(clockid_t clock, struct timespec *t) {
  time_passes(LOOK);
  int64_t ns = is_coarse(clock) ? now - now % TICK : now;
  *t = (struct timespec){ns / WORLD_S, ns % WORLD_S};
  return 0;
}

static void sleep_for(const struct timespec *t) {
  time_passes(t->tv_sec * WORLD_S + t->tv_nsec);
}

static long fails(int error) {
  errno = error;
  return -1;
}

/* Nobody is there who could wake a sleeper. */
static long futex(va_list arguments) {
  const _Atomic uint32_t *word = va_arg(arguments, const _Atomic uint32_t *);
  if (va_arg(arguments, int) == FUTEX_WAKE) return 0;
  if (atomic_load(word) != va_arg(arguments, uint32_t)) return fails(EAGAIN);
  sleep_for(va_arg(arguments, const struct timespec *));
  return fails(ETIMEDOUT);
}

static bool anything_changed(const struct futex_waitv *words, unsigned n) {
  for (unsigned i = 0; i < n; i++) {
    const _Atomic uint32_t *word = (const _Atomic uint32_t *)(uintptr_t)words[i].uaddr;
    if (atomic_load(word) != (uint32_t)words[i].val) return true;
  }
  return false;
}

/* The end of this sleep is a point in time. */
static long futex_waitv(va_list arguments) {
  const struct futex_waitv *words = va_arg(arguments, const struct futex_waitv *);
  unsigned n = va_arg(arguments, unsigned);
  if (anything_changed(words, n)) return fails(EAGAIN);
  (void)va_arg(arguments, unsigned);
  const struct timespec *end = va_arg(arguments, const struct timespec *);
  int64_t ns = end->tv_sec * WORLD_S + end->tv_nsec - now;
  if (ns > 0) sleep_for(&(struct timespec){ns / WORLD_S, ns % WORLD_S});
  return fails(ETIMEDOUT);
}

static long clock_nanosleep_(va_list arguments) {
  (void)va_arg(arguments, clockid_t);
  (void)va_arg(arguments, int);
  sleep_for(va_arg(arguments, const struct timespec *));
  return 0;
}

static long world_vsyscall(long number, va_list arguments) {
  switch (number) {
    case SYS_futex:
      return futex(arguments);
    case SYS_futex_waitv:
      return futex_waitv(arguments);
    case SYS_clock_nanosleep:
      return clock_nanosleep_(arguments);
    case SYS_membarrier: /* of one thread, the accesses are in order */
      return 0;
    default:
      fprintf(stderr, "fuzz: system call %ld is not known in this world\n", number);
      abort();
  }
}

long world_syscall(long number, ...) {
  va_list arguments;
  va_start(arguments, number);
  long r = world_vsyscall(number, arguments);
  va_end(arguments);
  return r;
}
