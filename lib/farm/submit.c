/* SPDX-License-Identifier: Apache-2.0 */
#include "submit.h"

#include <stdlib.h>
#include <string.h>

#include "collect.h"
#include "registry.h"
#include "submitter.h"

/* ---- A ticket for it ---- */

static bool has_room(struct shmq_farm *farm, uint64_t unused) {
  (void)unused;
  return farm->tickets.under_way < farm->options.max_waiting;
}

static int ticket_get(struct shmq_farm *farm, bool claimed, shmq_farm_ticket *id,
                      const struct deadline *deadline) {
  int error = submitter_open(farm);
  if (error == 0) error = collect_until(farm, has_room, 0, deadline);
  if (error != 0) return error;
  struct ticket *ticket = ticket_new(&farm->tickets, claimed);
  if (ticket == NULL) return -ENOBUFS;
  *id = ticket->outcome.ticket;
  board_offer(&farm->submitter.board, *id);
  return 0;
}

static int ticket_reserve(struct shmq_farm *farm, bool claimed, shmq_farm_ticket *id,
                          const struct deadline *deadline) {
  int error = farm_lock(farm);
  if (error != 0) return error;
  error = ticket_get(farm, claimed, id, deadline);
  farm_unlock(farm);
  return error;
}

static void ticket_settle(struct shmq_farm *farm, shmq_farm_ticket id, bool sent) {
  pthread_mutex_lock(&farm->mutex);
  struct ticket *ticket = ticket_find(&farm->tickets, id);
  if (ticket != NULL && sent) ticket_sent(ticket);
  if (ticket != NULL && !sent) ticket_remove(&farm->tickets, ticket);
  farm_unlock(farm);
}

/* ---- The task ---- */

static struct task_message *task_make(const struct shmq_farm *farm, const char *name,
                                      const void *argument, size_t size, shmq_farm_ticket ticket) {
  struct task_message *task = calloc(1, sizeof *task + size);
  if (task == NULL) return NULL;
  task->ticket = ticket;
  task->submitter = farm->submitter.id;
  task->max_attempts = farm->options.max_attempts;
  strcpy(task->name, name);
  if (size > 0) memcpy(task->argument, argument, size);
  return task;
}

/* In slices, since it may be our own supervisor that died. */
static int task_send(struct shmq_farm *farm, const struct task_message *task, size_t size,
                     const struct deadline *deadline) {
  for (;;) {
    const shmq_ns left = deadline_left(deadline);
    const int error = shmq_put(farm->tasks, task, sizeof *task + size, left);
    if (error != -ETIMEDOUT && error != -EAGAIN) return error;
    if (left == 0) return deadline_error(deadline);
    pthread_mutex_lock(&farm->mutex);
    look_after(farm);
    farm_unlock(farm);
  }
}

static int submit(struct shmq_farm *farm, const char *name, const void *argument, size_t size,
                  shmq_farm_ticket ticket, const struct deadline *deadline) {
  struct task_message *task = task_make(farm, name, argument, size, ticket);
  if (task == NULL) return -ENOMEM;
  const int error = task_send(farm, task, size, deadline);
  free(task);
  return error;
}

int submit_claimed(struct shmq_farm *farm, const char *task, const struct iovec *argument,
                   bool claimed, shmq_farm_ticket *ticket, const struct deadline *deadline) {
  int error = ticket_reserve(farm, claimed, ticket, deadline);
  if (error != 0) return error;
  error = submit(farm, task, argument->iov_base, argument->iov_len, *ticket, deadline);
  ticket_settle(farm, *ticket, error == 0);
  return error;
}

int shmq_farm_submit(struct shmq_farm *farm, const char *task, const void *argument, size_t size,
                     shmq_farm_ticket *ticket, shmq_ns timeout) {
  const struct deadline deadline = deadline_of(timeout);
  const struct iovec copied = {.iov_base = (void *)(uintptr_t)argument, .iov_len = size};
  if (!task_name_is_valid(task)) return -EINVAL;
  if (size > farm->options.argument_max) return -EMSGSIZE;
  if (ticket == NULL) return submit(farm, task, argument, size, 0, &deadline);
  return submit_claimed(farm, task, &copied, false, ticket, &deadline);
}

/* ---- Second thoughts ---- */

static int withdraw(struct shmq_farm *farm, shmq_farm_ticket id, bool drop) {
  struct ticket *ticket = ticket_asked(&farm->tickets, id);
  if (ticket == NULL) return -ENOENT;
  if (ticket->state != TICKET_FINISHED && board_withdraw(&farm->submitter.board, id)) {
    ticket_remove(&farm->tickets, ticket);
  } else if (drop) {
    ticket_forget(&farm->tickets, ticket);
  } else {
    return -EBUSY;
  }
  pthread_cond_broadcast(&farm->news);
  return 0;
}

static int withdraw_locked(struct shmq_farm *farm, shmq_farm_ticket id, bool drop) {
  int error = farm_lock(farm);
  if (error != 0) return error;
  error = withdraw(farm, id, drop);
  farm_unlock(farm);
  return error;
}

int shmq_farm_cancel(struct shmq_farm *farm, shmq_farm_ticket ticket) {
  return withdraw_locked(farm, ticket, false);
}

int shmq_farm_forget(struct shmq_farm *farm, shmq_farm_ticket ticket) {
  return withdraw_locked(farm, ticket, true);
}
