/* SPDX-License-Identifier: Apache-2.0 */
#include "timeout.h"

#include "check.h"

SUITE(timeout);

Test(timeout, time_runs_from_the_first_look) {
  struct timeout t = {.ns = 50 * MS};
  nap(60 * MS);
  check_at_least(timeout_left(&t, INT64_MAX), 1);
  nap(60 * MS);
  check_at_most(timeout_left(&t, INT64_MAX), 0);
}

Test(timeout, slices_cut_what_is_left) {
  struct timeout t = {.ns = SECOND};
  check_is(timeout_left(&t, MS), MS);
  struct timeout forever = {.ns = SHMQ_FOREVER};
  check_is(timeout_left(&forever, 100 * MS), 100 * MS);
}

Test(timeout, nowait_is_patient_with_locks_only) {
  struct timeout t = {.ns = SHMQ_NOWAIT};
  check_at_most(timeout_left(&t, SECOND), LOCK_PATIENCE);
  check_is(timeout_error(&t), -EAGAIN);
  t = (struct timeout){.ns = 1};
  check_is(timeout_error(&t), -ETIMEDOUT);
}
