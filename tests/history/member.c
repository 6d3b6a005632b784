/* SPDX-License-Identifier: Apache-2.0 */
/* A member of a round at work: it does what chance says, and writes down each call. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "round.h"

enum { HOLD_MAX = 8, FILLER_MAX = 400, THREADS_MAX = 3, NO_POST = -1 };

struct bytes {
  uint32_t author, sequence, size, sum;
  unsigned char filler[FILLER_MAX];
};

#define BYTES_HEAD (4 * sizeof(uint32_t))

enum role { PRODUCER, CONSUMER, BOTH, ROLES };

/* A thread. */
struct person {
  struct round *round;
  shmq *queue;
  struct chance chance;
  enum role role;
  uint32_t member, author, sequence;
  int post;
  bool only_child;   /* a child of fork: nobody would end it if it waited for ever */
  bool may_fork;     /* the process's first thread */
  unsigned quota;    /* calls that it makes */
  struct call *page; /* where its next calls are written */
  unsigned page_left;
  int schedstat;
  int64_t waited; /* for a processor, as of the last look */
  unsigned owed;  /* task_done */
  unsigned held;
  struct shmq_lease leases[HOLD_MAX];
  struct ref refs[HOLD_MAX];
};

/* ---- Writing calls down -------------------------------------------------------------------------
 */

static struct call *next_call(struct person *person) {
  struct history *history = person->round->history;
  if (person->page_left == 0) {
    const uint64_t page = atomic_fetch_add(&history->calls_used, CALLS_OF_A_PAGE);
    if (page + CALLS_OF_A_PAGE > history->calls_max) _exit(3);
    person->page = &history->calls[page];
    person->page_left = CALLS_OF_A_PAGE;
  }
  person->page_left--;
  return person->page++;
}

static struct call *prepare(struct person *person, enum op op, shmq_ns timeout) {
  struct call *call = next_call(person);
  call->op = (uint16_t)op;
  call->member = person->member;
  call->timeout = timeout;
  return call;
}

/* The fences keep the clock's reading on its side of the call's stores, which the processor would
   otherwise let pass it. */
static void begin(struct call *call) {
  call->called = now();
  atomic_store_explicit(&call->state, CALLED, memory_order_release);
  atomic_thread_fence(memory_order_seq_cst);
}

/* The second number of schedstat; a look for each long call is enough. */
static int64_t time_waited(const struct person *person) {
  char text[64] = "";
  char *rest = text;
  if (pread(person->schedstat, text, sizeof text - 1, 0) <= 0) return 0;
  strtoll(rest, &rest, 10);
  return strtoll(rest, &rest, 10);
}

static void stamp(struct person *person, struct call *call, int64_t result) {
  atomic_thread_fence(memory_order_seq_cst);
  call->returned = now();
  call->result = result;
  if (call->returned - call->called < MS) return;
  const int64_t waited = time_waited(person);
  call->unscheduled = waited - person->waited;
  person->waited = waited;
}

static void conclude(struct call *call) {
  atomic_store_explicit(&call->state, RETURNED, memory_order_release);
}

static int64_t finish(struct person *person, struct call *call, int64_t result) {
  stamp(person, call, result);
  conclude(call);
  return result;
}

/* ---- Items --------------------------------------------------------------------------------------
 */

static uint32_t sum_of(const struct bytes *bytes) {
  uint32_t sum = bytes->author * 2654435761u ^ bytes->sequence << 7 ^ bytes->size << 20;
  for (size_t i = 0; i < bytes->size - BYTES_HEAD; i++)
    sum = (sum ^ bytes->filler[i]) * 16777619u;
  return sum;
}

static struct iovec make_item(struct person *person, struct bytes *bytes, struct ref *ref) {
  bytes->author = person->author;
  bytes->sequence = person->sequence++;
  bytes->size = (uint32_t)(BYTES_HEAD + chance_below(&person->chance, FILLER_MAX));
  memset(bytes->filler, (int)(bytes->sequence & 0xff), bytes->size - BYTES_HEAD);
  bytes->sum = sum_of(bytes);
  *ref = (struct ref){.author = bytes->author, .sequence = bytes->sequence};
  return (struct iovec){bytes, bytes->size};
}

