/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ITEM_MAX 512 /* bytes of a buffer; items that need more are not read */

/* What a call may take beyond its timeout, for locks and for cleaning up; and one without. */
#define GRACE   (500 * WORLD_MS)
#define FOREVER (20 * WORLD_S)

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

/* ---- Calls --------------------------------------------------------------------------------------
 */

/* The call that is going on takes it. */
static shmq_ns timeout_from(const struct guest *g, uint8_t byte) {
  shmq_ns longest = g->patient ? 3 * WORLD_S : WORLD_MS / 10;
  shmq_ns timeout = byte & 0x80 ? longest : SHMQ_NOWAIT;
  world_call(timeout + GRACE);
  return timeout;
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
  shmq_put(g->queue, item, how % sizeof item, timeout_from(g, how));
}

static void put_many(struct guest *g, uint8_t how) {
  uint8_t item[64] = {how};
  struct iovec items[5];
  for (size_t i = 0; i < 5; i++)
    items[i] = (struct iovec){item, (how >> i) % sizeof item};
  shmq_put_many(g->queue, items, 1 + how % 5, timeout_from(g, how));
}

static void get(struct guest *g, uint8_t how) {
  size_t cap = how & 0x40 ? how & 0x0f : ITEM_MAX;
  uint8_t *item = malloc(cap); /* exactly: AddressSanitizer stands behind it */
  ssize_t size = shmq_get(g->queue, item, cap, timeout_from(g, how));
  require(size <= (ssize_t)cap && size <= (ssize_t)g->item_max);
  if (size > 0) read_all(item, (size_t)size);
  free(item);
}

static void get_many(struct guest *g, uint8_t how) {
  size_t cap = how & 0x40 ? how & 0x0f : ITEM_MAX;
  struct iovec items[3];
  for (size_t i = 0; i < 3; i++)
    items[i] = (struct iovec){malloc(cap), cap};
  ssize_t n = shmq_get_many(g->queue, items, 1 + how % 3, timeout_from(g, how));
  for (ssize_t i = 0; i < n; i++) {
    require(items[i].iov_len <= cap && items[i].iov_len <= g->item_max);
    read_all(items[i].iov_base, items[i].iov_len);
  }
  for (size_t i = 0; i < 3; i++)
    free(items[i].iov_base);
}

static void peek(struct guest *g, uint8_t how) {
  uint8_t *item = malloc(how);
  ssize_t size = shmq_peek(g->queue, item, how);
  require(size <= (ssize_t)g->item_max);
  if (size > 0) read_all(item, (size_t)size < how ? (size_t)size : how);
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
  keep(g, shmq_take(g->queue, &g->leases[g->n], timeout_from(g, how)) == 0);
}

static void take_many(struct guest *g, uint8_t how) {
  size_t room = GUEST_LEASES - g->n;
  keep(g, shmq_take_many(g->queue, &g->leases[g->n], how % (room + 1), timeout_from(g, how)));
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
  shmq_join(g->queue, timeout_from(g, how));
}

static void shut_down(struct guest *g, uint8_t how) {
  shmq_shutdown(g->queue, how & SHMQ_NOW);
}

static void wait_any(struct guest *g, uint8_t how) {
  shmq *queues[] = {g->queue, g->queue};
  const enum shmq_event events[] = {how % 3, (how >> 2) % 3};
  shmq_wait_any(queues, events, 2, timeout_from(g, how));
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

#define CALLS (sizeof calls / sizeof *calls)

void guest_call(struct guest *guest, struct bytes *bytes) {
  uint8_t call = bytes_byte(bytes), how = bytes_byte(bytes);
  uint8_t when = call / CALLS;
  if (when & 1) world_pass(60 * WORLD_MS); /* somebody will look for the dead */
  if (when & 2) world_pass(10 * WORLD_S);
  guest->patient = when & 4;
  world_call(FOREVER);
  calls[call % CALLS](guest, how);
  world_call(FOREVER);
}

/* ---- Watching -----------------------------------------------------------------------------------
 */

#define SOME 3

static void look_at_processes(shmq *queue) {
  struct shmq_process processes[SOME];
  ssize_t n = shmq_processes(queue, processes, SOME);
  for (ssize_t i = 0; i < n && i < SOME; i++)
    read_all(processes[i].name, strlen(processes[i].name));
}

static void look_at_threads(shmq *queue) {
  struct shmq_thread threads[SOME];
  ssize_t n = shmq_threads(queue, threads, SOME);
  for (ssize_t i = 0; i < n && i < SOME; i++) {
    read_all(threads[i].name, strlen(threads[i].name));
    require(threads[i].since >= 0);
  }
}

void guest_look(shmq *queue) {
  struct shmq_stats stats;
  shmq_stat(queue, &stats);
  require(stats.oldest_lease >= 0 && stats.oldest_waiting >= 0);
  look_at_processes(queue);
  look_at_threads(queue);
  shmq_qsize(queue);
  shmq_empty(queue);
  shmq_full(queue);
}
