/* SPDX-License-Identifier: Apache-2.0 */
/* The living go on after the deaths; whatever they see must agree with a model that is left. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "inside.h"
#include "steps.h"

#define LIMIT (5 * S) /* a call that takes longer hangs */

/* ---- Ruling models out ---- */

/* Does the model agree with what was seen? It may be changed by what was seen. */
typedef bool agree_fn(struct scene *s, struct model *m, const void *seen);

static void describe(const struct model *m, char *text, size_t room) {
  snprintf(text, room,
           "put %u done %u ring %u returned %u leased %u abandoned %u dead %u discarded %u got "
           "%" PRIu64 " redelivered %" PRIu64,
           m->n, model_count(m, DONE), model_count(m, RING), model_count(m, RETURNED),
           model_count(m, HELD_BY_OTHER), model_count(m, ABANDONED), model_count(m, DEAD),
           model_count(m, DISCARDED), model_deliveries(m), model_redeliveries(m));
}

static void keep(struct scene *s, agree_fn *agrees, const void *seen, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void keep(struct scene *s, agree_fn *agrees, const void *seen, const char *format, ...) {
  char what[256], expected[256];
  unsigned kept = 0;
  va_list arguments;
  describe(&s->models[s->models_n - 1], expected, sizeof expected);
  for (unsigned i = 0; i < s->models_n; i++) {
    if (agrees(s, &s->models[i], seen)) s->models[kept++] = s->models[i];
  }
  s->models_n = kept;
  if (kept > 0) return;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  scene_fails(s, "%s; no model agrees, the last was: %s", what, expected);
}

static bool all_models(struct scene *s, bool (*is)(struct model *)) {
  for (unsigned i = 0; i < s->models_n; i++) {
    if (!is(&s->models[i])) return false;
  }
  return true;
}

static bool is_open(struct scene *s, struct model *m, const void *seen) {
  (void)s, (void)seen;
  return !m->shut_down;
}

static bool is_shut_down(struct scene *s, struct model *m, const void *seen) {
  return !is_open(s, m, seen);
}

static bool was_put(struct scene *s, struct model *m, const void *seen) {
  (void)s;
  return model_put(m, *(const uint64_t *)seen);
}

static bool was_consumed(struct scene *s, struct model *m, const void *seen) {
  (void)s;
  return model_consume(m, *(const uint64_t *)seen);
}

static bool nothing_waits(struct scene *s, struct model *m, const void *seen) {
  (void)s, (void)seen;
  return model_next(m) == NULL;
}

/* ---- Numbers ---- */

static struct shmq_stats stats_of(struct scene *s) {
  struct shmq_stats stats;
  const int error = shmq_stat(s->queue, &stats);
  if (error) scene_fails(s, "shmq_stat: %s", shmq_strerror(error));
  return stats;
}

/* A delivery that was not the first is counted after its commit: each kill may lose one. */
static bool deliveries_agree(const struct scene *s, const struct model *m,
                             const struct shmq_stats *stats) {
  const uint64_t redelivered = model_redeliveries(m);
  const uint64_t lost = redelivered - stats->redelivered;
  return lost <= s->kills && stats->got + lost == model_deliveries(m);
}

static bool numbers_agree(struct scene *s, struct model *m, const void *seen) {
  const struct shmq_stats *stats = seen;
  const unsigned returned = model_count(m, RETURNED), waiting = model_count(m, RING) + returned;
  const unsigned leased = model_count(m, HELD_BY_OTHER);
  return stats->put == m->n && stats->qsize == waiting && stats->returned == returned &&
         stats->leased == leased && stats->unfinished == waiting + leased &&
         stats->done == model_count(m, DONE) && stats->abandoned == model_count(m, ABANDONED) &&
         stats->dead_lettered == model_count(m, DEAD) &&
         stats->discarded == model_count(m, DISCARDED) && stats->shut_down == m->shut_down &&
         deliveries_agree(s, m, stats);
}

static bool any_agrees(struct scene *s, const struct shmq_stats *stats) {
  for (unsigned i = 0; i < s->models_n; i++) {
    if (numbers_agree(s, &s->models[i], stats)) return true;
  }
  return false;
}

/* A sleeper wakes up once in a while, and may just be burying what the dead were to bury. */
static struct shmq_stats stats_at_rest(struct scene *s) {
  const shmq_ns end = now() + LIMIT;
  struct shmq_stats stats = stats_of(s);
  while (s->people[SLEEPER].pid && !any_agrees(s, &stats) && now() < end) {
    nap(100 * US);
    stats = stats_of(s);
  }
  return stats;
}

static void check_numbers(struct scene *s) {
  const struct shmq_stats n = stats_at_rest(s);
  keep(s, numbers_agree, &n,
       "counts: put %" PRIu64 " done %" PRIu64 " waiting %" PRIu64 " returned %" PRIu64
       " leased %" PRIu64 " unfinished %" PRIu64 " abandoned %" PRIu64 " dead %" PRIu64
       " discarded %" PRIu64 " got %" PRIu64 " redelivered %" PRIu64 "%s",
       n.put, n.done, n.qsize, n.returned, n.leased, n.unfinished, n.abandoned, n.dead_lettered,
       n.discarded, n.got, n.redelivered, n.shut_down ? " shut down" : "");
}

static unsigned living(const struct scene *s) {
  unsigned n = 1;
  for (enum part part = 0; part < PARTS; part++)
    n += s->people[part].pid != 0;
  return n;
}

/* A child has its parent's descriptor until the library's fork handler has run in it. */
static void await_child(struct scene *s) {
  const shmq_ns end = now() + LIMIT;
  while (stats_of(s).processes != living(s) && now() < end) {
    nap(20 * US);
    shmq_recover(s->queue);
  }
}

static void check_slots(struct scene *s) {
  if (s->test->call->forks) await_child(s);
  const unsigned processes = stats_of(s).processes, threads = segment_threads(s->queue);
  if (processes != living(s)) scene_fails(s, "%u process slots, %u live", processes, living(s));
  if (threads != living(s)) scene_fails(s, "%u thread slots, %u live", threads, living(s));
  if (segment_dead_hold_cells(s->queue)) scene_fails(s, "the dead hold a cell");
}

static void check_sound(struct scene *s) {
  const char *broken = "";
  const int error = shmq_check(s->queue, &broken);
  if (error) scene_fails(s, "shmq_check: %s: %s", shmq_strerror(error), broken);
}

/* ---- The sleeper wakes ---- */

/* Is there something for it, as far as one can see from outside? */
static bool sleeper_can_go(struct scene *s) {
  const struct shmq_stats stats = stats_of(s);
  switch (s->test->state->role) {
    case GETTER:
      return !stats.empty || stats.shut_down || stats.leased > s->test->state->others;
    case PUTTER:
      return !stats.full || stats.shut_down;
    case TAKER:
      return true;
    default:
      return false;
  }
}

/* Someone living does what the sleeper waits for. */
static bool poke(struct scene *s, bool *seen) {
  struct shmq_lease lease;
  uint64_t number = OF_LIVING;
  if (s->test->state->role == GETTER) {
    if (item_put(s->queue, number, s->test->state->size, LIMIT) != 0) return false;
    keep(s, was_put, &number, "a put that succeeded");
    return true;
  }
  if (shmq_take(s->queue, &lease, SHMQ_NOWAIT) != 0) return false;
  number = item_read(lease.data, lease.size);
  const bool its_own = number == OF_SLEEPER; /* it went on meanwhile */
  if (its_own) keep(s, was_put, &number, "the sleeper's put");
  *seen |= its_own;
  keep(s, was_consumed, &number, "item %" PRIu64 " taken for the sleeper", number);
  return shmq_done(s->queue, &lease) == 0;
}

static void sleeper_result(struct scene *s, const struct page *page, bool seen) {
  uint64_t number = page->number;
  if (page->result == -ESHUTDOWN) {
    keep(s, is_shut_down, NULL, "the sleeper was told of a shutdown");
  } else if (page->result != 0) {
    scene_fails(s, "the sleeper's call: %s", shmq_strerror((int)page->result));
  } else if (s->test->state->role == PUTTER) {
    number = OF_SLEEPER;
    if (!seen) keep(s, was_put, &number, "the sleeper's put succeeded");
  } else {
    keep(s, was_consumed, &number, "the sleeper got item %" PRIu64, number);
  }
}

/* It has what it needs, or gets it from us: then the time runs from there. */
static void sleeper_goes_on(struct scene *s) {
  struct page *page = s->people[SLEEPER].page;
  const shmq_ns end = now() + LIMIT;
  shmq_ns since = s->time_of_death;
  bool seen = false;
  while (!comes_true(&page->finished, MS) && now() < end) {
    const shmq_ns start = now();
    if (!sleeper_can_go(s) && poke(s, &seen)) since = start;
  }
  if (!page->finished) scene_fails(s, "the sleeper hangs");
  progress_took(s, now() - since);
  sleeper_result(s, page, seen);
}

/* ---- The locks are free ---- */

/* A look at the next item changes nothing, and needs the consumers' lock. */
static void look(struct scene *s) {
  char data[ITEM_MAX];
  const shmq_ns start = now();
  ssize_t size;
  do {
    size = shmq_peek(s->queue, data, sizeof data);
  } while (size == -EAGAIN && !shmq_empty(s->queue) && now() < start + LIMIT);
  if (size == -EAGAIN && !shmq_empty(s->queue)) scene_fails(s, "shmq_peek sees nothing");
  if (size < 0 && size != -EAGAIN && size != -ESHUTDOWN) {
    scene_fails(s, "shmq_peek: %s", shmq_strerror((int)size));
  }
  progress_took(s, now() - start);
}

static bool has_room(struct model *m) {
  return m->shut_down || model_count(m, RING) < m->room;
}

/* A put needs the producers' lock; a full queue is no hindrance to seeing that one gets it. */
static void put_another(struct scene *s) {
  const uint64_t number = OF_LIVING + 1;
  const shmq_ns start = now(), timeout = all_models(s, has_room) ? LIMIT : SHMQ_NOWAIT;
  const int error = item_put(s->queue, number, s->test->state->size, timeout);
  progress_took(s, now() - start);
  if (error == 0) {
    keep(s, was_put, &number, "a put that succeeded");
  } else if (error == -ESHUTDOWN) {
    keep(s, is_shut_down, NULL, "put says that the queue is shut down");
  } else if (timeout != SHMQ_NOWAIT || error != -EAGAIN) {
    scene_fails(s, "shmq_put: %s", shmq_strerror(error));
  }
}

/* ---- What is left comes out, in order ---- */

struct delivery {
  uint64_t number, id;
  uint32_t attempt;
};

static bool is_next(struct scene *s, struct model *m, const void *seen) {
  const struct delivery *d = seen;
  const struct item *item = model_next(m);
  (void)s;
  return item && item->number == d->number && (uint64_t)(item - m->items) == d->id &&
         item->deliveries + 1 == d->attempt && model_consume(m, d->number);
}

static void drain(struct scene *s) {
  struct shmq_lease lease;
  int error;
  while ((error = shmq_take(s->queue, &lease, SHMQ_NOWAIT)) == 0) {
    const struct delivery d = {item_read(lease.data, lease.size), lease.id, lease.attempt};
    keep(s, is_next, &d, "item %" PRIu64 " (id %" PRIu64 ", delivery %u) comes", d.number, d.id,
         d.attempt);
    error = shmq_done(s->queue, &lease);
    if (error) scene_fails(s, "shmq_done: %s", shmq_strerror(error));
  }
  if (error != -EAGAIN && error != -ESHUTDOWN) {
    scene_fails(s, "shmq_take: %s", shmq_strerror(error));
  }
  keep(s, nothing_waits, NULL, "nothing more comes");
}

static void others_finish(struct scene *s) {
  if (s->people[HOLDER].pid == 0) return;
  const int64_t error = holder_finish(s);
  if (error && !s->test->state->aged) {
    scene_fails(s, "a living process lost its lease: %s", shmq_strerror((int)error));
  }
  for (unsigned i = 0; i < s->models_n; i++) {
    for (struct item *item; (item = model_first(&s->models[i], HELD_BY_OTHER));)
      item->place = DONE;
  }
}

static void join(struct scene *s) {
  const int error = shmq_join(s->queue, LIMIT);
  if (error) scene_fails(s, "shmq_join: %s", shmq_strerror(error));
  if (s->test->state->role != JOINER) return;
  struct page *page = s->people[SLEEPER].page;
  if (!comes_true(&page->finished, LIMIT)) scene_fails(s, "the sleeping joiner hangs");
  if (page->result) scene_fails(s, "the joiner's call: %s", shmq_strerror((int)page->result));
}

/* ---- The queue works as ever ---- */

static void must(struct scene *s, const char *what, int64_t result, int64_t expected) {
  if (result != expected) scene_fails(s, "at the end, %s: %d", what, (int)result);
}

static void refuse(struct scene *s) {
  struct shmq_lease lease;
  must(s, "put", item_put(s->queue, 1, s->test->state->size, LIMIT), -ESHUTDOWN);
  must(s, "take", shmq_take(s->queue, &lease, LIMIT), -ESHUTDOWN);
}

/* ---- The dead letters ---- */

/* Each is there once; once more for each process that may have died on the way. */
static void count_letters(struct scene *s, shmq *dead) {
  const struct model *m = &s->models[0];
  unsigned copies[ITEMS_MAX] = {0};
  char data[ITEM_MAX];
  ssize_t size;
  while ((size = shmq_get(dead, data, sizeof data, SHMQ_NOWAIT)) >= 0) {
    const uint64_t number = item_read(data, (size_t)size);
    for (unsigned i = 0; i < m->n; i++)
      copies[i] += m->items[i].number == number;
  }
  for (unsigned i = 0; i < m->n; i++) {
    const bool is_dead = m->items[i].place == DEAD;
    if (copies[i] < is_dead || copies[i] > (is_dead ? 1 + s->kills : 0)) {
      scene_fails(s, "item %" PRIu64 " is %u times in NAME.dead", m->items[i].number, copies[i]);
    }
  }
}

static void check_dead_letters(struct scene *s) {
  shmq *dead;
  const int error = shmq_open(&dead, s->dead_name);
  if (error == -ENOENT && model_count(&s->models[0], DEAD) == 0) return;
  if (error) scene_fails(s, "opening NAME.dead: %s", shmq_strerror(error));
  const int recovered = shmq_recover(dead), checked = shmq_check(dead, NULL);
  if (recovered < 0 || checked) scene_fails(s, "NAME.dead: %d, %d", recovered, checked);
  if (segment_threads(dead) != 1) scene_fails(s, "NAME.dead: a dead process has a thread slot");
  count_letters(s, dead);
  shmq_close(dead);
}

/* ---- All of it ---- */

/* The maker died: the queue is there, complete, or it can be made. */
static void open_or_make(struct scene *s) {
  const struct shmq_options options = state_options(s->test->state);
  const shmq_ns start = now();
  const int error = shmq_open_or_create(&s->queue, s->name, &options);
  if (error) scene_fails(s, "shmq_open_or_create: %s", shmq_strerror(error));
  progress_took(s, now() - start);
}

static void recover(struct scene *s) {
  const shmq_ns start = now();
  const int found = shmq_recover(s->queue);
  if (found < 0) scene_fails(s, "shmq_recover: %s", shmq_strerror(found));
  progress_took(s, now() - start);
}

void judge(struct scene *s) {
  if (!s->queue) open_or_make(s);
  if (s->people[SLEEPER].pid && s->test->state->role != JOINER) sleeper_goes_on(s);
  look(s);
  put_another(s);
  recover(s);
  check_sound(s);
  check_slots(s);
  check_numbers(s);
  drain(s);
  others_finish(s);
  join(s);
  check_numbers(s);
  if (s->models[0].shut_down) {
    refuse(s);
  } else {
    newcomer_work(s);
  }
  check_sound(s);
  check_dead_letters(s);
}