static struct ref read_item(const void *data, size_t size) {
  struct bytes bytes;
  memset(&bytes, 0, BYTES_HEAD);
  memcpy(&bytes, data, size < sizeof bytes ? size : sizeof bytes);
  const bool altered =
      size < BYTES_HEAD || size > sizeof bytes || bytes.size != size || bytes.sum != sum_of(&bytes);
  return (struct ref){.author = bytes.author, .sequence = bytes.sequence, .altered = altered};
}

static struct ref read_lease(const struct shmq_lease *lease) {
  struct ref ref = read_item(lease->data, lease->size);
  ref.id = lease->id;
  ref.attempt = lease->attempt;
  return ref;
}

/* ---- Calls --------------------------------------------------------------------------------------
 */

/* Who holds something that others may need does not wait for ever. */
/* Nobody waits for ever who has leases, or where a thread that left its leases to its process may
   have had the last: nobody would end them. */
static shmq_ns some_timeout(struct person *person) {
  static const shmq_ns timeouts[] = {SHMQ_NOWAIT, SHMQ_NOWAIT, MS, 20 * MS, 200 * MS, SHMQ_FOREVER};
  const bool few_leases = person->round->history->max_leases < 1024;
  const bool ends = person->held || person->only_child || few_leases;
  return timeouts[chance_below(&person->chance, ends ? 5 : 6)];
}

static void put(struct person *person, shmq_ns timeout) {
  static _Thread_local struct bytes bytes;
  struct call *call = prepare(person, PUT, timeout);
  const struct iovec item = make_item(person, &bytes, &call->refs[0]);
  call->n = 1;
  begin(call);
  finish(person, call, shmq_put(person->queue, item.iov_base, item.iov_len, timeout));
}

static void put_many(struct person *person, shmq_ns timeout) {
  static _Thread_local struct bytes bytes[BATCH];
  struct iovec items[BATCH];
  struct call *call = prepare(person, PUT_MANY, timeout);
  call->n = (uint16_t)(1 + chance_below(&person->chance, BATCH));
  for (unsigned i = 0; i < call->n; i++)
    items[i] = make_item(person, &bytes[i], &call->refs[i]);
  begin(call);
  finish(person, call, shmq_put_many(person->queue, items, call->n, timeout));
}

static int64_t get(struct person *person, shmq_ns timeout) {
  struct bytes bytes;
  struct call *call = prepare(person, GET, timeout);
  begin(call);
  const ssize_t size = shmq_get(person->queue, &bytes, sizeof bytes, timeout);
  stamp(person, call, size);
  if (size >= 0) {
    call->refs[0] = read_item(&bytes, (size_t)size);
    call->n = 1;
    person->owed++;
  }
  conclude(call);
  return size;
}

static void get_many(struct person *person, shmq_ns timeout) {
  static _Thread_local struct bytes bytes[BATCH];
  struct iovec items[BATCH];
  struct call *call = prepare(person, GET_MANY, timeout);
  for (unsigned i = 0; i < BATCH; i++)
    items[i] = (struct iovec){&bytes[i], sizeof bytes[i]};
  begin(call);
  const ssize_t got = shmq_get_many(person->queue, items, BATCH, timeout);
  stamp(person, call, got);
  for (ssize_t i = 0; i < got; i++)
    call->refs[call->n++] = read_item(items[i].iov_base, items[i].iov_len);
  person->owed += call->n;
  conclude(call);
}

/* Data is the lease's own for as long as it runs; who reads it late must ask. */
static bool was_read_in_time(const struct person *person, const struct call *call,
                             const struct shmq_lease *lease) {
  const int64_t timeout = person->round->history->lease_timeout;
  return !timeout || now() - call->called < timeout || shmq_touch(person->queue, lease) == 0;
}

static void hold(struct person *person, struct call *call, ssize_t n) {
  struct shmq_lease leases[BATCH];
  memcpy(leases, &person->leases[person->held], (size_t)n * sizeof *leases);
  for (ssize_t i = 0; i < n; i++) {
    const struct ref ref = read_lease(&leases[i]);
    if (!was_read_in_time(person, call, &leases[i])) continue;
    call->refs[call->n++] = ref;
    person->refs[person->held] = ref;
    person->leases[person->held++] = leases[i];
  }
}

