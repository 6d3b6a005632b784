/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is here: the processes that are attached, and their threads.
 *
 * A process slot changes hands only under the registry lock, a file lock that the kernel takes from
 * a holder that dies. So an answer "dead" stays true for as long as one holds that lock.
 */
#ifndef SHMQ_SLOTS_H
#define SHMQ_SLOTS_H

#include "atomic.h"
#include "handle.h"
#include "timeout.h"

/* How a thread waits on one side, learnt from how its waiting went (wait.c). */
struct pace {
  uint32_t items;  /* of the side's place, when the thread waited last */
  uint32_t pauses; /* between two looks */
  uint32_t vain;   /* long spins that ended asleep, since one did not */
  uint32_t skip;   /* waits until the next long spin */
  /* When the thread was about to sleep last: the items of the side's place, its own, and the time,
     CLOCK_MONOTONIC, ns. */
  uint32_t all, own;
  int64_t when;
};

/* A thread's place at one queue; private to the thread. */
struct thread {
  uint64_t attachment;    /* of the handle that it belongs to; never 0 */
  uint32_t id;            /* in lock words: its slot + 1 */
  uint32_t cell_hint;     /* a cell that this thread freed: still warm in its cache */
  uint32_t calls_to_look; /* until it looks around (wait.c) */
  uint32_t looks;         /* in one tick of the clock */
  uint32_t items;         /* that it put into the ring or had from it; modulo 2^32 */
  int64_t looked;         /* when it did, CLOCK_MONOTONIC, ns */
  struct pace put, get;
  struct thread_slot *slot;
  struct thread *next; /* the same thread's places at other queues */
};

/* The place that this thread used last. */
extern _Thread_local struct thread *thread_latest __attribute__((tls_model("initial-exec")));

/* The registry lock. Errors: -EAGAIN or -ETIMEDOUT. */
int registry_lock(struct shmq *q, struct timeout *t);
void registry_unlock(struct shmq *q);

/* Take a process slot, if this process has none. Errors: -EUSERS; those of registry_lock(). */
int process_attach(struct shmq *q, struct timeout *t);

/* Is the process in this slot, which is in use, alive? "No" is certain under the registry lock. */
bool process_is_alive(const struct shmq *q, uint32_t process);

enum liveness { LIVES, DEAD, NOBODY };

/* What is known of the thread that a lock word names. */
enum liveness holder_liveness(const struct shmq *q, uint32_t holder);

/* The process slot that a thread slot belongs to; max_processes: none (or nonsense). */
uint32_t thread_process(const struct shmq *q, const struct thread_slot *slot);

/* This thread's place, taken now if it has none; q is attached. Errors: -EUSERS, -ENOMEM. */
int thread_attach(struct shmq *q, struct thread **me);

/* Items that threads of this slot got and have not finished. */
uint64_t thread_outstanding(const struct thread_slot *slot);

/* The same file with a description of its own: locks on it are not shared. A negative errno. */
int descriptor_reopen(int fd, bool writable);

/*
 * This process's handles: for fork and for threads that end. From one to the other q has a
 * description of its own of the file that is open as fd, and every child of a fork lets go of it.
 */
int handle_register(struct shmq *q, int fd); /* 0 or a negative errno */
void handle_leaves(struct shmq *q);          /* from here on, threads that end leave their slots */
void handle_unregister(struct shmq *q);

#endif
