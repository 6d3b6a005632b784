/* SPDX-License-Identifier: Apache-2.0 */
/* From a name to a handle, and back: create, open, check, close, unlink. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "os/membarrier.h"
#include "segment.h"
#include "wait.h"

#define DIRECTORY "/dev/shm" /* where shm_open(3) keeps its objects */
#define SUFFIX    ".dead"

/* ---- Names ---- */

static size_t name_limit(const char *name, size_t length) {
  const size_t suffix = strlen(SUFFIX);
  bool dead = length > suffix && strcmp(name + length - suffix, SUFFIX) == 0;
  return dead ? SHMQ_NAME_MAX + suffix : SHMQ_NAME_MAX;
}

static int name_check(const char *name) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  if (name == NULL || name[0] == '\0' || name[0] == '.') return -EINVAL;
  size_t length = strlen(name);
  if (strspn(name, allowed) != length) return -EINVAL;
  return length <= name_limit(name, length) ? 0 : -ENAMETOOLONG;
}

struct path {
  char text[NAME_MAX + sizeof DIRECTORY];
};

/* The file; behind DIRECTORY is what shm_open(3) and shm_unlink(3) want. */
static struct path path_of(const char *name) {
  struct path p;
  snprintf(p.text, sizeof p.text, DIRECTORY "/shmq.%s", name);
  return p;
}

static const char *object_in(const struct path *path) {
  return path->text + strlen(DIRECTORY);
}

/* ---- Options ---- */

void shmq_options_init(struct shmq_options *o) {
  *o = (struct shmq_options){.capacity = 1 << 20,
                             .item_max = 4096,
                             .max_leases = 256,
                             .max_processes = 256,
                             .max_threads = 1024,
                             .mode = 0600};
}

/* A power of two of whole pages that holds at least one item. 0: too large. */
static uint64_t capacity_for(const struct shmq_options *o) {
  if (o->capacity > MAX_CAPACITY || o->item_max > MAX_ITEM) return 0;
  uint64_t capacity = (uint64_t)sysconf(_SC_PAGESIZE);
  while (capacity < o->capacity || capacity < record_bytes(o->item_max))
    capacity *= 2;
  return capacity;
}

static struct geometry geometry_from(const struct shmq_options *o) {
  return (struct geometry){.capacity = capacity_for(o),
                           .maxsize = o->maxsize,
                           .item_max = o->item_max,
                           .lease_timeout = o->lease_timeout,
                           .max_leases = o->max_leases,
                           .max_attempts = o->max_attempts,
                           .max_processes = o->max_processes,
                           .max_threads = o->max_threads};
}

/* ---- Handles ---- */

/* Of the machine: a process that is bound to one of them may wait for one on another. */
static bool several_processors(void) {
  return get_nprocs() > 1;
}

static void handle_place(struct shmq *q) {
  char *base = q->mapping.base;
  q->segment = (struct segment *)base;
  q->processes = (struct process_slot *)(base + q->plan.processes);
  q->threads = (struct thread_slot *)(base + q->plan.threads);
  q->cells = (struct cell *)(base + q->plan.cells);
  q->returned = (_Atomic uint32_t *)(base + q->plan.returned);
  q->payloads = base + q->plan.payloads;
  q->ring = base + q->plan.ring;
  q->ring_mask = q->geometry.capacity - RECORD_ALIGN;
  q->capacity_units = (uint32_t)(q->geometry.capacity / RECORD_ALIGN);
  uint64_t maxsize = q->geometry.maxsize;
  q->items_limit = maxsize != 0 && maxsize < UINT32_MAX ? (uint32_t)maxsize : UINT32_MAX;
  q->payload_stride = q->plan.payload_stride;
}

/*
 * A handle on a valid segment; takes fd over when it succeeds. The mapping keeps the description
 * that it was made with, also in children. So the locks, which are to go with this process, are
 * held with another.
 */
static int handle_make(struct shmq **handle, const char *name, int fd,
                       const struct geometry *geometry, bool readonly) {
  struct shmq *q = calloc(1, sizeof *q);
  if (q == NULL) return -ENOMEM;
  q->geometry = *geometry;
  q->plan = layout_plan(geometry);
  q->readonly = readonly;
  q->may_spin = several_processors();
  memcpy(q->name, name, strlen(name) + 1);
  pthread_mutex_init(&q->mutex, NULL);
  int r = mapping_create(&q->mapping, fd, q->plan.size, geometry->capacity, !readonly);
  if (r != 0) return free(q), r;
  handle_place(q);
  r = handle_register(q, fd);
  if (r != 0) return mapping_destroy(&q->mapping), free(q), r;
  close(fd);
  *handle = q;
  return 0;
}

