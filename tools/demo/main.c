/* SPDX-License-Identifier: Apache-2.0 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

static volatile sig_atomic_t stopped_by;

int stop_signal(void) {
  return stopped_by;
}

static void on_signal(int number) {
  stopped_by = number;
}

void must(int64_t result, const char *what) {
  if (result < 0) errx(1, "%s: %s", what, shmq_strerror((int)result));
}

int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void catch_signals(void) {
  struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: waits are to end */
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGHUP, &action, NULL);
}

static _Noreturn void usage(FILE *stream, int status) {
  fputs(
      "usage: shmq-demo [-s SEED] [FOLDER...]\n"
      "Hash every file below the folders (default: /usr/include /usr/share/doc) with four\n"
      "workers, kill workers at random meanwhile, and compare the results with sha256sum.\n",
      stream);
  exit(status);
}

static unsigned parse_seed(const char *text) {
  char *end;
  errno = 0;
  unsigned long seed = strtoul(text, &end, 10);
  if (errno || end == text || *end || seed > UINT32_MAX) errx(2, "not a seed: %s", text);
  return (unsigned)seed;
}

static unsigned parse_options(int argc, char **argv) {
  unsigned seed = (unsigned)now() ^ (unsigned)getpid();
  for (int option; (option = getopt(argc, argv, "hs:")) != -1;) {
    if (option == 'h') usage(stdout, 0);
    if (option != 's') usage(stderr, 2);
    seed = parse_seed(optarg);
  }
  return seed;
}

/* Absolute, so that nothing below can be taken for an option. */
static char **resolve(char **names, size_t count) {
  char **folders = calloc(count + 1, sizeof *folders);
  if (!folders) err(1, "folders");
  for (size_t i = 0; i < count; i++) {
    if (!(folders[i] = realpath(names[i], NULL))) err(2, "%s", names[i]);
  }
  return folders;
}

static char **find_folders(int argc, char **argv) {
  static char *usual[] = {"/usr/include", "/usr/share/doc"};
  return optind < argc ? resolve(argv + optind, (size_t)(argc - optind)) : resolve(usual, 2);
}

static void plan(struct demo *demo, char **folders) {
  demo->folders = folders;
  paths_find(&demo->paths, folders);
  demo->kills = demo->paths.count < KILLS ? (uint32_t)demo->paths.count : KILLS;
  demo->stride = demo->kills ? demo->paths.count / demo->kills : 1;
  demo->ledger =
      mmap(NULL, sizeof *demo->ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (demo->ledger == MAP_FAILED) err(1, "mmap");
}

/* A queue's name carries the pid of the process that makes it and removes it. */
static void name_queue(char name[SHMQ_NAME_MAX], const char *what) {
  snprintf(name, SHMQ_NAME_MAX, "demo-%d-%s", getpid(), what);
}

static void create(shmq **queue, const char *what, size_t item_max, uint32_t max_leases) {
  char name[SHMQ_NAME_MAX];
  struct shmq_options options;
  shmq_options_init(&options);
  options.item_max = item_max;
  options.max_leases = max_leases;
  name_queue(name, what);
  must(shmq_create(queue, name, &options), name);
}

/* Runs at every exit; a child's pid is in no name. */
static void remove_queues(void) {
  char name[SHMQ_NAME_MAX];
  name_queue(name, "tasks");
  shmq_unlink(name);
  name_queue(name, "results");
  shmq_unlink(name);
}

static _Noreturn void die_of(int signal_number) {
  remove_queues();
  signal(signal_number, SIG_DFL);
  raise(signal_number);
  abort();
}

int main(int argc, char **argv) {
  static struct demo demo;
  unsigned seed = parse_options(argc, argv);
  plan(&demo, find_folders(argc, argv));
  srandom(seed);
  printf("seed %u\n", seed);

  atexit(remove_queues);
  catch_signals();
  create(&demo.tasks, "tasks", PATH_ITEM_MAX, 4 * WORKERS);
  create(&demo.results, "results", sizeof(struct result) + PATH_ITEM_MAX, 1);
  bool good = foreman(&demo);
  shmq_close(demo.results);
  shmq_close(demo.tasks);
  if (stop_signal()) die_of(stop_signal());
  return good ? 0 : 1;
}
