/* SPDX-License-Identifier: Apache-2.0 */
/* What the public interface does not show: the only file here that knows the library's inside. */
#include "inside.h"

#include <stdlib.h>
#include <string.h>

#include "leases.h"
#include "robust_mutex.h"

void segment_copy(shmq *queue, char *copy, size_t room) {
  if (queue->plan.size > room) abort();
  memcpy(copy, queue->segment, queue->plan.size);
}

bool segment_is(shmq *queue, const char *copy) {
  return memcmp(copy, queue->segment, queue->plan.size) == 0;
}

void segment_age_leases(shmq *queue) {
  for (uint32_t i = 0; i < queue->geometry.max_leases; i++) {
    const bool leased = cell_state(load_relaxed(&queue->cells[i].word)) == CELL_LEASED;
    if (leased) store_relaxed(&queue->cells[i].deadline, 1u);
  }
  store_relaxed(&queue->segment->consumer.next_expiry, 1u);
}

/* Its lock id; 0: it has none. */
static uint32_t thread_of(const shmq *queue, pid_t pid) {
  for (uint32_t i = 0; i < queue->geometry.max_threads; i++) {
    const uint32_t process = thread_process(queue, &queue->threads[i]);
    if (process == queue->geometry.max_processes) continue;
    if (load_relaxed(&queue->processes[process].pid) == (uint32_t)pid) return i + 1;
  }
  return 0;
}

static void lock_bias(struct robust_mutex *lock, uint32_t thread, bool soon) {
  if (thread == 0) abort();
  store_relaxed(&lock->last, thread);
  store_relaxed(&lock->streak, MUTEX_STREAK);
  store_relaxed(&lock->bias, soon ? 0 : thread);
}

void segment_bias(shmq *queue, pid_t pid, bool soon) {
  lock_bias(&queue->segment->producer.lock, thread_of(queue, pid), soon);
  lock_bias(&queue->segment->consumer.lock, thread_of(queue, pid), soon);
}

void thread_spins_shortly(void) {
  struct thread *me = thread_latest;
  if (me) me->put.skip = me->get.skip = 1;
}

unsigned segment_threads(shmq *queue) {
  unsigned n = 0;
  for (uint32_t i = 0; i < queue->geometry.max_threads; i++) {
    n += load_relaxed(&queue->threads[i].owner) != 0;
  }
  return n;
}

bool segment_dead_hold_cells(shmq *queue) {
  for (uint32_t i = 0; i < queue->geometry.max_leases; i++) {
    const uint32_t owner = cell_owner(load_relaxed(&queue->cells[i].word));
    if (owner && !process_is_alive(queue, owner - 1)) return true;
  }
  return false;
}
