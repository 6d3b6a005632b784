/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shmq_uring: queues of shmq.h in programs whose main loop is poll(2), epoll(7) or io_uring(7).
 * Link with -lshmq_uring.
 *
 * A descriptor for an event of a queue:
 *
 *   int fd = shmq_event_fd(queue, SHMQ_NOT_EMPTY);
 *   ... epoll_ctl(loop, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, ...}) ...
 *   ... epoll_wait() says that fd is readable: ...
 *   while ((size = shmq_get(queue, buf, sizeof buf, SHMQ_NOWAIT)) >= 0) use(buf, size);
 *   shmq_event_clear(fd);
 *
 * - Whenever the descriptor was readable: do with the queue what you want, as much or as little as
 *   you want, and then call shmq_event_clear(). If the event holds still, the descriptor stays
 *   readable; if not, it is readable again when the event holds again. Without that call it stays
 *   readable. So it works as a level-triggered one; shmq_event_clear() says what an edge-triggered
 *   loop has to know.
 * - Readable means that the event may hold. Another process may have got the item; and ten times a
 *   second one of a process's descriptors becomes readable for a moment (now and then all of them),
 *   since its library has to look after the dead, as every sleeper does. No event is lost. Where
 *   several processes wait for one queue, one is told of each item; should it not come for it, the
 *   others are told within 200 ms.
 * - Never read from the descriptor or write to it. It may stand in any number of epoll sets, and be
 *   used by all threads.
 * - A descriptor belongs to the process that made it. The child of a fork(2) closes its copy with
 *   close(2), and makes descriptors of its own; so does the program after exec(2), where the copies
 *   are closed already.
 * - SHMQ_NOT_EMPTY is not about leases: shmq_take() says -EAGAIN while an item waits if max_leases
 *   items are in hand. Make max_leases larger than what all takers hold together.
 *
 * Each descriptor takes two or three more from the limit of open files (RLIMIT_NOFILE). It is made
 * with an io_uring that waits on the queue's futex (Linux 6.7). Where there is none, or io_uring is
 * forbidden (seccomp, the sysctl kernel.io_uring_disabled), a thread of the library waits, one for
 * each 127 descriptors (Linux 5.16); all signals are blocked in it.
 */
#ifndef SHMQ_URING_H
#define SHMQ_URING_H

#include <shmq.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Make a descriptor that is readable when the event may hold. Close it with shmq_event_close(),
 * before the queue. Errors: -EINVAL there is no such event; -EMFILE, -ENFILE; -ENOMEM; -EAGAIN no
 * thread can be made; -ENOSYS before Linux 5.16.
 */
SHMQ_API int shmq_event_fd(shmq *queue, enum shmq_event event);

/*
 * Say that what there was to do has been done. Returns 0: the descriptor is not readable until the
 * event may hold again; 1: it holds still, or again, and the descriptor stays readable. The least
 * work is where it is always the same thread that calls this for a descriptor.
 * Errors: -EBADF not a descriptor of this process's shmq_event_fd(); those of making one. After an
 * error the descriptor stays readable.
 */
SHMQ_API int shmq_event_clear(int fd);

/*
 * Close the descriptor. Since the kernel takes an io_uring down that way, a call like epoll_wait(2)
 * of the thread that cleared it last may end once with EINTR afterwards. Errors: -EBADF.
 */
SHMQ_API int shmq_event_close(int fd);

struct io_uring_sqe; /* of <liburing.h> */

/*
 * Prepare, in a ring of your own, a wait for an event; set its user_data afterwards. Its completion
 * says that the event may hold, at once if it does so already: res is 0 or -EAGAIN; -EINVAL before
 * Linux 6.7; -ECANCELED. Act, and prepare another one. As long as a wait stands in a ring, call
 * shmq_look() for it ten times a second, and do not close the queue.
 * Errors: -EINVAL there is no such event; nothing is prepared.
 */
SHMQ_API int shmq_uring_prep_wait(struct io_uring_sqe *sqe, shmq *queue, enum shmq_event event);

#ifdef __cplusplus
}
#endif

#endif
