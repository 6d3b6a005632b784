/* SPDX-License-Identifier: Apache-2.0 */
#include "order.h"

#include <fcntl.h>
#include <unistd.h>

enum state { FREE, IN_HAND, HELD, PRINTED, RETURNED };

static uint32_t word_of(enum state state, uint32_t slot) {
  return state | slot << 8;
}

static enum state state_of(const struct place *place) {
  return atomic_load(&place->word) & 0xff;
}

static uint32_t slot_of(const struct place *place) {
  return atomic_load(&place->word) >> 8;
}

static void move_to(struct place *place, enum state state) {
  atomic_store(&place->word, word_of(state, slot_of(place)));
}

static struct place *find(const struct farm *farm, uint64_t id) {
  for (uint32_t i = 0; i < farm->place_count; i++) {
    struct place *place = &farm->places[i];
    if (state_of(place) != FREE && atomic_load(&place->id) == id) return place;
  }
  return NULL;
}

static struct place *find_state(const struct farm *farm, enum state state) {
  for (uint32_t i = 0; i < farm->place_count; i++)
    if (state_of(&farm->places[i]) == state) return &farm->places[i];
  return NULL;
}

/* There are more places than leases: if none is free, one is of an item that others took over. */
void order_enter(const struct farm *farm, uint32_t slot, uint64_t id) {
  struct place *place = find(farm, id);
  if (!place) place = find_state(farm, FREE);
  if (!place) place = find_state(farm, RETURNED);
  if (!place) return;
  atomic_store(&place->id, id);
  atomic_store(&place->word, word_of(IN_HAND, slot));
}

bool order_is_printed(const struct farm *farm, uint64_t id) {
  const struct place *place = find(farm, id);
  return !place || state_of(place) == PRINTED;
}

void order_leave(const struct farm *farm, uint64_t id) {
  struct place *place = find(farm, id);
  if (place) move_to(place, FREE);
}

/* Who took it meanwhile has put its own slot into the word. */
static void give_up(struct place *place, uint32_t slot) {
  for (enum state state = IN_HAND; state <= HELD; state++) {
    uint32_t word = word_of(state, slot);
    atomic_compare_exchange_strong(&place->word, &word, word_of(RETURNED, slot));
  }
}

void order_return(const struct farm *farm, uint32_t slot, uint64_t id) {
  struct place *place = find(farm, id);
  if (place) give_up(place, slot);
}

void order_forsake(const struct farm *farm, uint32_t slot) {
  for (uint32_t i = 0; i < farm->place_count; i++) {
    struct place *place = &farm->places[i];
    uint32_t word = word_of(PRINTED, slot);
    atomic_compare_exchange_strong(&place->word, &word, word_of(FREE, slot));
    give_up(place, slot);
  }
}

/* ---- The spool ----------------------------------------------------------------------------------
 */

static void copy_counted(struct sink *sink, const struct source *source, const struct tag *tag,
                         uint64_t *size) {
  uint64_t before = sink->written;
  copy(sink, source, tag);
  *size = sink->written - before;
}

int order_hold(const struct farm *farm, uint64_t id, const struct source *out,
               const struct source *err, const struct tag *tag) {
  struct place *place = find(farm, id);
  if (!place) return 0;
  if (!find_state(farm, HELD)) farm->shared->spooled = 0;
  struct sink spool = {.fd = farm->spool};
  place->offset = farm->shared->spooled;
  lseek(farm->spool, place->offset, SEEK_SET);
  copy_counted(&spool, out, tag, &place->out);
  copy_counted(&spool, err, tag, &place->err);
  farm->shared->spooled = place->offset + (int64_t)spool.written;
  move_to(place, HELD);
  return spool.error;
}

/* Nothing is written for good on standard error's account: it may be closed. */
static int print(const struct farm *farm, const struct place *place) {
  struct source out = {NULL, farm->spool, place->offset, place->out};
  struct source err = {NULL, farm->spool, place->offset + (int64_t)place->out, place->err};
  struct sink standard_output = {.fd = STDOUT_FILENO}, standard_error = {.fd = STDERR_FILENO};
  copy(&standard_output, &out, NULL);
  copy(&standard_error, &err, NULL);
  return standard_output.error;
}

static void free_spool(const struct farm *farm, const struct place *place) {
  int64_t size = (int64_t)(place->out + place->err);
  if (size > 0)
    fallocate(farm->spool, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, place->offset, size);
}

/* ---- Whose turn it is ---------------------------------------------------------------------------
 */

/* Then nobody takes it again. */
static bool stops(const struct farm *farm) {
  return atomic_load(&farm->shared->stop) != STOP_NOT;
}

/* None waits to be taken again. */
static bool none_returned(const struct farm *farm) {
  struct shmq_stats stats;
  return shmq_stat(farm->queue, &stats) == 0 && stats.returned == 0;
}

/* A returned item that another farm has taken has no place here. Under the lock, nobody of ours is
   between taking it and entering it. */
static bool forget_taken(const struct farm *farm, struct place *place) {
  lock_take(&farm->shared->taking);
  bool gone = state_of(place) == RETURNED && (stops(farm) || none_returned(farm));
  if (gone) move_to(place, FREE);
  lock_leave(&farm->shared->taking);
  return gone;
}

static bool waits(const struct place *place) {
  enum state state = state_of(place);
  return state == IN_HAND || state == HELD || state == RETURNED;
}

static struct place *first(const struct farm *farm) {
  struct place *first = NULL;
  for (uint32_t i = 0; i < farm->place_count; i++) {
    struct place *place = &farm->places[i];
    if (waits(place) && (!first || atomic_load(&place->id) < atomic_load(&first->id)))
      first = place;
  }
  return first;
}

/* Its worker finishes the item at once, if it can: should it die before, it is done once more. */
static void tell_worker(const struct farm *farm, const struct place *place) {
  pid_t worker = atomic_load(&farm->slots[slot_of(place)].worker);
  if (worker > 0 && worker != getpid()) kill(worker, SIGUSR1);
}

static int print_held(const struct farm *farm, struct place *place) {
  int error = print(farm, place);
  if (error) return error;
  free_spool(farm, place);
  move_to(place, PRINTED);
  tell_worker(farm, place);
  return 0;
}

int order_print(const struct farm *farm) {
  int error = 0;
  for (struct place *next; !error && (next = first(farm));) {
    enum state state = state_of(next);
    if (state == HELD)
      error = print_held(farm, next);
    else if (state != RETURNED || !forget_taken(farm, next))
      break;
  }
  return error;
}
