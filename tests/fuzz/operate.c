/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A queue that two guests and a watcher use while somebody writes what he likes into its segment.
 * The first byte says how the queue is made, and whether the stores are made once or all the time.
 * Then come steps: a call, or a guest that goes and comes again, or a store, between two calls or
 * inside of them.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "atomic.h"
#include "guest.h"
#include "handle.h"

#define STEPS 40

enum { WATCHER = 2, GUESTS };

static struct guest guests[GUESTS];
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

/* ---- Between two accesses -----------------------------------------------------------------------
 */

/* A store that waits for its time: so many accesses from when it was read. */
struct later {
  struct store store;
  uint32_t due;
  bool here; /* to the word that is accessed then */
};

static struct later laters[STEPS];
static size_t n_laters;
static struct store repeated[STEPS];
static size_t n_repeated, next_repeated;
static uint32_t accesses, next_due;

/* The place of this word in the segment, if it is of it. */
static bool find_word(const uint8_t *word, uint64_t *offset) {
  for (int i = 0; i < GUESTS; i++) {
    const shmq *q = guests[i].queue;
    if (!q || word < (uint8_t *)q->segment || word >= (uint8_t *)q->segment + plan.size) continue;
    *offset = (uint64_t)(word - (uint8_t *)q->segment);
    return true;
  }
  return false;
}

static void later_do(struct later *later, const void *word) {
  struct store store = later->store;
  if (later->here && !find_word(word, &store.offset)) return; /* but at the next access */
  store.offset -= store.offset % store.size;
  store_do(&store);
  later->due = 0;
}

static void laters_do(const void *word) {
  next_due = UINT32_MAX;
  for (size_t i = 0; i < n_laters; i++) {
    uint32_t *due = &laters[i].due;
    if (*due != 0 && *due <= accesses) later_do(&laters[i], word);
    if (*due != 0 && *due < next_due) next_due = *due;
  }
}

static void between(void *word) {
  if (n_repeated > 0) store_do(&repeated[next_repeated++ % n_repeated]);
  if (++accesses >= next_due) laters_do(word);
}

static void later_add(const struct later *later) {
  laters[n_laters++] = *later;
  if (later->due < next_due) next_due = later->due;
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

/* Bit 1: not now; bit 2: to what is accessed then, wherever that is. */
static void store_step(uint8_t step, struct bytes *bytes, bool all_the_time) {
  struct store store = store_read(bytes);
  if (step & 2) {
    later_add(&(struct later){store, accesses + 1 + bytes_byte(bytes), step & 4});
    return;
  }
  store_do(&store);
  if (all_the_time) repeated[n_repeated++] = store;
}

/* It may find nothing that it likes. */
static void guest_open(struct guest *guest) {
  world_call(20 * WORLD_S);
  if (shmq_open(&guest->queue, fuzz_name) != 0) return;
  guest->item_max = guest->queue->geometry.item_max;
}

static void guest_close(struct guest *guest) {
  world_call(2 * WORLD_S);
  shmq_close(guest->queue);
  *guest = (struct guest){0};
}

static void call_step(uint8_t step, struct bytes *bytes) {
  int which = step >> 1 & 3;
  if (which == GUESTS) {
    guest_close(&guests[1]);
    guest_open(&guests[1]);
  } else if (guests[which].queue) {
    guest_call(&guests[which], bytes);
  }
}

static void steps_run(struct bytes *bytes, bool all_the_time) {
  for (int i = 0; i < STEPS && bytes_left(bytes) > 0; i++) {
    uint8_t step = bytes_byte(bytes);
    if (step & 1)
      call_step(step, bytes);
    else
      store_step(step, bytes, all_the_time);
  }
}

static void guests_come(const struct shmq_options *options) {
  fuzz_unlink(); /* a run may have been killed */
  if (shmq_create(&guests[0].queue, fuzz_name, options) != 0) abort();
  guest_open(&guests[1]);
  if (shmq_open_readonly(&guests[WATCHER].queue, fuzz_name) != 0) abort();
  segment_map();
  guests[0].item_max = guests[WATCHER].item_max = geometry.item_max;
}

static void guests_go(void) {
  for (int i = GUESTS - 1; i >= 0; i--) {
    guest_close(&guests[i]);
  }
  munmap(memory, plan.size);
  fuzz_unlink();
}

static void stores_forget(void) {
  n_laters = n_repeated = next_repeated = 0;
  accesses = 0;
  next_due = UINT32_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes bytes = bytes_of(data, size);
  uint8_t how = bytes_byte(&bytes);
  struct shmq_options options = options_from(how);
  world_begin();
  guests_come(&options);
  stores_forget();
  world_watch((struct segment *)memory);
  world_share(between);
  steps_run(&bytes, how & 1);
  shmq_check(guests[0].queue, NULL);
  guests_go();
  return 0;
}
