/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shmq: a queue with a name, shared by processes and the threads in them.
 *
 * A queue lives in one shared-memory segment. Its manners are those of Python's queue.Queue
 * (https://docs.python.org/3/library/queue.html): put, get, timeouts, task_done, join, shutdown.
 * Beside them stand leases: an item that was taken with shmq_take() comes back to the queue if its
 * taker dies. Any process may be killed at any instruction; nobody hangs and nothing is lost.
 *
 * Rules that hold for every call:
 * - It returns 0, a count or a size, or a negative errno (errno(3)); shmq_strerror() explains it.
 *   errno itself is not part of the interface.
 * - A handle may be used by any number of threads at one time, and by a child after fork(2): the
 *   child is a process of its own to the queue, and holds none of its parent's leases. It opens the
 *   file anew, so a process that changed its user since it opened the queue may leave its children
 *   a handle whose calls return the error of that, mostly -EACCES.
 * - /proc must be mounted: to make or open a queue, and for the children of fork(2).
 * - No call may be made from a signal handler, and none is a cancellation point.
 * - Durations are nanoseconds. A timeout covers the whole call, every lock in it included.
 * - A handle keeps a descriptor open, and the lock on it shows that the process lives: who closes
 *   descriptors that it did not open must call shmq_close() before. Else it looks dead to the
 *   others; where its number is another file's, they look dead to it, and lose what they hold.
 * - A name is 1 to 200 of A-Z a-z 0-9 . _ - and does not begin with a dot. The queue of items that
 *   could not be worked on carries its queue's name with ".dead" after it.
 * - -EBADMSG: the segment is damaged; nothing was read or written outside it.
 * - -EPERM: the handle is for watching only (shmq_open_readonly()).
 * - -ENOMEM, -EUSERS: no memory, or no slot left, at a thread's or a child's first call.
 * - A call without a timeout waits as long as a stopped process keeps a lock that the call needs.
 */
#ifndef SHMQ_H
#define SHMQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHMQ_VERSION_MAJOR 0
#define SHMQ_VERSION_MINOR 1
#define SHMQ_VERSION_PATCH 0

#define SHMQ_API __attribute__((visibility("default")))

/* A handle on a queue. Opaque; made by shmq_create() and shmq_open(), freed by shmq_close(). */
typedef struct shmq shmq;

/* A duration in nanoseconds. */
typedef int64_t shmq_ns;

/* Do not wait for an item or for room. (A lock that others hold is waited for, for 10 ms at most;
   cleaning up after the dead may wait for others, each for 10 ms at most.) */
#define SHMQ_NOWAIT ((shmq_ns)0)
/* Wait as long as it takes. Any negative duration means the same. */
#define SHMQ_FOREVER ((shmq_ns)-1)

/* The longest name, without its terminating NUL; that of a ".dead" queue may be 5 longer. */
#define SHMQ_NAME_MAX 200

/* ---- Making, opening and leaving a queue ------------------------------------------------------
 */

/* What a queue is made with. Always start from shmq_options_init(). */
struct shmq_options {
  size_t capacity;        /* bytes of waiting items, each with 8 bytes of its own and padded to 8;
                             raised to hold one item_max, then to a power of two of whole pages;
                             default 1 MiB, at most 8 GiB */
  uint64_t maxsize;       /* items that may wait; 0: bounded by capacity alone (default) */
  size_t item_max;        /* largest item, bytes, 1 to 1 GiB; default 4096 */
  uint32_t max_leases;    /* items in hand at one time, 1 to 65536; default 256 */
  uint32_t max_attempts;  /* deliveries before an item goes to NAME.dead, up to 4094; 0: no limit
                             (default) */
  shmq_ns lease_timeout;  /* a lease not renewed for so long goes back; 0: a lease lasts as long as
                             its process (default) */
  uint32_t max_processes; /* attached at one time, 1 to 4096; default 256 */
  uint32_t max_threads;   /* using the queue at one time, 1 to 65536; default 1024; the
                             slot of one that ended stays with its process */
  mode_t mode;            /* permissions, exactly these (no umask), the owner's 0600 among
                             them; default 0600 */
};

/* Set every option to its default. */
SHMQ_API void shmq_options_init(struct shmq_options *options);

/*
 * Make a queue and open it. options NULL: the defaults. All memory is reserved here, or nothing is
 * left behind. The queue appears complete, in one step.
 * Errors: -EEXIST; -EINVAL a bad name or option; -ENAMETOOLONG; -ENOSPC it does not fit in the
 * shared-memory file system; -EACCES; -ENOMEM; -EMFILE, -ENFILE.
 */
SHMQ_API int shmq_create(shmq **queue, const char *name, const struct shmq_options *options);

/*
 * Open a queue that exists. Only a segment that belongs to the caller or to root is opened.
 * Errors: -ENOENT; -EACCES not yours, or no permission; -EPROTO not a queue, or one of another
 * version or machine; -EBADMSG a damaged one; -EUSERS no process or thread slot left; -EINVAL,
 * -ENAMETOOLONG a bad name; -ENOMEM; -EMFILE, -ENFILE.
 * It has no timeout: a process that was stopped while it attached or cleaned up is waited for.
 */
SHMQ_API int shmq_open(shmq **queue, const char *name);

/*
 * Open a queue to watch it: the segment is mapped read-only, no lock is taken, no slot is used.
 * shmq_stat(), shmq_processes(), shmq_threads(), shmq_qsize(), shmq_empty(), shmq_full() and
 * shmq_close() work, everything else gives -EPERM. Permission to read is enough, whoever owns the
 * queue. Errors: as shmq_open(), without -EUSERS.
 */
SHMQ_API int shmq_open_readonly(shmq **queue, const char *name);

/* Open the queue, or make it where there is none. Errors: those of shmq_open() and shmq_create(),
   but neither -ENOENT nor -EEXIST. It has no timeout, as shmq_open(). */
SHMQ_API int shmq_open_or_create(shmq **queue, const char *name,
                                 const struct shmq_options *options);

/*
 * Leave the queue. This process's leases go back to it; what it got with shmq_get() and did not
 * finish counts as abandoned. No other thread may be inside a call with this handle, and the data
 * of its leases may not be read any more. NULL is allowed. Returns 0; the handle is gone. What it
 * cannot clean up in a second, as others keep locks, is left to them, as if the process had died.
 */
SHMQ_API int shmq_close(shmq *queue);

/*
 * Remove the name. Those who have the queue open go on using it; it goes with the last of them.
 * Errors: -ENOENT; -EACCES; -EINVAL, -ENAMETOOLONG a bad name.
 */
SHMQ_API int shmq_unlink(const char *name);

/* ---- Items in -----------------------------------------------------------------------------------
 */

/*
 * Put one item: size bytes (0 is allowed) are copied into the queue. When it returns 0 the item is
 * in the queue, whatever becomes of the caller.
 * Errors: -EAGAIN full (SHMQ_NOWAIT); -ETIMEDOUT still full; -EMSGSIZE larger than item_max;
 * -ESHUTDOWN; -EUSERS no thread slot left.
 */
SHMQ_API int shmq_put(shmq *queue, const void *item, size_t size, shmq_ns timeout);

/*
 * Put n items in their order; each run of items for which there is room goes in whole or not at
 * all. Waits for room until all are in. Returns how many went in: fewer than n if the time was up
 * or the queue was shut down meanwhile. Errors, where none went in: those of shmq_put(); -EMSGSIZE
 * is given before any item is put. With n = 0: returns 0 at once.
 */
SHMQ_API ssize_t shmq_put_many(shmq *queue, const struct iovec *items, size_t n, shmq_ns timeout);

/* ---- Items out, for good ------------------------------------------------------------------------
 */

/*
 * Get the next item: copied to buf, which has room for cap bytes. Returns its size. The item now
 * belongs to this process; shmq_task_done() finishes it.
 * Errors: -EAGAIN empty (SHMQ_NOWAIT); -ETIMEDOUT still empty; -EMSGSIZE larger than cap: the item
 * stays where it is; -ESHUTDOWN shut down and nothing is left; -EUSERS no thread slot left.
 */
SHMQ_API ssize_t shmq_get(shmq *queue, void *buf, size_t cap, shmq_ns timeout);

/*
 * Get up to n items: waits for one, takes what is there. In: items[i] is a buffer; out: iov_len is
 * the size of what is in it. Returns how many, at least 1; stops before an item that does not fit
 * its buffer. Errors: those of shmq_get(), where none was got. With n = 0: returns 0 at once.
 */
SHMQ_API ssize_t shmq_get_many(shmq *queue, struct iovec *items, size_t n, shmq_ns timeout);

/*
 * Look at the next item: copies at most cap bytes and leaves it in place. Returns its whole size.
 * Errors: -EAGAIN empty; -ESHUTDOWN shut down and nothing is left; -EUSERS.
 */
SHMQ_API ssize_t shmq_peek(shmq *queue, void *buf, size_t cap);

/*
 * Finish one item that a thread of this process got with shmq_get() or shmq_get_many().
 * Errors: -EINVAL more often than got.
 */
SHMQ_API int shmq_task_done(shmq *queue);

/* ---- Items out, on lease ------------------------------------------------------------------------
 */

/*
 * An item in hand. data stays readable, where it is, until the lease is ended by shmq_done(),
 * shmq_give_back() or shmq_bury(), or runs out. Any thread of the process may end it.
 */
struct shmq_lease {
  const void *data;
  size_t size;
  uint64_t id;      /* the item's number in the order of puts, from 0 */
  uint32_t attempt; /* the how-manieth delivery, from 1 (stops counting at 4095) */
  uint32_t cell;    /* where the queue keeps it */
};

/*
 * Take the next item on lease. If this process dies before it ends the lease, the item goes back to
 * the queue and is delivered again, before all others.
 * Waits while nothing waits or max_leases items are in hand.
 * Errors: -EAGAIN, -ETIMEDOUT, -ESHUTDOWN, -EUSERS as shmq_get().
 */
SHMQ_API int shmq_take(shmq *queue, struct shmq_lease *lease, shmq_ns timeout);

/* Take up to n items: waits for one, takes what is there. Returns how many. Errors: as shmq_take().
   With n = 0: returns 0 at once. */
SHMQ_API ssize_t shmq_take_many(shmq *queue, struct shmq_lease *leases, size_t n, shmq_ns timeout);

/* The item is finished. Errors: -ESTALE the lease is no longer yours. */
SHMQ_API int shmq_done(shmq *queue, const struct shmq_lease *lease);

/* Deliver the item again, first. Counts as an attempt. Errors: -ESTALE. */
SHMQ_API int shmq_give_back(shmq *queue, const struct shmq_lease *lease);

/*
 * Move the item to the queue NAME.dead, which is made if there is none.
 * Errors: -ESTALE; -EAGAIN NAME.dead is full; others of shmq_put() at NAME.dead; those of
 * shmq_open_or_create(). Whatever the error but -ESTALE, the lease is still yours.
 */
SHMQ_API int shmq_bury(shmq *queue, const struct shmq_lease *lease);

/* Begin the lease_timeout of this lease anew. Errors: -ESTALE. */
SHMQ_API int shmq_touch(shmq *queue, const struct shmq_lease *lease);

/* ---- The end of the work ------------------------------------------------------------------------
 */

/*
 * Wait until every item that was put is finished: nothing waits, no lease is out, and every item
 * got with shmq_get() was followed by shmq_task_done(), or its process is gone.
 * Errors: -EAGAIN (SHMQ_NOWAIT), -ETIMEDOUT.
 */
SHMQ_API int shmq_join(shmq *queue, shmq_ns timeout);

/* shmq_shutdown(): discard what waits, and whatever comes back later. */
#define SHMQ_NOW 1u

/*
 * Shut the queue down, for good. From now on put gives -ESHUTDOWN, and so do get and take once
 * nothing is left that waits. flags: 0, or SHMQ_NOW.
 * May be called again, to add SHMQ_NOW. Errors: -EINVAL unknown flags; -EUSERS.
 */
SHMQ_API int shmq_shutdown(shmq *queue, unsigned flags);

/* ---- Waiting for several queues, and beside other things
 * ------------------------------------------
 */

/*
 * What one can wait for at a queue. The call that follows may still find nothing: another process
 * may have been faster.
 */
enum shmq_event {
  SHMQ_NOT_EMPTY, /* something waits, or the queue was shut down: get and peek say so at once */
  SHMQ_NOT_FULL,  /* there is room for the largest item, or the queue was shut down: as put */
  SHMQ_FINISHED,  /* every item that was put is finished: as join; so it is before the first put */
};

/* The queues that shmq_wait_any() takes at most. */
#define SHMQ_WAIT_MAX 128

/*
 * Wait until at one of n queues, queues[i], the event events[i] holds; a queue may stand there more
 * than once. Returns i. Where several hold, each comes in its turn. Nothing is taken from a queue:
 * make the call that you waited for with SHMQ_NOWAIT. A lease that ran out is noticed within 100
 * ms. Errors: -EAGAIN (SHMQ_NOWAIT), -ETIMEDOUT; -EINVAL n is 0 or above SHMQ_WAIT_MAX, or there is
 * no such event; -ENOSYS before Linux 5.16.
 */
SHMQ_API int shmq_wait_any(shmq *const *queues, const enum shmq_event *events, size_t n,
                           shmq_ns timeout);

/*
 * For programs that bring their own way to sleep: a futex(2) word, shared between processes, and
 * the value on which to sleep. (shmq_uring.h has made a descriptor and an io_uring of it.)
 */
struct shmq_futex {
  const uint32_t *word; /* mapped until shmq_close() */
  uint32_t seen;
};

/*
 * Announce that this process is about to wait for an event. Returns 0: sleep while *word is seen.
 * Then call it again; as long as the sleep lasts, call shmq_look() ten times a second. Returns 1:
 * the event holds, and a sleep on *futex would end at once.
 * Who was woken may have been woken in place of another sleeper, and so should act, or call it
 * again: where the event still holds, that wakes the next.
 * Errors: -EINVAL there is no such event.
 */
SHMQ_API int shmq_event_arm(shmq *queue, enum shmq_event event, struct shmq_futex *futex);

/*
 * What every sleeper of this library does ten times a second: clean up after the dead, and see to
 * it that no sleep lasts because of them. Ends the sleeps of all who wait for the event if it
 * holds. Cheap: of all who use the queue, one looks for the dead, twenty times a second. Errors:
 * -EINVAL there is no such event.
 */
SHMQ_API int shmq_look(shmq *queue, enum shmq_event event);

/* ---- Watching -----------------------------------------------------------------------------------
 */

/* Items that wait (those given back included). Like every look at a live queue: true a moment ago.
 */
SHMQ_API uint64_t shmq_qsize(shmq *queue);
/* Does nothing wait? */
SHMQ_API bool shmq_empty(shmq *queue);
/* Would a put of the largest item have to wait? */
SHMQ_API bool shmq_full(shmq *queue);

/* Counts since the queue was made, read without a lock; they agree when the queue is at rest:
   put == done + unfinished + abandoned + dead_lettered + discarded. */
struct shmq_stats {
  uint64_t qsize;         /* waiting, returned ones included */
  uint64_t maxsize;       /* as made; 0: no limit */
  bool empty, full;       /* as shmq_empty(), shmq_full() */
  bool shut_down;         /* shmq_shutdown() was called */
  uint64_t unfinished;    /* waiting, on lease, or got and not task_done: what join waits for */
  uint64_t leased;        /* items in hand by shmq_take() */
  uint64_t returned;      /* of those waiting: given back, or left by the dead */
  uint64_t put;           /* items put */
  uint64_t got;           /* deliveries, by get or take, repeated ones included */
  uint64_t done;          /* finished, by task_done or done */
  uint64_t redelivered;   /* deliveries that were not an item's first */
  uint64_t abandoned;     /* got with shmq_get() by processes that left without task_done */
  uint64_t dead_lettered; /* moved to NAME.dead */
  uint64_t discarded;     /* by shmq_shutdown(SHMQ_NOW) */
  shmq_ns
      oldest_waiting;   /* so long ago, at most, the oldest item that waits was put; 0: none waits.
                           At most 30 ms and a fifteenth too much, where somebody calls that often */
  shmq_ns oldest_lease; /* so long, at most, the oldest lease has been held; 0: there is none.
                           At most 60 ms too much, where somebody calls that often */
  uint32_t putters_waiting; /* threads asleep until there is room; */
  uint32_t getters_waiting; /* until an item, or for shmq_take() a lease, can be had; */
  uint32_t joiners_waiting; /* in shmq_join() */
  uint64_t capacity;        /* bytes of the ring */
  uint64_t used;            /* of these, in use */
  uint64_t item_max;
  uint32_t max_leases, max_attempts, max_processes, max_threads;
  shmq_ns lease_timeout;
  uint32_t processes; /* process slots in use, those of the dead included */
  uint32_t threads;   /* threads that use the queue, those of the dead included */
  mode_t mode;
  uid_t uid;
  gid_t gid;
};

/* Errors: those of fstat(2), as a negative errno; the counts are filled in all the same. */
SHMQ_API int shmq_stat(shmq *queue, struct shmq_stats *stats);

/* A process that is attached. One that opened the queue twice is there twice. */
struct shmq_process {
  pid_t pid;            /* in the process's own PID namespace */
  char name[16];        /* as in /proc/PID/comm */
  bool alive;           /* false: dead, and not yet cleaned up after */
  uint32_t threads;     /* thread slots in use */
  uint64_t leased;      /* leases it holds */
  uint64_t unfinished;  /* leases, and items got and not yet task_done */
  shmq_ns oldest_lease; /* as in shmq_stats, of its leases */
};

/*
 * List the attached processes, without a lock: writes at most n of them, returns how many there
 * are. No errors.
 */
SHMQ_API ssize_t shmq_processes(shmq *queue, struct shmq_process *processes, size_t n);

/* What a thread does at the queue. */
enum shmq_activity {
  SHMQ_IDLE,            /* nothing yet */
  SHMQ_PUTS,            /* its last call was a put */
  SHMQ_GETS,            /* its last call was a get, take, peek, give_back or touch */
  SHMQ_WAITS_FOR_ITEM,  /* this and all that follow: asleep in a call, until an item is put, */
  SHMQ_WAITS_FOR_ROOM,  /* an item is got or taken, */
  SHMQ_WAITS_FOR_LEASE, /* a lease ends, as max_leases items are in hand, */
  SHMQ_WAITS_FOR_JOIN,  /* all items are finished, */
  SHMQ_WAITS_FOR_LOCK,  /* somebody leaves a lock: see shmq_thread.inside */
};

/* What a thread holds while it is inside a call: others wait for it, as long as it is stopped. */
enum shmq_inside { SHMQ_OUTSIDE, SHMQ_INSIDE_PUT, SHMQ_INSIDE_GET };

/* A thread that called. */
struct shmq_thread {
  pid_t pid;                   /* of its process, in that one's PID namespace */
  pid_t tid;                   /* likewise */
  char name[16];               /* of its process */
  bool alive;                  /* of its process: false: dead, and not yet cleaned up after */
  enum shmq_activity activity; /* busy threads say so every 32 calls or so */
  shmq_ns since;               /* asleep for so long; or so long ago it was seen calling */
  enum shmq_inside inside;     /* the lock of one side it is inside of, now */
  uint64_t got;                /* items got with shmq_get() by threads that had its slot */
  uint64_t unfinished;         /* of these, not yet task_done */
};

/* List the threads, without a lock: as shmq_processes(). */
SHMQ_API ssize_t shmq_threads(shmq *queue, struct shmq_thread *threads, size_t n);

/* ---- Repair -------------------------------------------------------------------------------------
 */

/*
 * Clean up after dead processes at once. (The living do it by themselves: whoever meets a dead
 * process's lock, and those who wait or work, many times a second.) Returns how many were cleaned
 * up after. Errors: -ETIMEDOUT a living process, perhaps a stopped one, keeps a lock: what was done
 * stays done, and the rest can be tried again; -EBADMSG a lock names nobody; -EUSERS no slot left
 * for the caller; -ENOMEM.
 */
SHMQ_API int shmq_recover(shmq *queue);

/*
 * Check every invariant of the segment, under its locks. Returns 0, or -EBADMSG with a sentence
 * that says what is broken in *broken (static; NULL where it is one of the locks; broken itself may
 * be NULL). It has no timeout. Errors: -EBADMSG; -EUSERS, -ENOMEM.
 */
SHMQ_API int shmq_check(shmq *queue, const char **broken);

/* A sentence for a result of any call above (negative or positive). Static memory. */
SHMQ_API const char *shmq_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
