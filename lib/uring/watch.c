/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that wait on futexes and ring bells, for where no io_uring does. A watcher sleeps with
 * futex_waitv(2) on the words of the sources that are armed with it, and on a knocker, by which it
 * is told that these have changed. It has no timeout: the 100 ms are kept elsewhere.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "uring/source.h"

#define MEMBERS_MAX (FUTEX_WAITV_MAX - 1)

struct watcher {
  struct watcher *next;
  pthread_t thread;
  _Atomic uint32_t knocker;
  size_t n;
  struct source *members[MEMBERS_MAX];
};

/* Guards the watchers and all their members. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct watcher *watchers;

void watchers_lock(void) {
  pthread_mutex_lock(&mutex);
}

void watchers_unlock(void) {
  pthread_mutex_unlock(&mutex);
}

/* ---- The thread ---- */

static uint32_t word_now(const struct shmq_futex *futex) {
  return atomic_load((const _Atomic uint32_t *)futex->word);
}

static struct futex_waitv waiter(const void *word, uint32_t seen, uint32_t flags) {
  return (struct futex_waitv){.val = seen, .uaddr = (uintptr_t)word, .flags = FUTEX_32 | flags};
}

/* Ring for those whose words have moved on; list the others. */
static unsigned survey(const struct watcher *w, struct futex_waitv *words) {
  unsigned n = 0;
  words[n++] = waiter(&w->knocker, atomic_load(&w->knocker), FUTEX_PRIVATE_FLAG);
  for (size_t i = 0; i < w->n; i++) {
    struct source *source = w->members[i];
    const struct shmq_futex *futex = &source->watch.futex;
    if (!source->watch.armed) continue;
    if (word_now(futex) == futex->seen) {
      words[n++] = waiter(futex->word, futex->seen, 0);
      continue;
    }
    source->watch.armed = false;
    bell_ring(source);
  }
  return n;
}

/* Until the last member has left. */
static void *watch(void *argument) {
  struct watcher *w = argument;
  struct futex_waitv words[FUTEX_WAITV_MAX];
  watchers_lock();
  while (w->n > 0) {
    unsigned n = survey(w, words);
    watchers_unlock();
    syscall(SYS_futex_waitv, words, n, 0u, NULL, CLOCK_MONOTONIC);
    watchers_lock();
  }
  watchers_unlock();
  return NULL;
}

static void knock(struct watcher *w) {
  atomic_fetch_add(&w->knocker, 1);
  syscall(SYS_futex, &w->knocker, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

/* Signals are for the program's own threads. */
static int thread_start(struct watcher *w) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int r = pthread_create(&w->thread, NULL, watch, w);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return -r;
}

/* ---- Joining and leaving; under the mutex ---- */

static void join(struct watcher *w, struct source *source) {
  source->watch.watcher = w;
  w->members[w->n++] = source;
}

/* Returns the watcher if nobody is left with it. */
static struct watcher *leave(struct source *source) {
  struct watcher *w = source->watch.watcher, **link = &watchers;
  size_t i = 0;
  while (w->members[i] != source)
    i++;
  w->members[i] = w->members[--w->n];
  if (w->n > 0) return NULL;
  while (*link != w)
    link = &(*link)->next;
  *link = w->next;
  return w;
}

static int watcher_add(struct source *first) {
  struct watcher *w = calloc(1, sizeof *w);
  if (w == NULL) return -ENOMEM;
  join(w, first);
  int r = thread_start(w);
  if (r != 0) return free(w), r;
  w->next = watchers;
  watchers = w;
  return 0;
}

static int join_any(struct source *source) {
  struct watcher *w = watchers;
  while (w != NULL && w->n == MEMBERS_MAX)
    w = w->next;
  if (w == NULL) return watcher_add(source);
  join(w, source);
  return 0;
}

/* ---- The kind ---- */

/* With no words at all, the call that is there says EINVAL. */
static bool can_wait_on_several(void) {
  return syscall(SYS_futex_waitv, NULL, 0u, 0u, NULL, CLOCK_MONOTONIC) < 0 && errno == EINVAL;
}

static int watch_open(struct source *source) {
  if (!can_wait_on_several()) return -ENOSYS;
  source->watch.armed = false;
  watchers_lock();
  int r = join_any(source);
  watchers_unlock();
  return r;
}

static int watch_arm(struct source *source, const struct shmq_futex *futex) {
  watchers_lock();
  source->watch.futex = *futex;
  source->watch.armed = true;
  knock(source->watch.watcher);
  watchers_unlock();
  return 0;
}

static void watch_close(struct source *source) {
  watchers_lock();
  struct watcher *idle = leave(source);
  watchers_unlock();
  if (idle == NULL) return;
  knock(idle);
  pthread_join(idle->thread, NULL);
  free(idle);
}

/* The thread was left behind by fork, and so was its stack: there is nothing to join. */
static void watch_forget(struct source *source) {
  free(leave(source));
}

const struct source_kind watch_kind = {watch_open, watch_arm, watch_close, watch_forget};
