/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "atomic.h"

#define MS       ((shmq_ns)1000000)
#define ITEM_MAX 512 /* bytes of a buffer; items that need more are not read */

/* ---- The name -----------------------------------------------------------------------------------
 */

char fuzz_name[32];

__attribute__((constructor)) static void choose_name(void) {
  snprintf(fuzz_name, sizeof fuzz_name, "fuzz-%d", (int)getpid());
  atexit(fuzz_unlink);
}

const char *fuzz_path(void) {
  static char path[64];
  snprintf(path, sizeof path, "/dev/shm/shmq.%s", fuzz_name);
  return path;
}

void fuzz_unlink(void) {
  char dead[sizeof fuzz_name + 8];
  snprintf(dead, sizeof dead, "%s.dead", fuzz_name);
  shmq_unlink(fuzz_name);
  shmq_unlink(dead);
}

/* ---- The watch ----------------------------------------------------------------------------------
 */

/* In naps of the watch, not in time: who is stopped is stopped as a whole. */
#define NAP        (5 * MS)
#define NAPS_OPEN  4
#define NAPS_ABORT 4000

static pthread_mutex_t watch_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct segment *watched; /* NULL: nothing to watch over */
static unsigned naps;

static void open_lock(struct robust_mutex *lock) {
  store_release(&lock->word, 0u);
  store_release(&lock->bias, 0u);
  store_release(&lock->occupant, 0u);
}

static void watch_once(void) {
  if (!watched || ++naps < NAPS_OPEN) return;
  open_lock(&watched->producer.lock);
  open_lock(&watched->consumer.lock);
  if (naps < NAPS_ABORT) return;
  fputs("fuzz: a call does not come back\n", stderr);
  abort();
}

static void *watch(void *unused) {
  for (;;) {
    nanosleep(&(struct timespec){.tv_nsec = NAP}, NULL);
    pthread_mutex_lock(&watch_mutex);
    watch_once();
    pthread_mutex_unlock(&watch_mutex);
  }
  return unused;
}

static void watch_start(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, watch, NULL) != 0) abort();
}

static void watch_over(struct segment *segment) {
  pthread_mutex_lock(&watch_mutex);
  watched = segment;
  naps = 0;
  pthread_mutex_unlock(&watch_mutex);
}

void guest_watch(struct segment *segment) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, watch_start);
  watch_over(segment);
}

void guest_rest(void) {
  watch_over(NULL);
}

/* ---- Calls --------------------------------------------------------------------------------------
 */

static shmq_ns timeout_from(uint8_t byte) {
  return byte & 0x80 ? MS / 10 : SHMQ_NOWAIT;
}

static void require(bool good) {
  if (!good) abort();
}

static void read_all(const void *data, size_t size) {
  static volatile uint8_t sum;
  for (size_t i = 0; i < size; i++)
    sum = (uint8_t)(sum + ((const uint8_t *)data)[i]);
}

static void put(struct guest *g, uint8_t how) {
  uint8_t item[64] = {how};
  shmq_put(g->queue, item, how % sizeof item, timeout_from(how));
}

static void put_many(struct guest *g, uint8_t how) {
  uint8_t item[64] = {how};
  struct iovec items[5];
  for (size_t i = 0; i < 5; i++)
    items[i] = (struct iovec){item, (how >> i) % sizeof item};
  shmq_put_many(g->queue, items, 1 + how % 5, timeout_from(how));
}

static void get(struct guest *g, uint8_t how) {
  size_t cap = how & 0x40 ? how & 0x0f : ITEM_MAX;
  uint8_t *item = malloc(cap); /* exactly: AddressSanitizer stands behind it */
  ssize_t size = shmq_get(g->queue, item, cap, timeout_from(how));
  require(size <= (ssize_t)cap && size <= (ssize_t)g->item_max);
  if (size > 0) read_all(item, (size_t)size);
  free(item);
}

static void get_many(struct guest *g, uint8_t how) {
  size_t cap = how & 0x40 ? how & 0x0f : ITEM_MAX;
  struct iovec items[3];
  for (size_t i = 0; i < 3; i++)
    items[i] = (struct iovec){malloc(cap), cap};
  ssize_t n = shmq_get_many(g->queue, items, 1 + how % 3, timeout_from(how));
  for (ssize_t i = 0; i < n; i++) {
    require(items[i].iov_len <= cap && items[i].iov_len <= g->item_max);
    read_all(items[i].iov_base, items[i].iov_len);
  }
  for (size_t i = 0; i < 3; i++)
    free(items[i].iov_base);
}

