/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

/* Could these two be where a ring of this capacity ends and begins? */
static bool positions_agree(const struct shmq *q, uint64_t tail, uint64_t head) {
  return tail - head <= q->geometry.capacity && ((tail | head) & (RECORD_ALIGN - 1)) == 0;
}

void cursor_repair(struct cursor *cursor, const struct journal *journal) {
  if (load_acquire(&cursor->position) == load_acquire(&journal->next_position)) {
    store_release(&cursor->count, load_acquire(&journal->next_count));
  }
}

/* The count before the position: between the two looks the room can only grow. */
int ring_make_room(struct shmq *q, struct ring_writer w, uint64_t size) {
  struct producer_side *p = &q->segment->producer;
  const struct cursor *head = &q->segment->consumer.head;
  store_relaxed(&p->got_cached, load_acquire(&head->count));
  store_relaxed(&p->head_cached, load_acquire(&head->position)); /* H */
  if (!positions_agree(q, w.position, load_relaxed(&p->head_cached))) return -EBADMSG;
  return ring_room(q, &w, size) ? 0 : -EAGAIN;
}

int ring_find_more(struct shmq *q, struct ring_reader reader) {
  uint64_t tail = load_acquire(&q->segment->producer.tail.position); /* T */
  store_relaxed(&q->segment->consumer.tail_cached, tail);
  if (tail == reader.position) return -EAGAIN;
  return positions_agree(q, tail, reader.position) ? 0 : -EBADMSG;
}

struct ring_reader ring_end(const struct shmq *q) {
  const struct cursor *tail = &q->segment->producer.tail;
  uint64_t position = load_acquire(&tail->position); /* T */
  return (struct ring_reader){position, load_acquire(&tail->count)};
}

bool ring_has_room(const struct shmq *q) {
  const struct cursor *tail = &q->segment->producer.tail, *head = &q->segment->consumer.head;
  uint64_t got = load_acquire(&head->count), freed = load_acquire(&head->position);
  uint64_t put = load_acquire(&tail->count); /* follows the tail, and may be behind got */
  uint64_t need = record_bytes(q->geometry.item_max);
  return (put <= got || put - got < q->count_limit) &&
         load_acquire(&tail->position) - freed + need <= q->geometry.capacity;
}