static int64_t take(struct person *person, shmq_ns timeout) {
  struct call *call = prepare(person, TAKE, timeout);
  begin(call);
  const int error = shmq_take(person->queue, &person->leases[person->held], timeout);
  stamp(person, call, error);
  hold(person, call, error ? 0 : 1);
  conclude(call);
  return error;
}

static void take_many(struct person *person, shmq_ns timeout) {
  struct call *call = prepare(person, TAKE_MANY, timeout);
  begin(call);
  const ssize_t taken =
      shmq_take_many(person->queue, &person->leases[person->held], BATCH, timeout);
  stamp(person, call, taken);
  hold(person, call, taken > 0 ? taken : 0);
  conclude(call);
}

static int call_on_lease(struct person *person, enum op op, const struct shmq_lease *lease) {
  switch (op) {
    case GIVE_BACK:
      return shmq_give_back(person->queue, lease);
    case BURY:
      return shmq_bury(person->queue, lease);
    case TOUCH:
      return shmq_touch(person->queue, lease);
    default:
      return shmq_done(person->queue, lease);
  }
}

static void forget_lease(struct person *person, unsigned which) {
  person->held--;
  person->leases[which] = person->leases[person->held];
  person->refs[which] = person->refs[person->held];
}

static void use_lease(struct person *person, enum op op) {
  const unsigned which = (unsigned)chance_below(&person->chance, person->held);
  struct call *call = prepare(person, op, 0);
  call->refs[0] = person->refs[which];
  call->n = 1;
  begin(call);
  const int error = call_on_lease(person, op, &person->leases[which]);
  finish(person, call, error);
  if (error == -ESTALE || (error == 0 && op != TOUCH)) forget_lease(person, which);
}

static void task_done(struct person *person) {
  struct call *call = prepare(person, TASK_DONE, 0);
  begin(call);
  finish(person, call, shmq_task_done(person->queue));
  person->owed--;
}

static int64_t join(struct person *person, shmq_ns timeout) {
  struct call *call = prepare(person, JOIN, timeout);
  begin(call);
  return finish(person, call, shmq_join(person->queue, timeout));
}

static void recover(struct person *person) {
  struct call *call = prepare(person, RECOVER, 0);
  begin(call);
  finish(person, call, shmq_recover(person->queue));
}

static void shut_down(struct person *person, bool at_once) {
  struct call *call = prepare(person, at_once ? SHUTDOWN_NOW : SHUTDOWN, 0);
  person->round->shut_down = true;
  begin(call);
  finish(person, call, shmq_shutdown(person->queue, at_once ? SHMQ_NOW : 0));
}

/* ---- What to do next ----------------------------------------------------------------------------
 */

static void produce(struct person *person) {
  const shmq_ns timeout = some_timeout(person);
  if (chance_below(&person->chance, 3) == 0) {
    put_many(person, timeout);
  } else {
    put(person, timeout);
  }
}

static void consume(struct person *person) {
  const shmq_ns timeout = some_timeout(person);
  const uint64_t dice = chance_below(&person->chance, 8);
  const bool room = person->held + BATCH <= HOLD_MAX;
  if (dice < 2) {
    get(person, timeout);
  } else if (dice == 2) {
    get_many(person, timeout);
  } else if (dice == 3 && room) {
    take_many(person, timeout);
  } else if (person->held < HOLD_MAX) {
    take(person, timeout);
  }
}

static void end_something(struct person *person) {
  const uint64_t dice = chance_below(&person->chance, 64);
  if (person->owed && (dice % 2 || !person->held)) {
    task_done(person);
  } else if (dice < 12) {
    use_lease(person, GIVE_BACK);
  } else if (dice < 14) {
    use_lease(person, BURY);
  } else if (dice < 18) {
    use_lease(person, TOUCH);
  } else {
    use_lease(person, DONE);
  }
}

