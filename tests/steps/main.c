/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <glob.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

#define FAILURES_MAX 5 /* of a worker in one case; then on to the next case */

struct options options = {.sample = 20, .workers = 1, .limit = 300 * MS, .pattern = "*"};
struct totals *totals;
struct position *mine;
unsigned me;
struct case_of *tests;
size_t tests_n;

/* How far a run has come; in a file, if it is to go on after it was stopped. */
struct progress {
  char what[256]; /* which run it is */
  uint64_t seed;
  struct totals totals;
  struct position positions[WORKERS_MAX];
};

static struct position *positions;
static pid_t workers[WORKERS_MAX];

/* ---- Cases ---- */

/* Is the word in the list? */
static bool listed(const char *list, const char *word) {
  const size_t length = strlen(word);
  for (const char *at = list; (at = strstr(at, word)); at += length) {
    const bool begins = at == list || at[-1] == ' ', ends = at[length] == ' ' || !at[length];
    if (begins && ends) return true;
  }
  return false;
}

static void tests_make(void) {
  tests = calloc(calls_n * states_n, sizeof *tests);
  if (!tests) err(2, NULL);
  for (size_t c = 0; c < calls_n; c++) {
    for (size_t i = 0; i < states_n; i++) {
      struct case_of *test = &tests[tests_n];
      if (calls[c].states && !listed(calls[c].states, states[i].name)) continue;
      *test = (struct case_of){.call = &calls[c], .state = &states[i]};
      snprintf(test->name, sizeof test->name, "%s/%s", calls[c].name, states[i].name);
      tests_n += fnmatch(options.pattern, test->name, 0) == 0;
    }
  }
}

/* ---- Workers ---- */

/* One processor for each: the library then does not spin, and steps cost less. */
static void pin(void) {
  cpu_set_t all, one;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  unsigned skip = me % (unsigned)CPU_COUNT(&all);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &all) || skip-- > 0) continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

_Noreturn static void work(size_t test, uint64_t from) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pin();
  for (; test < tests_n; test++, from = 0) {
    if (mine->test != test) *mine = (struct position){.test = test};
    survey(test, from);
  }
  mine->test = tests_n;
  exit(0);
}

static void worker_start(unsigned i, size_t test, uint64_t from) {
  fflush(stdout);
  workers[i] = fork();
  if (workers[i] < 0) err(2, "fork");
  if (workers[i] > 0) return;
  me = i;
  mine = &positions[i];
  work(test, from);
}

/* A worker ends at its first failure, said by itself; or it hung, or crashed. */
static void worker_failed(unsigned i, int status) {
  struct position *at = &positions[i];
  char name[128];
  point_name(at, name, sizeof name);
  if (WIFSIGNALED(status)) {
    const int sig = WTERMSIG(status);
    printf("FAIL %s\n  %s\n", name, sig == SIGALRM ? "the living hang" : strsignal(sig));
  }
  totals->failures++;
  at->slow = 0;
  at->failures++;
  const bool enough = at->failures >= FAILURES_MAX || options.only;
  worker_start(i, enough ? at->test + 1 : at->test, enough ? 0 : at->serial + 1);
}

static void worker_ended(unsigned i, int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_SLOW) {
    positions[i].slow++;
    worker_start(i, positions[i].test, positions[i].serial);
  } else {
    worker_failed(i, status);
  }
}

static unsigned worker_of(pid_t pid) {
  unsigned i = 0;
  while (workers[i] != pid)
    i++;
  return i;
}

static void workers_stop(void) {
  for (unsigned i = 0; i < options.workers; i++) {
    if (workers[i] > 0) kill(workers[i], SIGKILL);
  }
  while (wait(NULL) > 0)
    continue;
}

