/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of the scene. While it is frozen, time passes for a process only by its own sleeps. So
 * a call that is stepped through goes the same way each time, and no tick falls into it: as on a
 * processor that is fast enough. The library is linked statically, and finds these two functions
 * in place of libc's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "steps.h"

/* Ages are kept in ticks of 2^24 ns, in levels of 2, 4, 8, ... ticks: a round time is alike to them
   each time. */
#define ROUND ((shmq_ns)1 << 28)

static shmq_ns frozen_at; /* 0: it goes */

static int (*real_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void find_real_clock(void) {
  *(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime"); /* as dlsym(3) does it */
}

void clock_freeze(shmq_ns ago) {
  frozen_at = (now() - ago) / ROUND * ROUND;
}

void clock_advance(shmq_ns duration) {
  frozen_at += duration;
}

void clock_thaw(void) {
  frozen_at = 0;
}

shmq_ns now(void) {
  struct timespec time;
  real_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * S + time.tv_nsec;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (!frozen_at) return real_gettime(clock, time);
  *time = (struct timespec){frozen_at / S, frozen_at % S};
  return 0;
}

/* ---- System calls ---- */

static long call_kernel(long number, const long a[6]) {
  long result;
  register long r10 __asm__("r10") = a[3];
  register long r8 __asm__("r8") = a[4];
  register long r9 __asm__("r9") = a[5];
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static void slept(const struct timespec *time) {
  frozen_at += time->tv_sec * S + time->tv_nsec;
}

static void slept_until(const struct timespec *time) {
  frozen_at = time->tv_sec * S + time->tv_nsec;
}

/* The sleeps of lib/os/. */
static void pass_time(long number, const long a[6], long result) {
  const bool timed_out = result == -ETIMEDOUT;
  if (number == SYS_clock_nanosleep) slept((const struct timespec *)a[2]);
  if (number == SYS_futex && timed_out) slept((const struct timespec *)a[3]);
  if (number == SYS_futex_waitv && timed_out) slept_until((const struct timespec *)a[3]);
}

long syscall(long number, ...) {
  long a[6];
  va_list arguments;
  va_start(arguments, number);
  for (int i = 0; i < 6; i++)
    a[i] = va_arg(arguments, long);
  va_end(arguments);
  const long result = call_kernel(number, a);
  if (frozen_at) pass_time(number, a, result);
  if (result >= 0) return result;
  errno = (int)-result;
  return -1;
}