static void do_what_is_rare(struct person *person) {
  const uint64_t dice = chance_below(&person->chance, 32);
  if (dice < 8) {
    join(person, (shmq_ns)chance_below(&person->chance, 20) * MS);
  } else if (dice < 10) {
    recover(person);
  } else if (dice == 10 && person->round->may_shut_down && !person->round->shut_down) {
    shut_down(person, chance_below(&person->chance, 2));
  } else {
    nap((shmq_ns)chance_below(&person->chance, dice == 31 ? 40000 : 400) * US);
  }
}

static bool puts_now(struct person *person) {
  if (person->role == CONSUMER || person->round->phase == DRAIN || person->round->lull)
    return false;
  return person->role == PRODUCER || chance_below(&person->chance, 2);
}

static void step(struct person *person) {
  const uint64_t dice = chance_below(&person->chance, 64);
  if (dice == 0) {
    do_what_is_rare(person);
  } else if ((person->owed || person->held) && dice < 36) {
    end_something(person);
  } else if (puts_now(person)) {
    produce(person);
  } else if (person->role != PRODUCER) {
    consume(person);
  } else {
    nap(50 * US);
  }
}

static bool goes_on(const struct person *person) {
  return person->round->phase == STORM && person->quota > 0 && now() < person->round->end;
}

/* Who dies in a storm that writes too much would be no better judged. */
static void wait_for_allowance(const struct person *person) {
  while (person->round->history->calls_used > person->round->allowance && goes_on(person))
    nap(100 * US);
}

static void fork_child(struct person *parent);

static void work(struct person *person) {
  while (goes_on(person)) {
    wait_for_allowance(person);
    person->quota--;
    step(person);
    if (person->may_fork && chance_below(&person->chance, 1024) == 0) fork_child(person);
  }
  if (chance_below(&person->chance, 2)) return; /* what it has goes with the process */
  while (person->held || person->owed)
    end_something(person);
}

static void person_begin(struct person *person) {
  person->author = atomic_fetch_add(&person->round->authors_used, 1);
  person->sequence = 0;
  person->page_left = person->held = person->owed = 0;
  person->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  person->waited = time_waited(person);
}

static void person_end(const struct person *person) {
  close(person->schedstat);
}

/* ---- Threads and processes ----------------------------------------------------------------------
 */

int post_claim(struct round *round, int32_t pid) {
  for (int i = 0; i < POSTS; i++) {
    int32_t free = 0;
    if (atomic_compare_exchange_strong(&round->posts[i].pid, &free, pid)) return i;
  }
  return NO_POST;
}

/* A new stay at the queue begins. */
static uint32_t member_begin(struct round *round, int post) {
  struct history *history = round->history;
  const uint32_t member = atomic_fetch_add(&history->members_used, 1);
  if (member >= history->members_max) _exit(3);
  history->members[member].pid = getpid();
  if (post != NO_POST) round->posts[post].member = member;
  return member;
}

static void member_leaves(const struct person *person) {
  person->round->history->members[person->member].left = now();
}

/* It has the handle of its parent, none of its leases, and a life of its own. */
_Noreturn static void be_child(struct person *person) {
  person->post = post_claim(person->round, getpid());
  if (person->post == NO_POST) _exit(0);
  person->member = member_begin(person->round, person->post);
  person->only_child = true;
  person->may_fork = false;
  person->quota = (unsigned)chance_below(&person->chance, 2000);
  person_begin(person);
  work(person);
  member_leaves(person);
  _exit(0);
}

/* While the kernel copies the process, its other threads may wait for their own memory: 3.6 s once,
   on a machine with a load of 60. */
static void note_fork(const struct person *person, shmq_ns begin) {
  const shmq_ns end = now();
  if (end - begin > DELAY_MAX) history_stop(person->round->history, person->member, begin, end);
}

static void fork_child(struct person *parent) {
  struct person child = *parent;
  child.chance.state = chance_next(&parent->chance);
  atomic_fetch_add(&parent->round->forks, 1);
  const shmq_ns begin = now();
  if (fork() == 0) be_child(&child);
  note_fork(parent, begin);
}

static void *run_thread(void *given) {
  struct person *person = given;
  person_begin(person);
  work(person);
  person_end(person);
  return NULL;
}

