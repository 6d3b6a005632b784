/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shmq-steps: kill a call after each of its instructions, and see what the living make of it.
 *
 * A case is a call in a state. For each kill point of a case a scene is set: a small queue in that
 * state, the process that is going to die (the victim), and whoever else the state needs. The
 * victim is brought to its k-th instruction inside the call and killed; the living go on and are
 * judged. In a double kill a second victim, at work on the recovery, dies as well before that. In a
 * stall nobody dies: the victim stands still at that instruction while another call is made.
 *
 * What the queue must hold afterwards is worked out by a model: two of them, as the call may have
 * happened whole or not at all. Each thing that is observed rules out the models that disagree;
 * a scene fails when none is left.
 */
#ifndef STEPS_H
#define STEPS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shmq.h"

#define US ((shmq_ns)1000)
#define MS ((shmq_ns)1000000)
#define S  ((shmq_ns)1000000000)

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- The model: model.c -------------------------------------------------------------------------
 */

#define ITEMS_MAX 48

enum place {
  RING,
  RETURNED,
  HELD, /* on lease to the victim */
  GOT,  /* got by the victim, and not finished */
  HELD_BY_CORPSE,
  GOT_BY_CORPSE,
  HELD_BY_OTHER,
  DONE,
  ABANDONED,
  DEAD, /* in NAME.dead */
  DISCARDED,
  PLACES
};

struct item {
  uint64_t number; /* what is in it */
  uint32_t deliveries;
  enum place place;
};

/* Items in the order of their puts: an item's index is its id. */
struct model {
  struct item items[ITEMS_MAX];
  unsigned n;
  unsigned room; /* how many the ring holds */
  unsigned cells;
  unsigned max_attempts;
  bool shut_down, discards;
};

unsigned model_count(const struct model *m, enum place place);
uint64_t model_deliveries(const struct model *m);
uint64_t model_redeliveries(const struct model *m);

/* The next item to be delivered, or NULL. */
struct item *model_next(struct model *m);

/* The first item at a place, or NULL. */
struct item *model_first(struct model *m, enum place place);

bool model_put(struct model *m, uint64_t number);
bool model_deliver(struct model *m, enum place place);

/* A lease ends without being done. */
void model_give_back(const struct model *m, struct item *item);

void model_shut_down(struct model *m, bool discard);

/* Somebody got the item with this number, which must have been next of its kind, and finished it.
 */
bool model_consume(struct model *m, uint64_t number);

/* All items at one place go to where the death of their holder puts them. */
void model_release(struct model *m, enum place place);

/* ---- Cases: calls.c, states.c -------------------------------------------------------------------
 */

/* What another process sleeps in. */
enum role { NOBODY_ASLEEP, GETTER, PUTTER, TAKER, JOINER };

/* Whom both locks are biased to. */
enum bias { TO_NOBODY, TO_VICTIM, SOON_TO_VICTIM, TO_HOLDER, TO_SLEEPER, TO_CORPSE };

/* Who the victim is to the queue before its call. */
enum newness { KNOWN, NEW_THREAD, NEW_PROCESS };

struct state {
  const char *name;
  size_t size;                  /* of each item */
  unsigned passed;              /* items that went through the ring before */
  bool odd;                     /* and one of half the size: a record then crosses the ring's end */
  unsigned ring, returned;      /* items that wait */
  unsigned held, got;           /* the victim's */
  unsigned lost_held, lost_got; /* those of a process that is dead already */
  unsigned others;              /* leases of a living process */
  bool aged;                    /* they have run out */
  bool tired;                   /* the victim's leases are on their last attempt */
  bool once;                    /* no item is delivered a second time */
  bool closing, discarding;     /* the queue is shut down; what waits is discarded */
  bool unburied;                /* there is no NAME.dead yet, where one is needed */
  bool due;                     /* nobody has looked for the dead for a while */
  bool plain;                   /* small: after plain calls, each instruction of the recovery */
  bool busy;                    /* the victim's call before this one was a moment ago */
  enum role role;
  enum bias bias;
  enum newness newness;
  uint64_t maxsize;
  shmq_ns lease_timeout;
};

struct shmq_options state_options(const struct state *state);

/* How long the victims had done nothing when their calls begin. */
shmq_ns state_pause(const struct state *state);

extern const struct state states[];
extern const size_t states_n;

/* A process that dies in a call, and what it has. */
struct victim {
  shmq *queue;
  const char *name;
  const struct shmq_options *options;
  size_t size; /* of the items it puts */
  struct shmq_lease leases[4];
  struct page *page;
};

