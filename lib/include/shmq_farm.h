/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shmq_farm: functions that worker processes run for those who ask.
 *
 * A farm is a queue of tasks with a name (shmq.h). Its manners are those of Python's
 * concurrent.futures (https://docs.python.org/3/library/concurrent.futures.html), across processes
 * that need not know each other:
 *
 *   shmq_farm_open(&farm, "images", NULL);
 *   shmq_farm_register(farm, "resize", resize);
 *   shmq_farm_start(farm, 4);
 *   shmq_farm_submit(farm, "resize", path, strlen(path), &ticket, SHMQ_FOREVER);
 *   shmq_farm_result(farm, ticket, &outcome, SHMQ_FOREVER);
 *
 * What happens when somebody dies:
 * - A worker: the task that it had in hand goes to another, as often as max_attempts says; another
 *   worker takes its place. After the last attempt the submitter is told which signal it was.
 * - The supervisor (the process that starts the workers): its workers die with it; whoever waits
 *   for a result, for room or for the end starts it anew.
 * - The program that started them: its supervisor and its workers end. Tasks that wait stay in the
 *   queue, whoever submitted them, and are done by the workers of other programs, or of the next.
 * So a task is run once, and more than once only if a worker died in it; a result comes once.
 *
 * In shared memory a farm NAME is the queue NAME, and for each handle that has submitted the queue
 * NAME.results-PID-KEY with a file shmq-farm.NAME.results-PID-KEY beside it.
 *
 * Rules that hold for every call:
 * - It returns 0 or a negative errno; shmq_strerror() explains it. errno is not part of the
 *   interface. -EBADMSG: a segment is damaged. -EPERM: this handle belongs to another process.
 * - Durations are nanoseconds; a timeout covers the whole call. SHMQ_NOWAIT gives -EAGAIN, any
 *   other -ETIMEDOUT when the time is up. No call may be made from a signal handler, and no thread
 *   that is inside one may be cancelled.
 * - A handle belongs to the process that opened it. Its threads may use it at one time; those that
 *   may not are named. After fork(2), the child may only leave it alone: a task that wants to
 *   submit tasks opens the farm for itself.
 * - The program has one child more for each handle with workers. It changes no signal handler, and
 *   waits for no other child of the program; should the program reap that child with wait(2), no
 *   harm is done. Workers ignore SIGINT, so that a program at a terminal can end its work itself.
 */
#ifndef SHMQ_FARM_H
#define SHMQ_FARM_H

#include "shmq.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A handle on a farm. Opaque; made by shmq_farm_open(), freed by shmq_farm_close(). */
typedef struct shmq_farm shmq_farm;

/* Stands for one task that was submitted, among those of one handle. Never 0, never given twice. */
typedef uint64_t shmq_farm_ticket;

/* The longest name of a task, without its terminating NUL. */
#define SHMQ_FARM_TASK_MAX 35

/* ---- Open and leave -----------------------------------------------------------------------------
 */

/*
 * Always start from shmq_farm_options_init(). The queue of tasks takes about max_waiting times
 * argument_max bytes of shared memory, each handle that submits max_waiting times result_max.
 */
struct shmq_farm_options {
  /* Of the farm; those of who opens it first. */
  size_t argument_max;  /* largest argument, bytes; default 4096 */
  uint32_t max_waiting; /* tasks that may wait; default 256 */
  uint32_t max_workers; /* at one time, of all programs together, up to 3840; default 256 */
  /* Of this handle. */
  size_t result_max;     /* largest result, bytes; default 4096, raised to 256 */
  uint32_t max_tickets;  /* tickets not yet fetched; default 65536 */
  uint32_t max_attempts; /* workers that may die in a task before it is given up; default 3 */
};

/* Set every option to its default. */
SHMQ_API void shmq_farm_options_init(struct shmq_farm_options *options);

/*
 * Open the farm of this name, or make it. options NULL: the defaults. Also removes what submitters
 * that were killed have left in shared memory.
 * Errors: those of shmq_open_or_create(); -EINVAL an option that is 0; -EPROTO the name is that of
 * a queue whose items are too small for tasks.
 */
SHMQ_API int shmq_farm_open(shmq_farm **farm, const char *name,
                            const struct shmq_farm_options *options);

/*
 * Leave the farm. Its tickets are void and results that come for them are dropped, but every task
 * is still done. Workers started with this handle are killed; to let them finish what they have in
 * hand, call shmq_farm_stop() or shmq_farm_shutdown() before. No other thread may be inside a call
 * with this handle. NULL is allowed. Returns 0; the handle is gone.
 */
SHMQ_API int shmq_farm_close(shmq_farm *farm);

/*
 * Remove the name, and what killed submitters have left. Those who have the farm open go on.
 * Errors: those of shmq_unlink().
 */
SHMQ_API int shmq_farm_unlink(const char *name);

/* ---- Workers ------------------------------------------------------------------------------------
 */

/*
 * What workers run. It reads size bytes at argument (aligned for any type, gone when it returns),
 * writes at most room bytes to result and returns how many. To fail it returns a negative code of
 * its own choice and leaves a sentence in result, as shmq_farm_fail() does. One that ends its
 * process, by exit(3) or a signal, has cost one of its attempts.
 */
typedef ssize_t shmq_farm_task(const void *argument, size_t size, void *result, size_t room);

/* Write a sentence as printf(3) does, cut to fit, and return code. For `return shmq_farm_fail()`.
 */
SHMQ_API ssize_t shmq_farm_fail(void *result, size_t room, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * Let the workers started from now on run a function by this name. A task whose name its worker
 * does not know fails with -ENOSYS: all programs that work on a farm register the same names.
 * Errors: -EINVAL a name that is empty or too long; -EEXIST; -EBUSY there are workers; -ENOMEM.
 */
SHMQ_API int shmq_farm_register(shmq_farm *farm, const char *name, shmq_farm_task *task);

/*
 * Start worker processes, and a supervisor that replaces those that die. workers 0: as many as the
 * program may use processors. They are forked from the program as it is now, and so is the one
 * supervisor that later forks the replacements: call it early, at best before there are threads.
 * Errors: -EINVAL more than max_workers; -EBUSY there are workers; -ENOMEM; -EAGAIN no process.
 */
SHMQ_API int shmq_farm_start(shmq_farm *farm, unsigned workers);

/*
 * Start workers, and stay until the farm is shut down and nothing is left to do: what a program
 * that only works calls. Errors: those of shmq_farm_start().
 */
SHMQ_API int shmq_farm_work(shmq_farm *farm, unsigned workers);

/*
 * Wait until the workers started with this handle have finished what they have in hand and left.
 * The farm goes on. After it, workers can be started again.
 * Errors: -EAGAIN, -ETIMEDOUT: not all have left yet, but they have been told.
 */
SHMQ_API int shmq_farm_stop(shmq_farm *farm, shmq_ns timeout);

/*
 * Shut the farm down, for all programs and for good: nothing more can be submitted. flags 0: what
 * waits is still done; SHMQ_NOW: it is discarded, and its tickets are finished with -ECANCELED.
 * Then wait, as shmq_farm_stop() does. Results can be fetched until shmq_farm_close().
 * Errors: those of shmq_shutdown() and shmq_farm_stop().
 */
SHMQ_API int shmq_farm_shutdown(shmq_farm *farm, unsigned flags, shmq_ns timeout);

/* ---- Tasks --------------------------------------------------------------------------------------
 */

/*
 * Submit a task: size bytes of argument are copied. When it returns 0 the task will be done,
 * whatever becomes of the caller. Waits while max_waiting tasks wait, or while as many of this
 * handle are under way.
 * ticket NULL: nobody will ask. Nothing is kept of the result; if the task is given up it goes to
 * the queue NAME.dead.
 * Results that nobody fetches stay in this process's memory, max_tickets of them at most; then
 * -ENOBUFS, at once.
 * Errors: -EAGAIN, -ETIMEDOUT; -ENOBUFS; -ESHUTDOWN; -EMSGSIZE larger than argument_max; -EINVAL a
 * bad name; -ENOMEM; at a handle's first ticket, those of shmq_create().
 */
SHMQ_API int shmq_farm_submit(shmq_farm *farm, const char *task, const void *argument, size_t size,
                              shmq_farm_ticket *ticket, shmq_ns timeout);

/* How a task ended. Freed by shmq_farm_free(). */
struct shmq_farm_outcome {
  shmq_farm_ticket ticket;
  int code;         /* 0: it returned a result. Negative: it failed, and this is what it returned;
                       -EOWNERDEAD: its worker died, at the last attempt too;
                       -ECANCELED: it was discarded before it began;
                       -EMSGSIZE: it returned more than there was room for */
  int signal;       /* that ended the worker at the last attempt; 0: none, or nobody is left to
                       tell (its supervisor died as well) */
  uint32_t attempt; /* the how-manieth, from 1; 0: it never began */
  size_t size;
  void *data; /* the result; where code is negative, a sentence; a NUL follows it. NULL: there was
                 no memory for it, and code is -ENOMEM */
};

/* Free what an outcome holds. */
SHMQ_API void shmq_farm_free(struct shmq_farm_outcome *outcome);

/*
 * Wait until this task has ended, and fetch its outcome. The ticket is then void.
 * Errors: -ENOENT no such ticket (any more); -EAGAIN, -ETIMEDOUT.
 */
SHMQ_API int shmq_farm_result(shmq_farm *farm, shmq_farm_ticket ticket,
                              struct shmq_farm_outcome *outcome, shmq_ns timeout);

/*
 * Wait for whichever task ends first, and fetch its outcome: they come in the order in which they
 * ended. Tickets that another thread waits for with shmq_farm_result() or shmq_farm_map() are its
 * own. Errors: -ENOENT there is no ticket to wait for; -EAGAIN, -ETIMEDOUT.
 */
SHMQ_API int shmq_farm_next(shmq_farm *farm, struct shmq_farm_outcome *outcome, shmq_ns timeout);

/*
 * Run one task for each of n arguments, and wait for all: outcomes[i] is that of arguments[i].
 * There may be more of them than max_waiting and max_tickets.
 * Errors: those of shmq_farm_submit() and shmq_farm_result(). Then no outcome is there to be freed,
 * and what has not begun is cancelled.
 */
SHMQ_API int shmq_farm_map(shmq_farm *farm, const char *task, const struct iovec *arguments,
                           size_t n, struct shmq_farm_outcome *outcomes, shmq_ns timeout);

/*
 * Cancel a task that has not begun: it will not run, and the ticket is void. Never waits.
 * Errors: -EBUSY it has begun, or ended; the ticket is still good. -ENOENT no such ticket.
 */
SHMQ_API int shmq_farm_cancel(shmq_farm *farm, shmq_farm_ticket ticket);

/*
 * Nobody will ask for this ticket: cancel the task, or drop its outcome, now or when it comes.
 * Errors: -ENOENT no such ticket.
 */
SHMQ_API int shmq_farm_forget(shmq_farm *farm, shmq_farm_ticket ticket);

#ifdef __cplusplus
}
#endif

#endif