/* Barriers of others must reach us before we commit anything: event_count.h. */
static int handle_attach(struct shmq *q, struct timeout *t) {
  struct thread *me;
  if (!membarrier_register()) store_release(&q->segment->state.fence_needed, 1u);
  return enter(q, t, &me);
}

/* Opening and closing files are cancellation points; our calls are not. */
static int cancel_disable(void) {
  int before;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
  return before;
}

static void cancel_restore(int before) {
  pthread_setcancelstate(before, NULL);
}

/* What can not be cleaned up in time is left to the others, as if we had died. */
void segment_close(struct shmq *q, struct timeout *t) {
  int cancel = cancel_disable();
  handle_leaves(q);
  if (load_acquire(&q->attachment) != 0) recover_self(q, t);
  handle_unregister(q);
  mapping_destroy(&q->mapping);
  pthread_mutex_destroy(&q->mutex);
  free(q);
  cancel_restore(cancel);
}

int shmq_close(struct shmq *q) {
  struct timeout t = {.ns = NS_PER_S};
  if (q != NULL) segment_close(q, &t);
  return 0;
}

static int handle_open(struct shmq **handle, const char *name, int fd, const struct geometry *g,
                       bool readonly, struct timeout *t) {
  struct shmq *q;
  int r = handle_make(&q, name, fd, g, readonly);
  if (r != 0) return close(fd), r;
  if (!readonly) r = handle_attach(q, t);
  if (r != 0) return shmq_close(q), r;
  *handle = q;
  return 0;
}

/* ---- Create ---- */

/* Reserve every byte now: a page that is missing later would be a SIGBUS. */
static int file_reserve(int fd, uint64_t size) {
  struct statvfs fs;
  if (fstatvfs(fd, &fs) == 0 && fs.f_blocks > 0 && size / fs.f_frsize > fs.f_bavail) return -ENOSPC;
  int r;
  do {
    r = posix_fallocate(fd, 0, (off_t)size);
  } while (r == EINTR);
  return r == EFBIG ? -ENOSPC : -r;
}

static int header_write(int fd, const struct geometry *g) {
  struct header h = {.magic = LAYOUT_MAGIC,
                     .version = LAYOUT_VERSION,
                     .fingerprint = layout_fingerprint(),
                     .size = layout_plan(g).size,
                     .geometry = *g};
  return pwrite(fd, &h, sizeof h, 0) == (ssize_t)sizeof h ? 0 : -errno;
}

/* The link gives the file its name, or fails, in one step. */
static int file_name(int fd, const char *name) {
  char from[32];
  struct path to = path_of(name);
  snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
  if (linkat(AT_FDCWD, from, AT_FDCWD, to.text, AT_SYMLINK_FOLLOW) == 0) return 0;
  return -errno;
}

