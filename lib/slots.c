/* SPDX-License-Identifier: Apache-2.0 */
#include "slots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/file_lock.h"

_Thread_local struct thread *thread_latest;

/* This process's handles. Guards the list, and their descriptors while they come and go: a thread
 * that ends leaves its slots only at queues in it, and a child lets go of what is in it. */
static pthread_mutex_t handles_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct shmq *handles;

static _Atomic uint64_t attachments; /* how many stays this process has begun */

/* ---- The registry lock ---- */

#define REGISTRY_FIRST_NAP (20 * 1000)
#define REGISTRY_LAST_NAP  NS_PER_MS

/* Threads of one process share the file's description, hence the mutex before the file lock. */
static bool registry_try(struct shmq *q) {
  if (pthread_mutex_trylock(&q->mutex) != 0) return false;
  if (file_lock_try(q->fd, REGISTRY_BYTE)) return true;
  pthread_mutex_unlock(&q->mutex);
  return false;
}

int registry_lock(struct shmq *q, struct timeout *t) {
  if (q->fd < 0) return q->fd;
  for (int64_t nap = REGISTRY_FIRST_NAP; !registry_try(q);) {
    nap = timeout_left(t, nap);
    if (nap <= 0) return timeout_error(t);
    clock_sleep(nap);
    nap = 2 * nap < REGISTRY_LAST_NAP ? 2 * nap : REGISTRY_LAST_NAP;
  }
  return 0;
}

void registry_unlock(struct shmq *q) {
  file_lock_release(q->fd, REGISTRY_BYTE);
  pthread_mutex_unlock(&q->mutex);
}

/* ---- Processes ---- */

static void process_describe(struct process_slot *slot) {
  union {
    char text[16];
    uint64_t words[2];
  } name = {{0}};
  memcpy(name.text, program_invocation_short_name,
         strnlen(program_invocation_short_name, sizeof name.text - 1));
  store_relaxed(&slot->pid, (uint32_t)getpid());
  store_relaxed(&slot->name[0], name.words[0]);
  store_relaxed(&slot->name[1], name.words[1]);
}

/* Those who look for the dead need not look at the many slots that nobody ever used. */
static void process_slots_extend(struct shmq *q, uint32_t n) {
  _Atomic uint32_t *slots = &q->segment->state.process_slots;
  if (load_relaxed(slots) < n) store_release(slots, n);
}

/* The byte first, then the slot: a slot in use whose byte nobody holds belongs to a dead process.
 */
static bool process_claim(struct shmq *q, uint32_t i) {
  struct process_slot *slot = &q->processes[i];
  if (load_relaxed(&slot->used) || !file_lock_try(q->fd, liveness_byte(q, i))) return false;
  process_describe(slot);
  process_slots_extend(q, i + 1);
  store_release(&slot->used, 1u);
  q->process = i;
  store_release(&q->attachment, add_relaxed(&attachments, 1) + 1);
  return true;
}

int process_attach(struct shmq *q, struct timeout *t) {
  int r = registry_lock(q, t);
  if (r != 0) return r;
  bool attached = load_relaxed(&q->attachment) != 0; /* by another thread, meanwhile */
  for (uint32_t i = 0; !attached && i < q->geometry.max_processes; i++) {
    attached = process_claim(q, i);
  }
  registry_unlock(q);
  return attached ? 0 : -EUSERS;
}

bool process_is_alive(const struct shmq *q, uint32_t process) {
  if (load_acquire(&q->attachment) != 0 && process == q->process) return true;
  return file_lock_held(q->fd, liveness_byte(q, process));
}

enum liveness holder_liveness(const struct shmq *q, uint32_t holder) {
  if (holder == 0 || holder > q->geometry.max_threads) return NOBODY;
  uint32_t process = thread_process(q, &q->threads[holder - 1]);
  if (process >= q->geometry.max_processes || !load_acquire(&q->processes[process].used)) {
    return NOBODY;
  }
  return process_is_alive(q, process) ? LIVES : DEAD;
}

/* ---- Threads ---- */

static uint64_t thread_owner(uint32_t process, pid_t tid) {
  return (process + 1) | (uint64_t)tid << 32;
}

uint32_t thread_process(const struct shmq *q, const struct thread_slot *slot) {
  uint32_t process =
      (uint32_t)load_acquire(&slot->owner) - 1; /* free: the largest number there is */
  return process < q->geometry.max_processes ? process : q->geometry.max_processes;
}

/* finished before got: what is finished between the two looks is still counted, never the reverse.
 */
uint64_t thread_outstanding(const struct thread_slot *slot) {
  uint64_t finished = load_acquire(&slot->finished) + load_acquire(&slot->abandoned);
  uint64_t got = load_acquire(&slot->got);
  return got > finished ? got - finished : 0;
}

/* Killed right after the swap: owned by a dead process, which recovery looks for. */
static struct thread_slot *thread_claim_from(const struct shmq *q, uint64_t owner) {
  for (uint32_t i = 0; i < q->geometry.max_threads; i++) {
    struct thread_slot *slot = &q->threads[i];
    uint64_t expected = owner;
    if (load_relaxed(&slot->owner) == owner &&
        cas_acq_rel(&slot->owner, &expected, thread_owner(q->process, gettid()))) {
      return slot;
    }
  }
  return NULL;
}