static void run_all(void) {
  unsigned left = options.workers;
  for (unsigned i = 0; i < options.workers; i++)
    worker_start(i, positions[i].test, positions[i].serial);
  while (left > 0) {
    int status;
    const pid_t pid = wait(&status);
    if (pid < 0) err(2, "wait");
    const unsigned i = worker_of(pid);
    workers[i] = 0;
    if (status == 0) left--;
    if (status != 0) worker_ended(i, status);
    if (options.first && totals->failures > 0) return;
  }
}

/* ---- Queues ---- */

static char queues[32];

const char *run_name(void) {
  return queues;
}

/* What those left that hung, or were at work when we stopped. */
static void queues_remove(void) {
  char pattern[64];
  glob_t left;
  snprintf(pattern, sizeof pattern, "/dev/shm/shmq.%s-*", queues);
  if (glob(pattern, 0, NULL, &left) != 0) return;
  for (size_t i = 0; i < left.gl_pathc; i++)
    unlink(left.gl_pathv[i]);
  globfree(&left);
}

/* ---- The command line ---- */

/* In a file, or in no file. */
static struct progress *progress_map(const char *path) {
  struct progress *progress;
  const int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;
  const int flags = MAP_SHARED | (path ? 0 : MAP_ANONYMOUS);
  if (path && (fd < 0 || ftruncate(fd, sizeof *progress) != 0)) err(2, "%s", path);
  progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (progress == MAP_FAILED) err(2, "mmap");
  if (path) close(fd);
  return progress;
}

/* Begin a run, or go on with the one that the file knows. */
static void progress_open(void) {
  struct progress *progress = progress_map(options.state);
  char what[sizeof progress->what];
  snprintf(what, sizeof what, "%zu cases of %s, full %d, pairs %d, stalls %d, sample %u, -j %u",
           tests_n, options.pattern, options.full, options.pairs, options.stalls, options.sample,
           options.workers);
  if (progress->what[0] == '\0') {
    strcpy(progress->what, what);
    progress->seed = options.seed;
  }
  if (strcmp(progress->what, what) != 0) {
    errx(2, "%s: another run: %s; this one: %s", options.state, progress->what, what);
  }
  options.seed = progress->seed;
  totals = &progress->totals;
  positions = progress->positions;
}

static const struct call *second_named(const char *name) {
  const struct call *list = options.stalls ? others : seconds;
  const size_t n = options.stalls ? others_n : seconds_n;
  for (size_t i = 0; i < n; i++) {
    if (strcmp(list[i].name, name) == 0) return &list[i];
  }
  errx(2, "no second victim %s", name);
}

/* CASE:K or CASE:K:SECOND:J */
static void parse_only(char *text) {
  char *name = strtok(text, ":"), *k = strtok(NULL, ":"), *second = strtok(NULL, ":");
  char *j = strtok(NULL, ":");
  options.only = true;
  options.pattern = name;
  if (k) options.point.k = strtoul(k, NULL, 10);
  if (second) options.point.second = second_named(second);
  if (j) options.point.j = strtoul(j, NULL, 10);
}

static const char usage[] =
    "usage: shmq-steps [OPTION...]\n"
    "Kill a process after each instruction of its call, and see what the living make of it.\n"
    "  --list           the cases: call/state\n"
    "  --case PATTERN   only these, a pattern of glob(7)\n"
    "  --state FILE     keep there how far the run has come; called again with the same options,\n"
    "                   go on there\n"
    "  --only POINT     one point, as a failure names it: CASE:K or CASE:K:SECOND:J (with\n"
    "                   --stalls before it, of a stall)\n"
    "  --full           kill after every instruction\n"
    "  --pairs          kill the recoverer, too, at every edge, from every edge; after plain\n"
    "                   calls in small states at every instruction\n"
    "  --stalls         kill nobody: stop it at every edge, make another call, let it go on\n"
    "  --first          stop at the first failure\n"
    "  --sample N       else: every edge, N instructions and N pairs of each case (20)\n"
    "  --seed S         of the sample\n"
    "  --limit MS       how long the living may need to go on (300)\n"
    "  -j N             processes at work (1)\n";

