/* SPDX-License-Identifier: Apache-2.0 */
#include "robust_mutex.h"

#include <pthread.h>

#include "check.h"
#include "os/membarrier.h"

static shmq *q;
static struct robust_mutex *mutex;

static void make_mutex(void) {
  q = make_queue(NULL);
  mutex = &q->segment->producer.lock;
  membarrier_register();
}

TestSuite(robust_mutex, .init = make_mutex, .timeout = 90);

/* Threads of no living process: the mutex does not ask. */
enum { ME = 3, OTHER = 4 };

static void earn_bias(uint32_t id) {
  for (uint32_t i = 0; i <= MUTEX_STREAK + 1; i++) {
    cr_assert(mutex_try(q, mutex, id));
    mutex_unlock(q, mutex, id, true);
  }
}

Test(robust_mutex, word_names_the_holder) {
  check_is(mutex_holder(mutex), 0);
  cr_assert(mutex_try(q, mutex, ME));
  check_is(mutex_holder(mutex), ME);
  cr_assert(!mutex_try(q, mutex, OTHER));
  mutex_unlock(q, mutex, ME, false);
  check_is(mutex_holder(mutex), 0);
  cr_assert(mutex_try(q, mutex, OTHER));
}

Test(robust_mutex, waiting_ends_with_its_time) {
  const shmq_ns start = now();
  cr_assert(mutex_try(q, mutex, ME));
  while (now() - start < 30 * MS)
    cr_assert(!mutex_wait(q, mutex, OTHER, 10 * MS));
  check_is(mutex_holder(mutex), ME);
}

static void *wait_and_unlock(void *unused) {
  (void)unused;
  while (!mutex_wait(q, mutex, OTHER, 20 * SECOND))
    continue;
  mutex_unlock(q, mutex, OTHER, false);
  return NULL;
}

Test(robust_mutex, unlock_wakes_who_waits) {
  pthread_t thread;
  cr_assert(mutex_try(q, mutex, ME));
  pthread_create(&thread, NULL, wait_and_unlock, NULL);
  check_becomes(mutex->word & MUTEX_WAITERS);
  const shmq_ns start = now();
  mutex_unlock(q, mutex, ME, false);
  pthread_join(thread, NULL);
  check_at_most(now() - start, 15 * SECOND);
  check_is(mutex->word, 0);
}

Test(robust_mutex, is_inherited_from_the_named_one_only) {
  cr_assert(mutex_try(q, mutex, ME));
  cr_assert(!mutex_inherit(mutex, OTHER, MUTEX_RECOVERER));
  cr_assert(mutex_inherit(mutex, ME, MUTEX_RECOVERER));
  check_is(mutex_holder(mutex), MUTEX_RECOVERER);
  cr_assert(!mutex_inherit(mutex, ME, OTHER));
}

Test(robust_mutex, streak_earns_the_bias_and_another_breaks_it) {
  if (!membarrier_all()) cr_skip("no membarrier here");
  earn_bias(ME);
  check_is(mutex->bias, ME);
  cr_assert(mutex_try(q, mutex, ME));
  check_is(mutex->word, 0);
  cr_assert(!mutex_try(q, mutex, OTHER), "two hold it");
  check_is(mutex_holder(mutex), ME);
  mutex_unlock(q, mutex, ME, true);
  cr_assert(mutex_try(q, mutex, OTHER));
  check_is(mutex->bias, 0);
  cr_assert(!mutex_try(q, mutex, ME), "two hold it");
}

Test(robust_mutex, alternating_threads_earn_no_bias) {
  for (uint32_t i = 0; i < 3 * MUTEX_STREAK; i++) {
    const uint32_t id = i % 100 ? ME : OTHER;
    cr_assert(mutex_try(q, mutex, id));
    mutex_unlock(q, mutex, id, true);
  }
  check_is(mutex->bias, 0);
}

Test(robust_mutex, where_bias_is_not_allowed_there_is_none) {
  for (uint32_t i = 0; i < 3 * MUTEX_STREAK; i++) {
    cr_assert(mutex_try(q, mutex, ME));
    mutex_unlock(q, mutex, ME, false);
  }
  check_is(mutex->bias, 0);
}

/* ---- Exclusion ----------------------------------------------------------------------------------
 */

enum { ROUNDS = 400000, INTRUSIONS = 300 };

static int64_t guarded; /* not atomic: the mutex is all that orders it */

static void add_one(uint32_t id) {
  while (!mutex_try(q, mutex, id) && !mutex_wait(q, mutex, id, 50 * MS))
    continue;
  guarded++;
  mutex_unlock(q, mutex, id, true);
}

static void *add_many(void *id) {
  for (int i = 0; i < ROUNDS; i++)
    add_one((uint32_t)(uintptr_t)id);
  return NULL;
}

/* Comes seldom enough for the other to earn the bias again and again. */
static _Atomic bool intruder_left;

static void *intrude(void *id) {
  for (int i = 0; i < INTRUSIONS; i++) {
    nap(MS);
    add_one((uint32_t)(uintptr_t)id);
  }
  intruder_left = true;
  return NULL;
}

static int64_t added_meanwhile;

static void *add_meanwhile(void *id) {
  for (; !intruder_left; added_meanwhile++)
    add_one((uint32_t)(uintptr_t)id);
  return NULL;
}

static void run_together(void *(*first)(void *), void *(*second)(void *)) {
  pthread_t threads[2];
  pthread_create(&threads[0], NULL, first, (void *)(uintptr_t)ME);
  pthread_create(&threads[1], NULL, second, (void *)(uintptr_t)OTHER);
  for (int i = 0; i < 2; i++)
    pthread_join(threads[i], NULL);
}

Test(robust_mutex, one_at_a_time) {
  run_together(add_many, add_many);
  check_is(guarded, 2 * ROUNDS);
}

Test(robust_mutex, one_at_a_time_when_biased) {
  run_together(add_meanwhile, intrude);
  check_is(guarded, added_meanwhile + INTRUSIONS);
}