/* First one that another thread of this process left, then one that is free. */
static struct thread_slot *thread_claim(const struct shmq *q) {
  struct thread_slot *slot = thread_claim_from(q, thread_owner(q->process, 0));
  if (slot == NULL) slot = thread_claim_from(q, 0);
  if (slot != NULL) store_relaxed(&slot->activity, 0u);
  return slot;
}

/* The thread ends. Its slot stays with the process, for what it got may still have to be finished,
   and for the next thread. */
static void thread_release(struct thread_slot *slot) {
  store_release(&slot->owner, load_relaxed(&slot->owner) & UINT32_MAX);
}

static bool attachment_lives(uint64_t attachment) {
  for (struct shmq *q = handles; q != NULL; q = q->next) {
    if (load_relaxed(&q->attachment) == attachment) return !q->leaving;
  }
  return false;
}

/* Drop the places at queues that were closed since, or all of them. */
static struct thread *threads_prune(struct thread *list, bool all) {
  struct thread *kept = NULL;
  while (list != NULL) {
    struct thread *t = list;
    list = t->next;
    bool lives = attachment_lives(t->attachment);
    if (lives && all) thread_release(t->slot);
    if (lives && !all) {
      t->next = kept;
      kept = t;
    } else {
      free(t);
    }
  }
  return kept;
}

static void thread_ends(void *list) {
  thread_latest = NULL;
  pthread_mutex_lock(&handles_mutex);
  threads_prune(list, true);
  pthread_mutex_unlock(&handles_mutex);
}

static pthread_key_t thread_key;
static pthread_once_t thread_key_once = PTHREAD_ONCE_INIT;

static int thread_key_error; /* of making the key, or 0 */

static void thread_key_create(void) {
  thread_key_error = pthread_key_create(&thread_key, thread_ends);
}

static struct thread *thread_find(const struct shmq *q) {
  uint64_t attachment = load_relaxed(&q->attachment);
  for (struct thread *t = pthread_getspecific(thread_key); t != NULL; t = t->next) {
    if (t->attachment == attachment) return t;
  }
  return NULL;
}

static int thread_add(struct shmq *q, struct thread_slot *slot) {
  struct thread *t = malloc(sizeof *t);
  if (t == NULL) return -ENOMEM;
  pthread_mutex_lock(&handles_mutex);
  struct thread *others = threads_prune(pthread_getspecific(thread_key), false);
  pthread_mutex_unlock(&handles_mutex);
  *t = (struct thread){.attachment = load_relaxed(&q->attachment),
                       .id = (uint32_t)(slot - q->threads) + 1,
                       .calls_to_look = 1,
                       .slot = slot,
                       .next = others};
  if (pthread_setspecific(thread_key, t) == 0) return 0;
  free(t);
  return -ENOMEM;
}

int thread_attach(struct shmq *q, struct thread **me) {
  pthread_once(&thread_key_once, thread_key_create);
  if (thread_key_error != 0) return -thread_key_error;
  *me = thread_find(q);
  if (*me == NULL) {
    struct thread_slot *slot = thread_claim(q);
    if (slot == NULL) return -EUSERS;
    int r = thread_add(q, slot);
    if (r != 0) return thread_release(slot), r;
    *me = thread_find(q);
  }
  thread_latest = *me;
  return 0;
}

/* ---- Handles and fork ---- */

static void fork_prepare(void) {
  pthread_mutex_lock(&handles_mutex);
}

static void fork_parent(void) {
  pthread_mutex_unlock(&handles_mutex);
}

/* open(2) is among what the child of a fork may call (signal-safety(7)); snprintf here formats an
   integer only. */
int descriptor_reopen(int fd, bool writable) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int again = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
  if (again >= 0) return again;
  return errno == ENOENT ? -ENOSYS : -errno; /* there is no /proc */
}

/*
 * The child has the parent's descriptor, and with it would keep the parent's locks alive beyond the
 * parent's death. It opens the file anew, and attaches when it first calls.
 */
static void handle_after_fork(struct shmq *q) {
  store_relaxed(&q->attachment, 0);
  pthread_mutex_init(&q->mutex, NULL);
  if (q->readonly || q->fd < 0) return;
  int inherited = q->fd;
  q->fd = descriptor_reopen(inherited, true);
  close(inherited);
}

static void fork_child(void) {
  for (struct shmq *q = handles; q != NULL; q = q->next)
    handle_after_fork(q);
  pthread_mutex_init(&handles_mutex, NULL);
}

static void fork_handlers(void) {
  pthread_atfork(fork_prepare, fork_parent, fork_child);
}

/* Opened and listed in one step for those who fork: a child that had the description and did not
   know of it would keep this process's locks beyond its death. */
int handle_register(struct shmq *q, int fd) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, fork_handlers);
  pthread_mutex_lock(&handles_mutex);
  q->fd = descriptor_reopen(fd, !q->readonly);
  if (q->fd >= 0) {
    q->next = handles;
    handles = q;
  }
  pthread_mutex_unlock(&handles_mutex);
  return q->fd >= 0 ? 0 : q->fd;
}

void handle_leaves(struct shmq *q) {
  pthread_mutex_lock(&handles_mutex);
  q->leaving = true;
  pthread_mutex_unlock(&handles_mutex);
}

void handle_unregister(struct shmq *q) {
  pthread_mutex_lock(&handles_mutex);
  struct shmq **link = &handles;
  while (*link != q)
    link = &(*link)->next;
  *link = q->next;
  if (q->fd >= 0) close(q->fd);
  pthread_mutex_unlock(&handles_mutex);
}
