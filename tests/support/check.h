/* SPDX-License-Identifier: Apache-2.0 */
/* Assertions for Criterion tests that show what they met. */
#ifndef CHECK_H
#define CHECK_H

#include <criterion/criterion.h>

#include "support.h"

/* A suite whose tests are ended when they hang. */
#define SUITE(name) TestSuite(name, .timeout = 600)

#define check_is(actual, expected)                                                               \
  do {                                                                                           \
    const int64_t actual_ = (int64_t)(actual), expected_ = (int64_t)(expected);                  \
    cr_assert(actual_ == expected_, "%s is %" PRId64 ", not %s (%" PRId64 ")", #actual, actual_, \
              #expected, expected_);                                                             \
  } while (0)

#define check_at_least(actual, limit)                                                           \
  do {                                                                                          \
    const int64_t actual_ = (int64_t)(actual), limit_ = (int64_t)(limit);                       \
    cr_assert(actual_ >= limit_, "%s is %" PRId64 ", below %s (%" PRId64 ")", #actual, actual_, \
              #limit, limit_);                                                                  \
  } while (0)

#define check_at_most(actual, limit)                                                            \
  do {                                                                                          \
    const int64_t actual_ = (int64_t)(actual), limit_ = (int64_t)(limit);                       \
    cr_assert(actual_ <= limit_, "%s is %" PRId64 ", above %s (%" PRId64 ")", #actual, actual_, \
              #limit, limit_);                                                                  \
  } while (0)

/* Look again and again until it is so, or patience ends. */
#define check_becomes(condition)                                                       \
  do {                                                                                 \
    const shmq_ns end_ = now() + PATIENCE;                                             \
    bool became_;                                                                      \
    while (!(became_ = (condition)) && now() < end_)                                   \
      nap(MS);                                                                         \
    cr_assert(became_, "%s: not so after %d s", #condition, (int)(PATIENCE / SECOND)); \
  } while (0)

/* The segment keeps every invariant. */
#define check_sound(queue)                                                        \
  do {                                                                            \
    const char *broken_ = "";                                                     \
    const int sound_ = shmq_check(queue, &broken_);                               \
    cr_assert(sound_ == 0, "shmq_check: %s: %s", shmq_strerror(sound_), broken_); \
  } while (0)

/* Nothing waits, is held or is owed; the counts agree. */
#define check_at_rest(queue)                                                                   \
  do {                                                                                         \
    const struct shmq_stats rest_ = stats_of(queue);                                           \
    check_sound(queue);                                                                        \
    check_is(rest_.unfinished, 0);                                                             \
    check_is(rest_.leased, 0);                                                                 \
    check_is(rest_.qsize, 0);                                                                  \
    check_is(rest_.put, rest_.done + rest_.abandoned + rest_.dead_lettered + rest_.discarded); \
  } while (0)

#endif
