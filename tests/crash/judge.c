/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge reads the book of a storm that is over, and finds what breaks a promise:
 *
 *   - an item that no producer was about to put, or whose bytes are not its own (P3);
 *   - an item delivered again after it was finished, or after it was got for good, or while a
 *     worker that lives held it (P3);
 *   - an item that was put and is neither finished nor abandoned (P2). What a get had in its hands
 *     when its process was killed was not written down: as many items as that may be missing;
 *   - first deliveries out of order (P4);
 *   - counts that do not agree, a join that did not return, a call that took too long (P1, P5).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "storm.h"

struct fate {
  uint64_t id;
  uint16_t deliveries;
  bool has_id, ended, perhaps_finished, late;
};

/* What the killed had in their hands, unwritten. */
struct margin {
  uint64_t gets, takes;
};

struct tally {
  uint64_t put, about, delivered, redelivered, missing, late;
  uint64_t abandoned, perhaps_abandoned;
  uint64_t full, empty;
  struct margin margin;
};

struct court {
  const struct book *book;
  const struct outcome *outcome;
  uint64_t *first_fate; /* of each producer's first item */
  struct fate *fates;
  uint64_t *last_id;    /* of each consumer's first deliveries */
  uint64_t *last_stamp; /* of each consumer and line of producers */
  struct tally tally;
  int wrongs;
};

__attribute__((format(printf, 2, 3))) static void wrong(struct court *court, const char *format,
                                                        ...) {
  va_list arguments;
  if (++court->wrongs > 20) return;
  va_start(arguments, format);
  fputs("WRONG: ", stdout);
  vprintf(format, arguments);
  putchar('\n');
  va_end(arguments);
}

static bool is_producer(const struct worker *worker) {
  return worker->role < PRODUCER_ROLES;
}

static uint64_t lines(const struct book *book) {
  return ROLES * book->parameters.threads;
}

static void *zeroed(uint64_t n, size_t size) {
  void *memory = calloc(n ? n : 1, size);
  if (!memory) abort();
  return memory;
}

/* ---- Workers ------------------------------------------------------------------------------------
 */

static void hear_worker(struct court *court, uint32_t i) {
  const struct worker *worker = &court->book->workers[i];
  struct tally *tally = &court->tally;
  if (worker->error)
    wrong(court, "worker %u of role %d met: %s", i, worker->role, shmq_strerror(worker->error));
  court->first_fate[i] = tally->about;
  tally->full += worker->full;
  tally->empty += worker->empty;
  if (is_producer(worker)) {
    tally->put += worker->put;
    tally->about += worker->about;
  }
  if (worker->killed && worker->call == GETTING) tally->margin.gets += worker->batch;
  if (worker->killed && worker->call == TAKING) tally->margin.takes += worker->batch;
}

/* ---- Deliveries ---------------------------------------------------------------------------------
 */

static struct fate *fate_of(struct court *court, const struct delivery *delivery) {
  if (delivery->damaged || delivery->producer >= court->book->workers_used) return NULL;
  const struct worker *producer = &court->book->workers[delivery->producer];
  if (!is_producer(producer) || delivery->sequence >= producer->about) return NULL;
  return &court->fates[court->first_fate[delivery->producer] + delivery->sequence];
}

static void judge_id(struct court *court, const struct delivery *delivery, struct fate *fate) {
  if (fate->has_id && fate->id != delivery->id) wrong(court, "an item changed its id");
  if (delivery->attempt <= fate->deliveries)
    wrong(court, "delivery %u of an item says that it is attempt %u", fate->deliveries + 1,
          delivery->attempt);
  fate->id = delivery->id;
  fate->has_id = true;
}

/* Within one consumer, first deliveries come in the order of puts. A get does not tell whether its
   delivery is a first one: what comes late may have been in the hands of a dead taker. */