static int file_create(const struct geometry *g, mode_t mode) {
  int fd = open(DIRECTORY, O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
  if (fd < 0) return -errno;
  int r = file_reserve(fd, layout_plan(g).size);
  if (r == 0) r = header_write(fd, g);
  if (r == 0 && fchmod(fd, mode) != 0) r = -errno;
  if (r != 0) return close(fd), r;
  return fd;
}

/* Says so early when the name is taken, before any memory is reserved. */
static bool name_is_taken(const char *name) {
  struct path path = path_of(name);
  return access(path.text, F_OK) == 0;
}

/* The name comes last: who is killed before leaves nothing, who is killed after leaves a queue. */
static int create(struct shmq **queue, const char *name, const struct geometry *g, mode_t mode,
                  struct timeout *t) {
  struct shmq *q;
  int fd = file_create(g, mode);
  if (fd < 0) return fd;
  int r = handle_open(&q, name, fd, g, false, t);
  if (r != 0) return r;
  r = file_name(q->fd, name);
  if (r != 0) return shmq_close(q), r;
  *queue = q;
  return 0;
}

/* The owner must be able to open its own queue. */
static bool mode_is_valid(mode_t mode) {
  return (mode & ~(mode_t)0777) == 0 && (mode & 0600) == 0600;
}

static int segment_create(struct shmq **queue, const char *name, const struct shmq_options *options,
                          struct timeout *t) {
  struct shmq_options defaults;
  shmq_options_init(&defaults);
  if (options == NULL) options = &defaults;
  int r = name_check(name);
  if (r != 0) return r;
  struct geometry g = geometry_from(options);
  if (!geometry_is_valid(&g) || !mode_is_valid(options->mode)) return -EINVAL;
  if (name_is_taken(name)) return -EEXIST;
  int cancel = cancel_disable();
  r = create(queue, name, &g, options->mode, t);
  cancel_restore(cancel);
  return r;
}

/* ---- Open ---- */

/* -EPROTO: not ours; -EBADMSG: ours, but damaged. */
static int header_check(const struct header *h, uint64_t file_size) {
  if (h->magic != LAYOUT_MAGIC || h->version != LAYOUT_VERSION ||
      h->fingerprint != layout_fingerprint()) {
    return -EPROTO;
  }
  if (!geometry_is_valid(&h->geometry)) return -EBADMSG;
  uint64_t size = layout_plan(&h->geometry).size;
  return h->size == size && file_size == size ? 0 : -EBADMSG;
}

static bool owner_is_trusted(const struct stat *st) {
  return st->st_uid == geteuid() || st->st_uid == 0;
}

/* Read the header once, into memory of our own: what was checked can not change any more. */
static int file_check(int fd, bool readonly, struct geometry *g) {
  struct stat st;
  struct header h;
  if (fstat(fd, &st) != 0) return -errno;
  if (!S_ISREG(st.st_mode)) return -EPROTO;
  if (!readonly && !owner_is_trusted(&st)) return -EACCES;
  if (pread(fd, &h, sizeof h, 0) != (ssize_t)sizeof h) return -EPROTO;
  int r = header_check(&h, (uint64_t)st.st_size);
  *g = h.geometry;
  return r;
}

/* EISDIR, ELOOP, ENXIO and the like: something that is not a queue has its name. */
static int open_error(int error) {
  switch (error) {
    case ENOENT:
    case EACCES:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return -error;
    default:
      return -EPROTO;
  }
}

static int open_file(struct shmq **queue, const char *name, bool readonly, struct timeout *t) {
  struct geometry g;
  struct path path = path_of(name);
  int fd = shm_open(object_in(&path), (readonly ? O_RDONLY : O_RDWR) | O_NONBLOCK, 0);
  if (fd < 0) return open_error(errno);
  int r = file_check(fd, readonly, &g);
  if (r != 0) return close(fd), r;
  return handle_open(queue, name, fd, &g, readonly, t);
}

static int open_as(struct shmq **queue, const char *name, bool readonly, struct timeout *t) {
  int r = name_check(name);
  if (r != 0) return r;
  int cancel = cancel_disable();
  r = open_file(queue, name, readonly, t);
  cancel_restore(cancel);
  return r;
}

int segment_open_or_create(struct shmq **queue, const char *name,
                           const struct shmq_options *options, struct timeout *t) {
  int r;
  do {
    r = open_as(queue, name, false, t);
    if (r == -ENOENT) r = segment_create(queue, name, options, t);
  } while (r ==
           -EEXIST); /* somebody else made it; then it can be opened, unless it is gone again */
  return r;
}

/* ---- The public calls; they have no timeout ---- */

int shmq_create(struct shmq **queue, const char *name, const struct shmq_options *options) {
  return segment_create(queue, name, options, &(struct timeout){.ns = SHMQ_FOREVER});
}

int shmq_open(struct shmq **queue, const char *name) {
  return open_as(queue, name, false, &(struct timeout){.ns = SHMQ_FOREVER});
}

int shmq_open_readonly(struct shmq **queue, const char *name) {
  return open_as(queue, name, true, &(struct timeout){.ns = SHMQ_FOREVER});
}

int shmq_open_or_create(struct shmq **queue, const char *name, const struct shmq_options *options) {
  return segment_open_or_create(queue, name, options, &(struct timeout){.ns = SHMQ_FOREVER});
}

int shmq_unlink(const char *name) {
  int r = name_check(name);
  if (r != 0) return r;
  struct path path = path_of(name);
  return shm_unlink(object_in(&path)) == 0 ? 0 : -errno;
}
