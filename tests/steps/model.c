/* SPDX-License-Identifier: Apache-2.0 */
/* What a queue must hold: the plainest queue there is, without memory to share or anybody to die.
 */
#include "steps.h"

unsigned model_count(const struct model *m, enum place place) {
  unsigned n = 0;
  for (unsigned i = 0; i < m->n; i++)
    n += m->items[i].place == place;
  return n;
}

uint64_t model_deliveries(const struct model *m) {
  uint64_t n = 0;
  for (unsigned i = 0; i < m->n; i++)
    n += m->items[i].deliveries;
  return n;
}

uint64_t model_redeliveries(const struct model *m) {
  uint64_t n = 0;
  for (unsigned i = 0; i < m->n; i++) {
    if (m->items[i].deliveries > 1) n += m->items[i].deliveries - 1;
  }
  return n;
}

struct item *model_first(struct model *m, enum place place) {
  for (unsigned i = 0; i < m->n; i++) {
    if (m->items[i].place == place) return &m->items[i];
  }
  return NULL;
}

struct item *model_next(struct model *m) {
  struct item *item = model_first(m, RETURNED);
  return item ? item : model_first(m, RING);
}

bool model_put(struct model *m, uint64_t number) {
  if (m->shut_down || model_count(m, RING) >= m->room || m->n == ITEMS_MAX) return false;
  m->items[m->n++] = (struct item){.number = number, .place = RING};
  return true;
}

/* A call that finds nothing looks for the dead first. */
static struct item *find_next(struct model *m) {
  struct item *item = model_next(m);
  if (item) return item;
  model_release(m, HELD_BY_CORPSE);
  model_release(m, GOT_BY_CORPSE);
  return model_next(m);
}

static unsigned cells_in_use(const struct model *m) {
  return model_count(m, RETURNED) + model_count(m, HELD) + model_count(m, HELD_BY_OTHER) +
         model_count(m, HELD_BY_CORPSE);
}

bool model_deliver(struct model *m, enum place place) {
  struct item *item = find_next(m);
  if (!item) return false;
  if (place == HELD && item->place == RING && cells_in_use(m) == m->cells) return false;
  item->place = place;
  item->deliveries++;
  return true;
}

void model_give_back(const struct model *m, struct item *item) {
  if (m->max_attempts && item->deliveries >= m->max_attempts) {
    item->place = DEAD;
  } else {
    item->place = m->discards ? DISCARDED : RETURNED;
  }
}

void model_shut_down(struct model *m, bool discard) {
  m->shut_down = true;
  if (!discard) return;
  m->discards = true;
  for (unsigned i = 0; i < m->n; i++) {
    enum place *place = &m->items[i].place;
    if (*place == RING || *place == RETURNED) *place = DISCARDED;
  }
}

static bool consume(struct item *item, uint64_t number) {
  if (!item || item->number != number) return false;
  item->deliveries++;
  item->place = DONE;
  return true;
}

bool model_consume(struct model *m, uint64_t number) {
  return consume(model_first(m, RETURNED), number) || consume(model_first(m, RING), number);
}

void model_release(struct model *m, enum place place) {
  const bool got = place == GOT || place == GOT_BY_CORPSE;
  for (struct item *item; (item = model_first(m, place));) {
    if (got) {
      item->place = ABANDONED;
    } else {
      model_give_back(m, item);
    }
  }
}
