/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a handle is: this process's private view of one segment. The geometry and the addresses
 * here were checked when the segment was opened; shared memory can not change them.
 */
#ifndef SHMQ_HANDLE_H
#define SHMQ_HANDLE_H

#include <pthread.h>

#include "layout.h"
#include "os/mapping.h"

struct shmq {
  char name[SHMQ_NAME_MAX + sizeof ".dead"]; /* first: see probe.h */

  /* This process's stay at the queue, a number that no other stay has; 0: not attached (a handle
     for watching, or one inherited through fork and not used since). */
  _Atomic uint64_t attachment;
  uint32_t process; /* its slot, while attached */

  struct geometry geometry;
  uint64_t ring_mask;      /* makes any place an aligned offset into the ring */
  uint32_t capacity_units; /* of the ring */
  uint32_t items_limit;    /* that may wait: maxsize, or more than can ever be */
  uint64_t payload_stride;
  struct segment *segment;
  struct process_slot *processes;
  struct thread_slot *threads;
  struct cell *cells;
  _Atomic uint32_t *returned; /* a heap of cell numbers, smallest item id first */
  char *payloads;
  char *ring; /* mapped twice, back to back: a record is never in two pieces */

  int fd; /* a description of this process's own: it carries the locks that show that it lives;
             a negative errno in the child of a fork that could not get one */
  bool readonly;
  bool leaving; /* the handle is being closed: threads that end leave their slots to that */
  bool may_spin;
  struct mapping mapping;
  struct plan plan;
  pthread_mutex_t mutex; /* attaching, and one recovery at a time, among this process's threads */
  struct shmq *next;     /* in the list of this process's handles */
};

/* The byte of the file that lives as long as the process in the slot does. */
static inline uint64_t liveness_byte(const struct shmq *q, uint32_t process) {
  return q->plan.processes + process * sizeof(struct process_slot);
}

/* The byte of the file that is the registry lock (slots.h). */
#define REGISTRY_BYTE 0

static inline char *payload_of(const struct shmq *q, uint32_t cell) {
  return q->payloads + cell * q->payload_stride;
}

#endif