struct call {
  const char *name;
  int64_t (*run)(struct victim *victim);
  /* Does to the model what the call's next store that commits does. False: there is none. */
  bool (*happen)(struct model *model, unsigned commits);
  const char *states;  /* where it is tried; NULL: everywhere */
  bool opens, creates; /* the victim is not attached before; there is no queue before */
  bool closes;         /* what the victim had comes back */
  bool buries;         /* it opens NAME.dead */
  bool plain;          /* one item, and no waiting */
  bool forks;          /* a child may keep the victim alive for a moment */
};

extern const struct call calls[];
extern const size_t calls_n;

/* What the second victim of a double kill does. */
extern const struct call seconds[];
extern const size_t seconds_n;

/* What another process does while the victim stands still, and is to go on later. */
extern const struct call others[];
extern const size_t others_n;

struct case_of {
  char name[64];
  const struct call *call;
  const struct state *state;
};

/* ---- Items: items.c -----------------------------------------------------------------------------
 */

#define ITEM_MAX 248

/* Numbers tell who put an item. */
enum { OF_SETUP = 100, OF_VICTIM = 200, OF_SECOND = 300, OF_LIVING = 400, OF_SLEEPER = 500 };

void item_write(char *data, size_t size, uint64_t number);
uint64_t item_read(const void *data, size_t size); /* UINT64_MAX: it is not as it was written */
int item_put(shmq *queue, uint64_t number, size_t size, shmq_ns timeout);

void nap(shmq_ns duration);

/* ---- Time: clock.c ------------------------------------------------------------------------------
 */

shmq_ns now(void);

/* For this process and the children that it makes: the time is what it was so long ago, or a
   little earlier, and passes only by their own sleeps. */
void clock_freeze(shmq_ns ago);
void clock_advance(shmq_ns duration);
void clock_thaw(void);

/* ---- The scene: scene.c, people.c, stepper.c ----------------------------------------------------
 */

/* What a child tells, in memory shared with it. */
struct page {
  _Atomic int over;  /* the victim's call returned */
  _Atomic int ready; /* whatever the scene waits for */
  _Atomic int finished;
  _Atomic int64_t result;
  _Atomic uint64_t number;
};

enum part { VICTIM, SECOND_VICTIM, CORPSE, HOLDER, SLEEPER, NEWCOMER, PARTS };

struct person {
  pid_t pid; /* 0: nobody */
  struct page *page;
};

#define MODELS_MAX 64

struct scene {
  const struct case_of *test;
  const struct call *second; /* NULL: a single kill */
  unsigned kills;
  char name[64], dead_name[72];
  shmq *queue;
  struct model before;             /* while the scene is set */
  struct model models[MODELS_MAX]; /* what may be, after the deaths */
  unsigned models_n;
  struct person people[PARTS];
  int bell; /* an eventfd: tells the holder to finish */
  uintptr_t killed_at;
  shmq_ns time_of_death;
};

void scene_begin(struct scene *s, const struct case_of *test, const struct call *second);
void scene_end(struct scene *s);

/* People: they are children of this process, and die with it. */
void corpse_make(struct scene *s);
void holder_start(struct scene *s);
int64_t holder_finish(struct scene *s);
void sleeper_start(struct scene *s); /* returns when it sleeps */
void newcomer_work(struct scene *s); /* a process that comes afterwards uses the queue */
_Noreturn void call_is_over(void *page);
void victim_start(struct scene *s, enum part part); /* returns when it stands before its call */
void person_kill(struct scene *s, enum part part);
bool comes_true(_Atomic int *flag, shmq_ns limit);

/* The instructions of one call; what stands at k is about to run when k have run. */
struct step {
  uintptr_t address;
  uint32_t visit; /* the how-manieth time that the call comes by this address, from 1 */
  bool edge;      /* the segment changed, or a system call was made, since the step before */
};

struct trace {
  struct step *steps;
  size_t n, room;
};

/* Record a victim's whole call. */
void victim_trace(struct scene *s, enum part part, struct trace *t);

/* Bring a victim to its k-th instruction. False: it took another way. */
bool victim_advance(struct scene *s, enum part part, const struct trace *t, size_t k);

/* Kill a victim where it stands; its call may have happened or not. */
void victim_kill(struct scene *s, enum part part);

/* While the victim stands still, the second one has time for its call; then both go on to the end,
   and leave. Either may have been first. */
void victims_finish(struct scene *s);

/* ---- After the deaths: judge.c, report.c -------------------------------------------------------
 */

void judge(struct scene *s);

_Noreturn void scene_fails(const struct scene *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What every queue of this run is called, to begin with. */
const char *run_name(void);

/* The living needed so long to get on. Too long is a failure. */
void progress_took(const struct scene *s, shmq_ns duration);

#endif
