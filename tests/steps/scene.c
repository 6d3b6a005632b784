/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inside.h"
#include "steps.h"

#define TICK (10 * MS) /* of any clock: none is ahead of the true time */

static void must(struct scene *s, const char *what, int64_t result, int64_t expected) {
  if (result != expected) scene_fails(s, "setting the scene, %s: %d", what, (int)result);
}

static void take_one(struct scene *s, struct shmq_lease *lease) {
  must(s, "take", shmq_take(s->queue, lease, SHMQ_NOWAIT), 0);
}

static void put_items(struct scene *s, unsigned n, size_t size) {
  for (unsigned i = 0; i < n; i++) {
    const uint64_t number = OF_SETUP + s->before.n;
    must(s, "put", item_put(s->queue, number, size, SHMQ_NOWAIT), 0);
    model_put(&s->before, number);
  }
}

static void pass_item(struct scene *s, size_t size) {
  struct shmq_lease lease;
  put_items(s, 1, size);
  take_one(s, &lease);
  must(s, "done", shmq_done(s->queue, &lease), 0);
  model_consume(&s->before, s->before.items[s->before.n - 1].number);
}

/* Take the next n items and give them back. */
static void return_items(struct scene *s, unsigned n) {
  struct shmq_lease leases[4];
  for (unsigned i = 0; i < n; i++) {
    take_one(s, &leases[i]);
    model_deliver(&s->before, HELD_BY_OTHER);
  }
  for (unsigned i = 0; i < n; i++) {
    must(s, "give_back", shmq_give_back(s->queue, &leases[i]), 0);
    s->before.items[leases[i].id].place = RETURNED;
  }
}

static void deliver(struct scene *s, unsigned n, enum place place) {
  for (unsigned i = 0; i < n; i++)
    model_deliver(&s->before, place);
}

static void put_all(struct scene *s) {
  const struct state *state = s->test->state;
  if (state->odd) pass_item(s, state->size / 2 - 4);
  for (unsigned i = 0; i < state->passed; i++)
    pass_item(s, state->size);
  const unsigned handed_out =
      state->others + state->lost_held + state->lost_got + state->held + state->got;
  put_items(s, handed_out + state->returned + state->ring, state->size);
}

/* The items go to those who hold them in the order of their puts. */
static void hand_out(struct scene *s) {
  const struct state *state = s->test->state;
  if (state->others > 0) holder_start(s);
  deliver(s, state->others, HELD_BY_OTHER);
  if (state->lost_held + state->lost_got > 0) corpse_make(s);
  deliver(s, state->lost_held, HELD_BY_CORPSE);
  deliver(s, state->lost_got, GOT_BY_CORPSE);
  if (state->tired) return_items(s, state->held);
  if (s->second) victim_start(s, SECOND_VICTIM);
  victim_start(s, VICTIM);
  deliver(s, state->held, HELD);
  deliver(s, state->got, GOT);
  return_items(s, state->returned);
}

static void age_leases(struct scene *s) {
  segment_age_leases(s->queue);
  model_release(&s->before, HELD_BY_OTHER);
}

static void shut_down(struct scene *s) {
  const bool discard = s->test->state->discarding;
  must(s, "shutdown", shmq_shutdown(s->queue, discard ? SHMQ_NOW : 0), 0);
  model_shut_down(&s->before, discard);
}

static void bias(struct scene *s, enum bias to) {
  const enum part part = to == TO_HOLDER ? HOLDER : to == TO_SLEEPER ? SLEEPER : VICTIM;
  if (to == TO_NOBODY || to == TO_CORPSE) return;
  segment_bias(s->queue, s->people[part].pid, to == SOON_TO_VICTIM);
}

static void set(struct scene *s) {
  const struct state *state = s->test->state;
  put_all(s);
  hand_out(s);
  if (state->closing || state->discarding) shut_down(s);
  if (state->role != NOBODY_ASLEEP) sleeper_start(s);
  if (state->aged) age_leases(s);
  bias(s, state->bias);
}

/* The library would make it with slots for a thousand threads, and look through them all. */
static void make_dead(struct scene *s) {
  const struct state *state = s->test->state;
  const struct shmq_options options = state_options(state);
  shmq *dead;
  if (!s->test->call->buries && !state->tired && !state->once) return;
  must(s, "create", shmq_create(&dead, s->dead_name, &options), 0);
  must(s, "close", shmq_close(dead), 0);
}

static struct model model_of(const struct state *state) {
  const struct shmq_options options = state_options(state);
  const unsigned fit = (unsigned)(options.capacity / ((state->size + 8 + 7) & ~(size_t)7));
  return (struct model){.room = state->maxsize ? (unsigned)state->maxsize : fit,
                        .cells = options.max_leases,
                        .max_attempts = options.max_attempts};
}

static void people_clear(struct scene *s) {
  static struct page *pages;
  const size_t size = PARTS * sizeof *pages;
  if (!pages) pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) scene_fails(s, "mmap: %s", strerror(errno));
  for (int i = 0; i < PARTS; i++)
    s->people[i] = (struct person){.page = &pages[i]};
}

void scene_begin(struct scene *s, const struct case_of *test, const struct call *second) {
  static unsigned scenes;
  clock_freeze(TICK + state_pause(test->state));
  *s = (struct scene){
      .test = test, .second = second, .before = model_of(test->state), .models_n = 1};
  snprintf(s->name, sizeof s->name, "%s-%07d-%08u", run_name(), (int)getpid(), scenes++);
  snprintf(s->dead_name, sizeof s->dead_name, "%s.dead", s->name);
  people_clear(s);
  s->bell = eventfd(0, EFD_CLOEXEC);
  const struct shmq_options options = state_options(test->state);
  if (!test->call->creates) {
    must(s, "create", shmq_create(&s->queue, s->name, &options), 0);
    if (!test->state->unburied) make_dead(s);
    set(s);
  } else {
    victim_start(s, VICTIM);
  }
  clock_thaw();
  s->models[0] = s->before;
}

void scene_end(struct scene *s) {
  for (enum part part = 0; part < PARTS; part++)
    person_kill(s, part);
  shmq_close(s->queue);
  close(s->bell);
  shmq_unlink(s->name);
  shmq_unlink(s->dead_name);
}
