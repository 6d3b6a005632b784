/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The demo: the files below some folders are hashed by four workers, which are killed at random.
 *
 *   putter --paths--> [tasks] --take--> workers --results--> [results] --get--> collector
 *
 * The parent is the foreman: it starts everybody, kills workers, starts others, and joins. Each
 * role is one file and runs in a process of its own.
 */
#ifndef DEMO_H
#define DEMO_H

#include <shmq.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
  WORKERS = 4,
  KILLS = 20,            /* in all, where there are as many files */
  KILLS_ASKED = 10,      /* fewer are worth a word to the user */
  PATH_ITEM_MAX = 65536, /* fts(3) yields no longer path */
  DIGEST_SIZE = 65       /* 64 hex digits and a NUL */
};

/* Stands in a result in the place of a digest. */
#define UNREADABLE "unreadable"

/* Every regular file, sorted, each once. The number of a task is an index into it. */
struct paths {
  char **path;
  size_t count;
};

/* What a worker puts on the queue of results. */
struct result {
  uint64_t task;
  uint64_t bytes;
  pid_t worker;
  uint32_t attempt;
  char digest[DIGEST_SIZE];
  char path[];
};

/* What the foreman tells its children while they run; in memory that they share. */
struct ledger {
  pid_t killed[KILLS];
  _Atomic uint32_t kills; /* stored after the pid and before the signal */
  double seconds;
  uint64_t redelivered;
};

struct demo {
  shmq *tasks, *results;
  struct ledger *ledger;
  struct paths paths;
  char **folders; /* absolute; NULL-terminated */
  int64_t began;  /* CLOCK_REALTIME, nanoseconds */
  uint32_t kills; /* planned */
  size_t stride;  /* one of them falls due within each so many finished tasks */
};

/* What became of one task, as the collector sees it. */
struct outcome {
  uint64_t bytes;
  uint32_t results;
  uint32_t attempt; /* these two of the latest result */
  pid_t worker;
  bool disagrees; /* two results, two digests */
  char digest[DIGEST_SIZE];
};

/* The totals of the table. */
struct tally {
  uint64_t bytes;
  uint64_t missing, wrong;
  uint64_t twice, unexplained; /* of those twice: not of a killed worker */
  uint64_t changed;            /* files that changed while the demo ran: they prove nothing */
};

/* The roles; each returns its exit status. */
int putter(const struct demo *demo);
int worker(const struct demo *demo);
int collector(const struct demo *demo);

/* Run the work to its end. Returns false if a signal stopped it, or a child failed. */
bool foreman(struct demo *demo);

/* Find every regular file below the folders. */
void paths_find(struct paths *paths, char **folders);
/* The number of a path, or paths->count. */
size_t paths_index(const struct paths *paths, const char *path);

/* SHA-256 of a file. Returns false if it cannot be read. */
bool digest_file(const char *path, char digest[DIGEST_SIZE], uint64_t *bytes);

/* Compare every outcome with what sha256sum(1) says. */
void check(const struct demo *demo, const struct outcome *outcomes, struct tally *tally);

/* End with a sentence if an shmq call failed. */
void must(int64_t result, const char *what);

/* CLOCK_REALTIME, nanoseconds. */
int64_t now(void);

/* The signal that asks the demo to stop, or 0. */
int stop_signal(void);

#endif
