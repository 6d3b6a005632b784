/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What travels: a task, through the farm's queue, and a report, through the queue of whoever
 * submitted the task. Both are an item: one of these, and bytes behind it.
 */
#ifndef SHMQ_FARM_MESSAGE_H
#define SHMQ_FARM_MESSAGE_H

#include "shmq_farm.h"

/* Who submitted: a handle of a process. The key tells it from others, now and ever. */
struct submitter_id {
  uint64_t key;
  uint32_t pid;
};

/* 64 bytes, so that the argument behind it is aligned as the item is. */
struct task_message {
  shmq_farm_ticket ticket; /* 0: nobody will ask */
  struct submitter_id submitter;
  uint32_t max_attempts;
  char name[SHMQ_FARM_TASK_MAX + 1];
  char argument[];
};
_Static_assert(sizeof(struct task_message) % 64 == 0, "the argument is aligned");

/* There is always room for a sentence of so many bytes. */
#define SENTENCE_MAX 256

enum report_kind {
  REPORT_ENDED,    /* the task returned; its result or its sentence follows */
  REPORT_CRASH,    /* from the supervisor: this attempt's worker died; how, follows as a sentence */
  REPORT_GIVEN_UP, /* from a worker that was not to try once more */
};

/* Its bytes follow it. */
struct report {
  shmq_farm_ticket ticket;
  uint32_t attempt;
  uint32_t kind;
  int32_t code;
  int32_t signal;
};

/* REPORT_CRASH, with how it was. */
struct crash {
  struct report report;
  char sentence[64];
};

#endif