enum option_name {
  LIST = 1,
  CASE,
  STATE,
  ONLY,
  FULL,
  PAIRS,
  STALLS,
  FIRST,
  SAMPLE,
  SEED,
  LIMIT_MS,
  HELP
};

static const struct option long_options[] = {{"list", no_argument, NULL, LIST},
                                             {"case", required_argument, NULL, CASE},
                                             {"state", required_argument, NULL, STATE},
                                             {"only", required_argument, NULL, ONLY},
                                             {"full", no_argument, NULL, FULL},
                                             {"pairs", no_argument, NULL, PAIRS},
                                             {"stalls", no_argument, NULL, STALLS},
                                             {"first", no_argument, NULL, FIRST},
                                             {"sample", required_argument, NULL, SAMPLE},
                                             {"seed", required_argument, NULL, SEED},
                                             {"limit", required_argument, NULL, LIMIT_MS},
                                             {"help", no_argument, NULL, HELP},
                                             {NULL, 0, NULL, 0}};

static void list_cases(void) {
  for (size_t i = 0; i < tests_n; i++)
    puts(tests[i].name);
}

/* Returns true if the cases are to be listed only. */
static bool parse(int argc, char **argv) {
  bool list = false;
  options.seed = (uint64_t)time(NULL);
  for (int c; (c = getopt_long(argc, argv, "j:", long_options, NULL)) != -1;) {
    switch (c) {
      case LIST:
        list = true;
        break;
      case CASE:
        options.pattern = optarg;
        break;
      case STATE:
        options.state = optarg;
        break;
      case ONLY:
        parse_only(optarg);
        break;
      case FULL:
        options.full = true;
        break;
      case PAIRS:
        options.pairs = true;
        break;
      case STALLS:
        options.stalls = true;
        break;
      case FIRST:
        options.first = true;
        break;
      case SAMPLE:
        options.sample = (unsigned)strtoul(optarg, NULL, 10);
        break;
      case SEED:
        options.seed = strtoull(optarg, NULL, 10);
        break;
      case LIMIT_MS:
        options.limit = (shmq_ns)strtoul(optarg, NULL, 10) * MS;
        break;
      case 'j':
        options.workers = (unsigned)strtoul(optarg, NULL, 10);
        break;
      case HELP:
        fputs(usage, stdout);
        exit(0);
      default:
        fputs(usage, stderr);
        exit(2);
    }
  }
  if (optind < argc) errx(2, "%s: what is that? See --help", argv[optind]);
  if (options.workers < 1 || options.workers > WORKERS_MAX) errx(2, "-j: 1 to %d", WORKERS_MAX);
  tests_make();
  if (tests_n == 0) errx(2, "no case %s", options.pattern);
  return list;
}

static void summarize(void) {
  printf("%" PRIu64 " cases of %zu calls and %zu states, %" PRIu64 " instructions, %" PRIu64
         " edges\n",
         totals->cases, calls_n, states_n, totals->instructions, totals->edges);
  printf("%" PRIu64 " kill points, %" PRIu64 " double kill points, %" PRIu64 " stalls (%" PRIu64
         " missed)\n",
         totals->singles, totals->doubles, totals->stalls, totals->missed);
  printf("longest time until the living went on: %.1f ms (%s); tried again as slow: %" PRIu64 "\n",
         (double)totals->worst / 1e6, totals->worst_at, totals->slow);
  printf("%" PRIu64 " failures; seed %" PRIu64 "\n", totals->failures, options.seed);
}

int main(int argc, char **argv) {
  if (parse(argc, argv)) {
    list_cases();
    return 0;
  }
  progress_open();
  setlinebuf(stdout);
  snprintf(queues, sizeof queues, "steps-%d", (int)getpid());
  run_all();
  workers_stop();
  queues_remove();
  summarize();
  return totals->failures ? 1 : 0;
}