static void judge_order(struct court *court, const struct delivery *delivery, struct fate *fate) {
  const uint32_t consumer = delivery->consumer - 1;
  const uint32_t line = court->book->workers[delivery->producer].line;
  const uint64_t stamp = ((uint64_t)delivery->producer << 32 | delivery->sequence) + 1;
  uint64_t *last_stamp = &court->last_stamp[consumer * lines(court->book) + line];
  if (delivery->attempt > 1) return;
  if (delivery->attempt == 0 && stamp <= *last_stamp) {
    fate->late = true;
    return;
  }
  if (stamp <= *last_stamp) wrong(court, "consumer %u got an item of %u late", consumer, line);
  *last_stamp = stamp;
  if (delivery->attempt == 0) return;
  if (delivery->id + 1 <= court->last_id[consumer])
    wrong(court, "ids fell at consumer %u", consumer);
  court->last_id[consumer] = delivery->id + 1;
}

/* How the delivery ended: for good, or in a way after which the item may come again. */
static void judge_end(struct court *court, const struct delivery *delivery, struct fate *fate) {
  const bool killed = court->book->workers[delivery->consumer - 1].killed;
  const bool for_good = delivery->attempt == 0;
  if (for_good || delivery->state == FINISHED) fate->ended = true;
  if (delivery->state == FINISHED || delivery->state == GIVEN) return;
  if (!killed) wrong(court, "a living worker did not end its item");
  if (!for_good) fate->perhaps_finished |= delivery->state == ENDING_IT;
  if (for_good) court->tally.perhaps_abandoned++;
  if (for_good && delivery->state == HELD) court->tally.abandoned++;
}

static void judge_delivery(struct court *court, const struct delivery *delivery) {
  struct fate *fate = fate_of(court, delivery);
  if (!fate) {
    wrong(court, "an item was delivered that nobody put, or it was damaged");
    return;
  }
  if (fate->ended) wrong(court, "an item was delivered after it was finished, or got, or held");
  if (delivery->attempt) judge_id(court, delivery, fate);
  judge_order(court, delivery, fate);
  judge_end(court, delivery, fate);
  court->tally.delivered++;
  if (fate->deliveries++) court->tally.redelivered++;
}

/* ---- Items --------------------------------------------------------------------------------------
 */

static bool is_settled(const struct fate *fate) {
  return fate->ended || fate->perhaps_finished;
}

/* The puts that a kill cut short: some are there, and then all before them were, too. */
static void judge_cut_short(struct court *court, const struct fate *fates, uint64_t n) {
  uint64_t absent = 0;
  for (uint64_t i = 0; i < n; i++) {
    if (fates[i].deliveries == 0) {
      absent++;
      continue;
    }
    court->tally.missing += absent + !is_settled(&fates[i]);
    absent = 0;
  }
}

/* Ids are given in the order of puts, and one producer's puts come one after the other. */
static void judge_ids(struct court *court, const struct fate *fates, uint64_t n) {
  uint64_t last = 0;
  for (uint64_t i = 0; i < n; i++) {
    if (!fates[i].has_id) continue;
    if (fates[i].id + 1 <= last)
      wrong(court, "a producer's items are not in the order of its puts");
    last = fates[i].id + 1;
  }
}

static void judge_producer(struct court *court, uint32_t i) {
  const struct worker *producer = &court->book->workers[i];
  const struct fate *fates = &court->fates[court->first_fate[i]];
  const uint64_t put = producer->put, about = producer->about;
  for (uint64_t k = 0; k < put; k++)
    court->tally.missing += !is_settled(&fates[k]);
  judge_cut_short(court, fates + put, about - put);
  judge_ids(court, fates, about);
  for (uint64_t k = 0; k < about; k++)
    court->tally.late += fates[k].late && fates[k].deliveries == 1;
}

/* ---- Sums ---------------------------------------------------------------------------------------
 */

static void check_between(struct court *court, const char *what, uint64_t value, uint64_t low,
                          uint64_t high) {
  if (value < low || value > high)
    wrong(court, "%s is %" PRIu64 ", and not from %" PRIu64 " to %" PRIu64, what, value, low, high);
}

