/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue that two guests use while somebody writes what he likes into its segment. The first byte
 * says how the queue is made, and whether the stores come between the calls or all the time. Then
 * come steps: a call of a guest, or a store.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "atomic.h"
#include "guest.h"

#define STEPS  40
#define BUDGET 300 /* ms; what waits for hostile locks takes its time */

static struct geometry geometry;
static struct plan plan;
static uint8_t *memory; /* the segment, as somebody else has it */

/* ---- Stores -------------------------------------------------------------------------------------
 */

struct store {
  uint64_t offset, value;
  uint8_t size;
};

/* A part of the segment, so that the words that matter are met often. */
static uint64_t store_offset(uint8_t part, uint16_t offset) {
  const uint64_t begins[] = {0,
                             offsetof(struct segment, state),
                             offsetof(struct segment, producer),
                             offsetof(struct segment, consumer),
                             offsetof(struct segment, not_empty),
                             plan.processes,
                             plan.threads,
                             plan.cells,
                             plan.returned,
                             plan.payloads,
                             plan.ring,
                             plan.size};
  size_t i = part % (sizeof begins / sizeof *begins - 1);
  return begins[i] + offset % (begins[i + 1] - begins[i]);
}

/* Mostly what stands there, or a small number; then it is less easily seen to be wrong. */
static struct store store_read(struct bytes *bytes) {
  uint8_t part = bytes_byte(bytes), low = bytes_byte(bytes), high = bytes_byte(bytes);
  struct store s = {.offset = store_offset(part, (uint16_t)(low | high << 8))};
  s.size = part & 0x10 ? 8 : part & 0x20 ? 4 : 1;
  s.offset -= s.offset % s.size;
  s.value = part & 0x80 ? bytes_word(bytes) : bytes_byte(bytes);
  if (part & 0x40) s.value = ~s.value;
  return s;
}

static void store_do(const struct store *s) {
  uint8_t *to = memory + s->offset;
  if (s->size == 8)
    store_relaxed((_Atomic uint64_t *)to, s->value);
  else if (s->size == 4)
    store_relaxed((_Atomic uint32_t *)to, (uint32_t)s->value);
  else
    store_relaxed((_Atomic uint8_t *)to, (uint8_t)s->value);
}

/* ---- Somebody who never stops -------------------------------------------------------------------
 */

static struct store stores[STEPS];
static _Atomic size_t n_stores;
static _Atomic uint32_t scribbles;

static void *scribble(void *unused) {
  while (load_acquire(&scribbles)) {
    for (size_t i = 0; i < load_acquire(&n_stores); i++)
      store_do(&stores[i]);
    nanosleep(&(struct timespec){.tv_nsec = 1000}, NULL);
  }
  return unused;
}

/* ---- The run ------------------------------------------------------------------------------------
 */

static struct shmq_options options_from(uint8_t how) {
  struct shmq_options o;
  shmq_options_init(&o);
  o.capacity = 4096;
  o.item_max = how & 2 ? 300 : 64;
  o.maxsize = how & 4 ? 3 : 0;
  o.max_leases = 4;
  o.max_attempts = how & 8 ? 2 : 0;
  o.lease_timeout = how & 16 ? 1000000 : 0;
  o.max_processes = 3;
  o.max_threads = 4;
  return o;
}

static void segment_map(void) {
  int fd = open(fuzz_path(), O_RDWR | O_CLOEXEC);
  if (fd < 0 || pread(fd, &geometry, sizeof geometry, offsetof(struct header, geometry)) < 0)
    abort();
  plan = layout_plan(&geometry);
  memory = mmap(NULL, plan.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) abort();
  close(fd);
}

static int64_t milliseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void steps_run(struct guest guests[2], struct bytes *bytes, bool all_the_time) {
  int64_t end = milliseconds() + BUDGET;
  for (int i = 0; i < STEPS && bytes_left(bytes) > 0 && milliseconds() < end; i++) {
    uint8_t step = bytes_byte(bytes);
    if (step & 1) {
      guest_call(&guests[step >> 1 & 1], bytes);
      continue;
    }
    size_t n = load_relaxed(&n_stores);
    stores[n] = store_read(bytes);
    store_do(&stores[n]);
    if (all_the_time) store_release(&n_stores, n + 1);
  }
}

static void run(struct guest guests[2], struct bytes *bytes, bool all_the_time) {
  pthread_t thread;
  store_release(&n_stores, (size_t)0);
  store_release(&scribbles, all_the_time);
  if (all_the_time && pthread_create(&thread, NULL, scribble, NULL) != 0) abort();
  steps_run(guests, bytes, all_the_time);
  shmq_check(guests[0].queue, NULL);
  store_release(&scribbles, 0u);
  if (all_the_time) pthread_join(thread, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes bytes = bytes_of(data, size);
  struct guest guests[2] = {0};
  uint8_t how = bytes_byte(&bytes);
  struct shmq_options options = options_from(how);
  if (shmq_create(&guests[0].queue, fuzz_name, &options) != 0) abort();
  if (shmq_open(&guests[1].queue, fuzz_name) != 0) abort();
  segment_map();
  guests[0].item_max = guests[1].item_max = geometry.item_max;
  guest_watch((struct segment *)memory);
  run(guests, &bytes, how & 1);
  shmq_close(guests[1].queue);
  shmq_close(guests[0].queue);
  guest_rest();
  munmap(memory, plan.size);
  fuzz_unlink();
  return 0;
}
