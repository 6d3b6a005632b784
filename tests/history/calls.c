/* SPDX-License-Identifier: Apache-2.0 */
/* What each call must keep by itself: its results, its time, and what follows a shutdown. */
#include <errno.h>
#include <inttypes.h>

#include "court.h"

/* ---- Results ------------------------------------------------------------------------------------
 */

static bool waits(const struct call *call) {
  return is_put(call) || is_get(call) || is_take(call) || call->op == JOIN;
}

static bool result_is_allowed(const struct call *call) {
  const int64_t result = call->result;
  if (result >= 0) return true;
  if (waits(call) && result == -EAGAIN) return call->timeout == 0;
  if (waits(call) && result == -ETIMEDOUT) return call->timeout > 0;
  if (result == -ESHUTDOWN) return is_put(call) || is_get(call) || is_take(call);
  if (result == -ESTALE)
    return call->op == DONE || call->op == GIVE_BACK || call->op == BURY || call->op == TOUCH;
  if (result == -ETIMEDOUT) return call->op == RECOVER || call->op == BURY;
  return call->op == BURY && result == -EAGAIN; /* NAME.dead is full */
}

static void judge_result(struct court *court, const struct call *call) {
  const struct member *member = member_of(court, call);
  if (call->state == CALLED) {
    if (!member->killed) find(court, HANG, call, "the call did not return, and nobody was killed");
    return;
  }
  if (!result_is_allowed(call)) find(court, BAD_RESULT, call, "no such result is promised");
}

/* ---- Time ---------------------------------------------------------------------------------------
 */

static void judge_time(struct court *court, const struct call *call) {
  const struct member *member = member_of(court, call);
  const int64_t until = call->state == RETURNED ? call->returned : member->killed;
  const int64_t allowed = waits(call) ? call->timeout : 0;
  const int64_t took = until - call->called;
  if (call->result == -ETIMEDOUT && waits(call) && took < call->timeout)
    find(court, BAD_TIME, call, "it timed out before its time");
  if (allowed < 0 || until == 0 || took - allowed <= court->verdict->worst_overshoot) return;
  const int64_t overshoot =
      took - allowed - call->unscheduled - stopped(court->history, call->called, until);
  const int64_t limit = is_cut_short(call) ? 10 * SECOND : SECOND; /* who was killed cannot tell */
  if (!is_cut_short(call) && overshoot > court->verdict->worst_overshoot)
    court->verdict->worst_overshoot = overshoot;
  if (overshoot > limit)
    find(court, BAD_TIME, call, "it took %" PRId64 " ms too long", overshoot / MS);
}

/* ---- Shutdown -----------------------------------------------------------------------------------
 */

struct shutdown {
  int64_t first_called, first_returned;
};

static struct shutdown find_shutdown(const struct history *history) {
  struct shutdown shutdown = {NEVER, NEVER};
  for (uint64_t i = 0; i < history->calls_used; i++) {
    const struct call *call = &history->calls[i];
    if (call->state == BLANK || (call->op != SHUTDOWN && call->op != SHUTDOWN_NOW)) continue;
    if (call->called < shutdown.first_called) shutdown.first_called = call->called;
    if (succeeded(call) && call->returned < shutdown.first_returned)
      shutdown.first_returned = call->returned;
  }
  return shutdown;
}

static void judge_shutdown(struct court *court, const struct shutdown *shutdown,
                           const struct call *call) {
  if (call->state != RETURNED) return;
  if (call->result == -ESHUTDOWN && call->returned < shutdown->first_called)
    find(court, BAD_SHUTDOWN, call, "nobody had shut the queue down");
  if (is_put(call) && call->result >= 0 && call->called > shutdown->first_returned)
    find(court, BAD_SHUTDOWN, call, "the queue had been shut down");
}

/* Who waits for ever waits until the shutdown at the latest, and a moment. */
static void judge_waking(struct court *court, const struct shutdown *shutdown,
                         const struct call *call) {
  const struct member *member = member_of(court, call);
  const int64_t until = call->state == RETURNED ? call->returned : member->killed;
  if (shutdown->first_returned == NEVER || call->op == JOIN) return;
  if (until - shutdown->first_returned > 10 * SECOND && until - call->called > 10 * SECOND)
    find(court, HANG, call, "it went on for long after the shutdown");
}

void judge_each_call(struct court *court) {
  const struct shutdown shutdown = find_shutdown(court->history);
  for (uint64_t i = 0; i < court->history->calls_used; i++) {
    const struct call *call = &court->history->calls[i];
    if (call->state == BLANK) continue;
    judge_result(court, call);
    judge_time(court, call);
    judge_shutdown(court, &shutdown, call);
    judge_waking(court, &shutdown, call);
  }
  for (uint32_t i = 0; i < court->history->members_used; i++)
    court->verdict->killed += court->history->members[i].killed != 0;
}

/* ---- What the queue counted ---------------------------------------------------------------------
 */

static void check_between(struct court *court, const char *what, uint64_t value, uint64_t low,
                          uint64_t high) {
  if (value < low || value > high)
    find(court, COUNTS, NULL, "%s is %" PRIu64 ", and not from %" PRIu64 " to %" PRIu64, what,
         value, low, high);
}

/* How many the calls counted, surely and perhaps. */
struct sums {
  uint64_t done, perhaps_done, got, perhaps_got, letters, put, perhaps_put;
};

static struct sums add_up(const struct court *court) {
  struct sums sums = {0};
  for (uint64_t i = 0; i < court->history->calls_used; i++) {
    const struct call *call = &court->history->calls[i];
    if (call->state == BLANK) continue;
    if (call->op == DONE || call->op == TASK_DONE) {
      sums.done += call->state == RETURNED && call->result == 0;
      sums.perhaps_done += call->state == CALLED;
    }
    if (is_get(call) && succeeded(call)) sums.got += call->n;
    if (is_get(call) && is_cut_short(call)) sums.perhaps_got += BATCH;
  }
  for (uint64_t i = 0; i < court->items_n; i++) {
    sums.put += court->items[i].presence == CERTAIN;
    sums.perhaps_put += court->items[i].presence == PERHAPS;
    sums.letters += court->items[i].letters > 0;
  }
  return sums;
}

void judge_counts(struct court *court) {
  const struct final *final = &court->history->final;
  const struct sums sums = add_up(court);
  if (!final->known) return;
  check_between(court, "put", final->put, sums.put, sums.put + sums.perhaps_put);
  check_between(court, "done", final->done, sums.done, sums.done + sums.perhaps_done);
  check_between(court, "abandoned", final->abandoned, 0, sums.got + sums.perhaps_got);
  check_between(court, "unfinished", final->unfinished, 0, 0);
  check_between(court, "leased", final->leased, 0, 0);
  check_between(court, "dead_lettered", final->dead_lettered, sums.letters, sums.letters);
  check_between(court, "the sum of what became of them",
                final->done + final->abandoned + final->dead_lettered + final->discarded,
                final->put, final->put);
  if (final->check) find(court, COUNTS, NULL, "shmq_check says %" PRId64, final->check);
}