static void judge_sums(struct court *court) {
  const struct tally *tally = &court->tally;
  const struct margin *margin = &tally->margin;
  const struct shmq_stats *stats = &court->outcome->stats;
  const uint64_t unwritten = margin->gets + margin->takes;
  check_between(court, "missing", tally->missing, 0, margin->gets);
  check_between(court, "late", tally->late, 0, margin->takes);
  check_between(court, "put", stats->put, tally->put, tally->about);
  check_between(court, "got", stats->got, tally->delivered, tally->delivered + unwritten);
  check_between(court, "redelivered", stats->redelivered, tally->redelivered,
                tally->redelivered + unwritten);
  check_between(court, "abandoned", stats->abandoned, tally->abandoned + tally->missing,
                tally->perhaps_abandoned + margin->gets);
  check_between(court, "unfinished", stats->unfinished, 0, 0);
  check_between(court, "leased", stats->leased, 0, 0);
  check_between(court, "processes", stats->processes, 1, 1);
  check_between(court, "done + abandoned", stats->done + stats->abandoned, stats->put, stats->put);
}

/* While one that is stopped holds a lock, items have a reason not to move. */
static void judge_times(struct court *court) {
  const struct outcome *outcome = court->outcome;
  const int64_t reason = outcome->stops ? STOP_TIME : 0;
  if (outcome->worst_overshoot > SECOND)
    wrong(court, "a call took more than 1 s beyond its reason");
  if (outcome->worst_stall > reason + SECOND) wrong(court, "no item moved for more than 1 s");
  if (outcome->join) wrong(court, "join: %s", shmq_strerror(outcome->join));
  if (outcome->check) wrong(court, "check: %s", outcome->broken ? outcome->broken : "failed");
}

static const char *const call_names[] = {"",        "putting",   "taking",
                                         "getting", "finishing", "giving back"};

static void print_table(const struct court *court) {
  const struct tally *tally = &court->tally;
  const struct outcome *outcome = court->outcome;
  const struct shmq_stats *stats = &outcome->stats;
  printf("kills            %12" PRIu64 "\n", outcome->kills);
  printf("stops of 3 s     %12" PRIu64 "\n", outcome->stops);
  printf("items put        %12" PRIu64 "\n", stats->put);
  printf("deliveries       %12" PRIu64 "\n", stats->got);
  printf("redelivered      %12" PRIu64 "\n", stats->redelivered);
  printf("abandoned        %12" PRIu64 "\n", stats->abandoned);
  printf("  in a killed get%12" PRIu64 " (at most %" PRIu64 ")\n", tally->missing,
         tally->margin.gets);
  printf("found full       %12" PRIu64 "\n", tally->full);
  printf("found empty      %12" PRIu64 "\n", tally->empty);
  printf("worst overshoot  %12.1f ms, %s\n", (double)outcome->worst_overshoot / (double)MS,
         call_names[outcome->worst_call]);
  printf("longest stall    %12.1f ms\n", (double)outcome->worst_stall / (double)MS);
  printf("wrong            %12d\n", court->wrongs);
}

int judge(const struct book *book, const struct outcome *outcome) {
  struct court court = {.book = book, .outcome = outcome};
  const uint32_t workers = book->workers_used;
  court.first_fate = zeroed(workers, sizeof *court.first_fate);
  for (uint32_t i = 0; i < workers; i++)
    hear_worker(&court, i);
  court.fates = zeroed(court.tally.about, sizeof *court.fates);
  court.last_id = zeroed(workers, sizeof *court.last_id);
  court.last_stamp = zeroed(workers * lines(book), sizeof *court.last_stamp);
  if (book->deliveries_used > book->deliveries_max) wrong(&court, "the book was too small");
  for (uint64_t i = 0; i < book->deliveries_used && i < book->deliveries_max; i++)
    if (book->deliveries[i].consumer) judge_delivery(&court, &book->deliveries[i]);
  for (uint32_t i = 0; i < workers; i++)
    if (is_producer(&book->workers[i])) judge_producer(&court, i);
  judge_sums(&court);
  judge_times(&court);
  print_table(&court);
  free(court.first_fate);
  free(court.fates);
  free(court.last_id);
  free(court.last_stamp);
  return court.wrongs;
}
