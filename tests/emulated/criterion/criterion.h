/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of Criterion as the tests use, for machines that are emulated: Criterion starts its tests
 * in a way that qemu-user cannot follow. Each test is a fork of the program, one after the other.
 */
#ifndef EMULATED_CRITERION_H
#define EMULATED_CRITERION_H

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct emulated_options {
  int none; /* for a list that begins with it is never empty */
  void (*init)(void);
  void (*fini)(void);
  int signal;
  double timeout;
};

struct emulated_test {
  const char *suite, *name;
  void (*body)(void); /* NULL: the options are the suite's */
  struct emulated_options options;
  struct emulated_test *next;
};

enum { EMULATED_SKIPPED = 77 };

/* Weak: support, too, is compiled with this header. */
__attribute__((weak)) struct emulated_test *emulated_tests;

#define EMULATED_REGISTER(suite_, name_, body_, ...)                                             \
  __attribute__((constructor)) static void suite_##_##name_##_register(void) {                   \
    static struct emulated_test test = {#suite_, #name_, body_, {.none = 0, __VA_ARGS__}, NULL}; \
    test.next = emulated_tests;                                                                  \
    emulated_tests = &test;                                                                      \
  }

/* What support wants done when all tests have run: hooks.h. */
struct criterion_global_stats;
__attribute__((weak)) void emulated_at_end(struct criterion_global_stats *stats);

#define Test(suite, name, ...)                                       \
  static void suite##_##name##_body(void);                           \
  EMULATED_REGISTER(suite, name, suite##_##name##_body, __VA_ARGS__) \
  static void suite##_##name##_body(void)

#define TestSuite(suite, ...) EMULATED_REGISTER(suite, all, NULL, __VA_ARGS__) struct emulated_test

#define cr_assert(condition, ...)                          \
  do {                                                     \
    if (!(condition)) {                                    \
      printf("%s:%d: %s", __FILE__, __LINE__, #condition); \
      printf(" " __VA_ARGS__);                             \
      puts("");                                            \
      fflush(NULL);                                        \
      _exit(1);                                            \
    }                                                      \
  } while (0)
#define cr_expect          cr_assert
#define cr_assert_eq(a, b) cr_assert((a) == (b))
#define cr_assert_gt(a, b) cr_assert((a) > (b))
#define cr_skip(...)       _exit(EMULATED_SKIPPED)

static inline const struct emulated_options *emulated_suite(const char *suite) {
  static const struct emulated_options none;
  for (const struct emulated_test *t = emulated_tests; t != NULL; t = t->next) {
    if (t->body == NULL && strcmp(t->suite, suite) == 0) return &t->options;
  }
  return &none;
}

static inline void emulated_run(const struct emulated_test *test) {
  const struct emulated_options *suite = emulated_suite(test->suite), *own = &test->options;
  double timeout = own->timeout > 0 ? own->timeout : suite->timeout;
  void (*init)(void) = own->init ? own->init : suite->init;
  void (*fini)(void) = own->fini ? own->fini : suite->fini;
  alarm((unsigned)timeout);
  if (init) init();
  test->body();
  if (fini) fini();
  exit(0);
}

static inline bool emulated_passes(const struct emulated_test *test) {
  int status;
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) emulated_run(test);
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return false;
  if (WIFSIGNALED(status)) return WTERMSIG(status) == test->options.signal;
  int end = WEXITSTATUS(status);
  return end == EMULATED_SKIPPED || (end == 0 && test->options.signal == 0);
}

int main(void);

__attribute__((weak)) int main(void) {
  int failed = 0;
  for (const struct emulated_test *t = emulated_tests; t != NULL; t = t->next) {
    if (t->body == NULL || emulated_passes(t)) continue;
    printf("FAIL %s::%s\n", t->suite, t->name);
    failed++;
  }
  if (emulated_at_end != NULL) emulated_at_end(NULL);
  return failed != 0;
}

#endif