static void peek(struct guest *g, uint8_t how) {
  uint8_t *item = malloc(how);
  shmq_peek(g->queue, item, how);
  free(item);
}

static void keep(struct guest *g, ssize_t n) {
  for (; n > 0; n--, g->n++) {
    require(g->leases[g->n].size <= g->item_max);
    read_all(g->leases[g->n].data, g->leases[g->n].size);
  }
}

static void take(struct guest *g, uint8_t how) {
  if (g->n == GUEST_LEASES) return;
  keep(g, shmq_take(g->queue, &g->leases[g->n], timeout_from(how)) == 0);
}

static void take_many(struct guest *g, uint8_t how) {
  size_t room = GUEST_LEASES - g->n;
  keep(g, shmq_take_many(g->queue, &g->leases[g->n], how % (room + 1), timeout_from(how)));
}

/* One that is held, or was; or, once in a while, one that nobody ever gave us. */
static const struct shmq_lease *lease_from(const struct guest *g, uint8_t how) {
  static struct shmq_lease invented;
  if (g->n > 0 && how < 0xf0) return &g->leases[how % g->n];
  invented = (struct shmq_lease){.id = how, .attempt = how, .cell = how & 1 ? UINT32_MAX : how};
  return &invented;
}

static void done(struct guest *g, uint8_t how) {
  shmq_done(g->queue, lease_from(g, how));
}

static void give_back(struct guest *g, uint8_t how) {
  shmq_give_back(g->queue, lease_from(g, how));
}

static void bury(struct guest *g, uint8_t how) {
  shmq_bury(g->queue, lease_from(g, how));
}

static void touch(struct guest *g, uint8_t how) {
  shmq_touch(g->queue, lease_from(g, how));
}

static void forget_leases(struct guest *g, uint8_t how) {
  (void)how;
  g->n = 0;
}

static void task_done(struct guest *g, uint8_t how) {
  (void)how;
  shmq_task_done(g->queue);
}

static void join(struct guest *g, uint8_t how) {
  shmq_join(g->queue, timeout_from(how));
}

static void shut_down(struct guest *g, uint8_t how) {
  shmq_shutdown(g->queue, how & SHMQ_NOW);
}

static void wait_any(struct guest *g, uint8_t how) {
  shmq *queues[] = {g->queue, g->queue};
  const enum shmq_event events[] = {how % 3, (how >> 2) % 3};
  shmq_wait_any(queues, events, 2, timeout_from(how));
}

static void arm(struct guest *g, uint8_t how) {
  struct shmq_futex futex;
  shmq_event_arm(g->queue, how % 3, &futex);
}

static void look(struct guest *g, uint8_t how) {
  shmq_look(g->queue, how % 3);
}

static void recover(struct guest *g, uint8_t how) {
  (void)how;
  shmq_recover(g->queue);
}

static void check(struct guest *g, uint8_t how) {
  const char *broken = NULL;
  (void)how;
  shmq_check(g->queue, &broken);
  if (broken) read_all(broken, strlen(broken));
}

static void watch_queue(struct guest *g, uint8_t how) {
  (void)how;
  guest_look(g->queue);
}

static void (*const calls[])(struct guest *, uint8_t) = {
    put,      put_many,  get,  get_many, peek,      take,        take_many,
    done,     give_back, bury, touch,    task_done, join,        shut_down,
    wait_any, arm,       look, recover,  check,     watch_queue, forget_leases,
};

void guest_call(struct guest *guest, struct bytes *bytes) {
  uint8_t call = bytes_byte(bytes), how = bytes_byte(bytes);
  pthread_mutex_lock(&watch_mutex);
  naps = 0;
  pthread_mutex_unlock(&watch_mutex);
  calls[call % (sizeof calls / sizeof *calls)](guest, how);
}

void guest_look(shmq *queue) {
  struct shmq_stats stats;
  struct shmq_process processes[4];
  shmq_stat(queue, &stats);
  ssize_t n = shmq_processes(queue, processes, 4);
  for (ssize_t i = 0; i < n && i < 4; i++)
    read_all(processes[i].name, strlen(processes[i].name));
  shmq_qsize(queue);
  shmq_empty(queue);
  shmq_full(queue);
}