static void run_threads(struct person *first) {
  struct person others[THREADS_MAX];
  pthread_t threads[THREADS_MAX];
  const unsigned n = (unsigned)chance_below(&first->chance, THREADS_MAX + 1);
  for (unsigned i = 0; i < n; i++) {
    others[i] = *first;
    others[i].may_fork = false;
    others[i].chance.state = chance_next(&first->chance);
    others[i].quota = (unsigned)chance_below(&first->chance, 3000);
    if (pthread_create(&threads[i], NULL, run_thread, &others[i])) abort();
  }
  run_thread(first);
  for (unsigned i = 0; i < n; i++)
    pthread_join(threads[i], NULL);
}

static void close_queue(struct person *person) {
  person_begin(person);
  struct call *call = prepare(person, CLOSE, 0);
  member_leaves(person);
  begin(call);
  finish(person, call, shmq_close(person->queue));
  person_end(person);
}

/* One stay: open, work, and leave with a word or without. Returns false after the latter. */
static bool stay_a_while(struct round *round, int post, struct chance *chance) {
  struct person person = {.round = round, .post = post, .may_fork = true};
  if (shmq_open(&person.queue, round->name)) _exit(4);
  person.member = member_begin(round, post);
  person.role = (enum role)(post % ROLES);
  person.chance.state = chance_next(chance);
  person.quota = (unsigned)chance_below(chance, 8000);
  run_threads(&person);
  if (chance_below(chance, 4) == 0) {
    member_leaves(&person);
    return false;
  }
  close_queue(&person);
  return true;
}

_Noreturn void process_live(struct round *round, int post, struct chance chance) {
  bool stays = true;
  while (stays && round->phase == STORM && now() < round->end)
    stays = stay_a_while(round, post, &chance);
  _exit(0);
}

/* ---- The end ------------------------------------------------------------------------------------
 */

static bool found(int64_t result) {
  return result >= 0;
}

static void note_final(shmq *queue, struct final *final) {
  struct shmq_stats stats = {0};
  shmq_stat(queue, &stats);
  *final = (struct final){.known = true,
                          .put = stats.put,
                          .done = stats.done,
                          .abandoned = stats.abandoned,
                          .dead_lettered = stats.dead_lettered,
                          .discarded = stats.discarded,
                          .unfinished = stats.unfinished,
                          .leased = stats.leased,
                          .check = shmq_check(queue, NULL)};
}

struct undertaker {
  struct person person;
  shmq *letters; /* NAME.dead, once it is there */
};

static struct undertaker undertaker;

void begin_round(struct round *round) {
  struct person *person = &undertaker.person;
  *person = (struct person){.round = round, .post = NO_POST};
  if (shmq_open(&person->queue, round->name)) abort();
  person->member = member_begin(round, NO_POST);
  person_begin(person);
  undertaker.letters = NULL;
}

static bool find_letters(void) {
  char name[sizeof undertaker.person.round->name + 8];
  snprintf(name, sizeof name, "%s.dead", undertaker.person.round->name);
  return undertaker.letters || shmq_open(&undertaker.letters, name) == 0;
}

void collect_letters(void) {
  struct person *person = &undertaker.person;
  struct bytes bytes;
  if (!find_letters()) return;
  for (ssize_t size;
       (size = shmq_get(undertaker.letters, &bytes, sizeof bytes, SHMQ_NOWAIT)) >= 0;) {
    struct call *call = prepare(person, LETTER, 0);
    begin(call);
    call->refs[0] = read_item(&bytes, (size_t)size);
    call->n = 1;
    finish(person, call, size);
  }
}

void end_puts(void) {
  shut_down(&undertaker.person, false);
}

/* NAME.dead may be so small that what is doomed goes there bit by bit. */
static void bury_the_doomed(void) {
  for (int i = 0; i < 1000; i++) {
    recover(&undertaker.person);
    collect_letters();
  }
}

void end_round(void) {
  struct person *person = &undertaker.person;
  struct round *round = person->round;
  recover(person);
  while (found(get(person, SHMQ_NOWAIT)))
    task_done(person);
  bury_the_doomed();
  join(person, SECOND);
  note_final(person->queue, &round->history->final);
  person_end(person);
  close_queue(person);
  if (undertaker.letters) shmq_close(undertaker.letters);
}
