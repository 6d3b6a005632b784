/* SPDX-License-Identifier: Apache-2.0 */
#include "slots.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "wait.h"

SUITE(slots);

static struct thread *my_place(shmq *q) {
  struct thread *me = NULL;
  struct timeout t = {.ns = SECOND};
  check_is(enter(q, &t, &me), 0);
  return me;
}

Test(slots, thread_keeps_its_place) {
  shmq *first = make_queue(NULL), *second = make_queue(NULL);
  struct thread *place = my_place(first), *other = my_place(second);
  cr_assert(place != other);
  cr_assert(my_place(first) == place && my_place(second) == other);
  check_is(place->slot - first->threads + 1, place->id);
  check_is(thread_process(first, place->slot), first->process);
}

Test(slots, lock_words_that_name_nobody_are_told_apart) {
  shmq *q = make_queue(NULL);
  check_is(holder_liveness(q, my_place(q)->id), LIVES);
  check_is(holder_liveness(q, 0), NOBODY);
  check_is(holder_liveness(q, my_place(q)->id + 1), NOBODY); /* a slot that is free */
  check_is(holder_liveness(q, q->geometry.max_threads), NOBODY);
  check_is(holder_liveness(q, q->geometry.max_threads + 1), NOBODY);
  check_is(holder_liveness(q, UINT32_MAX), NOBODY);
}

static int64_t attach_and_stay(void *unused) {
  (void)unused;
  shmq *q = open_queue();
  say(my_place(q)->id);
  stay();
}

Test(slots, dead_process_s_thread_is_dead_until_it_is_cleaned_up_after) {
  shmq *q = make_queue(NULL);
  struct child child = child_start(attach_and_stay, NULL);
  const uint32_t id = (uint32_t)child_hear(&child);
  check_is(holder_liveness(q, id), LIVES);
  child_kill(&child);
  check_is(holder_liveness(q, id), DEAD);
  check_is(shmq_recover(q), 1);
  check_is(holder_liveness(q, id), NOBODY);
}

static void *claim_and_end(void *q) {
  return (void *)(uintptr_t)my_place(q)->id;
}

static uintptr_t place_of_a_new_thread(shmq *q) {
  void *id;
  pthread_t thread;
  pthread_create(&thread, NULL, claim_and_end, q);
  pthread_join(thread, &id);
  return (uintptr_t)id;
}

Test(slots, slot_of_a_thread_that_ended_goes_to_the_next) {
  shmq *q = make_queue(NULL);
  const uintptr_t first = place_of_a_new_thread(q);
  check_is(place_of_a_new_thread(q), first);
}

/* A thread that ends leaves its slot at queues that are in the list of handles. */
Test(slots, handles_that_are_closed_leave_the_others_in_the_list) {
  shmq *queues[3];
  for (int i = 0; i < 3; i++)
    queues[i] = make_queue(NULL);
  check_is(shmq_close(queues[1]), 0);
  const uintptr_t first = place_of_a_new_thread(queues[2]);
  check_is(place_of_a_new_thread(queues[2]), first);
  check_is(shmq_close(queues[2]), 0);
  const uintptr_t second = place_of_a_new_thread(queues[0]);
  check_is(place_of_a_new_thread(queues[0]), second);
}

Test(slots, registry_lock_excludes_threads_and_processes) {
  shmq *q = make_queue(NULL), *other = open_queue();
  struct timeout now_or_never = {.ns = SHMQ_NOWAIT}, patient = {.ns = SECOND};
  check_is(registry_lock(q, &patient), 0);
  check_is(registry_lock(other, &now_or_never), -EAGAIN);
  registry_unlock(q);
  check_is(registry_lock(other, &patient), 0);
  registry_unlock(other);
}

static int64_t lock_registry_and_stay(void *unused) {
  struct timeout t = {.ns = SECOND};
  (void)unused;
  say(registry_lock(open_queue(), &t));
  stay();
}

Test(slots, registry_lock_of_the_dead_is_free) {
  shmq *q = make_queue(NULL);
  struct timeout t = {.ns = SECOND};
  struct child child = child_start(lock_registry_and_stay, NULL);
  check_is(child_hear(&child), 0);
  child_kill(&child);
  check_is(registry_lock(q, &t), 0);
  registry_unlock(q);
}

Test(slots, outstanding_is_never_below_nothing) {
  struct thread_slot slot = {.got = 3, .finished = 1, .abandoned = 1};
  check_is(thread_outstanding(&slot), 1);
  slot.finished = 9;
  check_is(thread_outstanding(&slot), 0);
}

/* All but two, which a child's line takes. */
static void use_up_descriptors(void) {
  setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, 64});
  int last = -1;
  for (int next; (next = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;)
    last = next;
  check_is(errno, EMFILE);
  close(last);
  close(last - 1);
}

static int64_t put_into(void *q) {
  return put_number(q, 1);
}

Test(slots, child_that_gets_no_descriptor_says_so_and_leaves_its_parent_s_alone) {
  shmq *q = make_queue(NULL);
  check_is(put_number(q, 1), 0);
  use_up_descriptors();
  struct child child = child_start(put_into, q);
  check_is(child_result(&child), -EMFILE);
  check_is(put_number(q, 2), 0);
  check_is(stats_of(q).put, 2);
}
