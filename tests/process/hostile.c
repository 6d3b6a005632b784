/* SPDX-License-Identifier: Apache-2.0 */
/* P9: a segment is input, not truth. What may lie under a queue's name when it is opened. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "layout.h"

SUITE(p9_hostile_segment);

static int open_segment(int flags) {
  const int file = open(segment_path(), flags | O_CLOEXEC, 0600);
  cr_assert(file >= 0);
  return file;
}

static off_t segment_size(void) {
  struct stat status;
  check_is(stat(segment_path(), &status), 0);
  return status.st_size;
}

static void read_bytes(void *bytes, size_t size, off_t offset) {
  const int file = open_segment(O_RDONLY);
  check_is(pread(file, bytes, size, offset), size);
  close(file);
}

static void write_bytes(const void *bytes, size_t size, off_t offset) {
  const int file = open_segment(O_RDWR);
  check_is(pwrite(file, bytes, size, offset), size);
  close(file);
}

/* ---- What an opener does ------------------------------------------------------------------------
 */

static int64_t open_both_ways(void *unused) {
  shmq *queue = NULL, *watcher = NULL;
  (void)unused;
  const int watched = shmq_open_readonly(&watcher, queue_name);
  const int opened = shmq_open(&queue, queue_name);
  return opened == watched ? opened : -EXFULL; /* the two must agree */
}

/* A queue that was let in must also be usable, or say that it is not. */
static int64_t open_and_use(void *unused) {
  char item[16];
  struct shmq_lease lease;
  struct shmq_stats stats;
  shmq *queue = NULL;
  (void)unused;
  const int error = shmq_open(&queue, queue_name);
  if (error) return error;
  shmq_stat(queue, &stats);
  shmq_put(queue, item, 8, MS);
  if (shmq_take(queue, &lease, MS) == 0) shmq_done(queue, &lease);
  shmq_get(queue, item, sizeof item, MS);
  shmq_check(queue, NULL);
  shmq_recover(queue);
  return shmq_close(queue);
}

static int64_t in_a_child(int64_t (*run)(void *)) {
  struct child child = child_start(run, NULL);
  return child_result(&child);
}

static bool is_refusal(int64_t error) {
  return error == -EPROTO || error == -EBADMSG;
}

#define check_refused()                                                 \
  do {                                                                  \
    const int64_t error_ = in_a_child(open_both_ways);                  \
    cr_assert(is_refusal(error_), "open gives %" PRId64 ": %s", error_, \
              shmq_strerror((int)error_));                              \
  } while (0)

/* ---- Files that are no queues -------------------------------------------------------------------
 */

Test(p9_hostile_segment, random_bytes_are_refused) {
  struct chance chance = chance_begin();
  static const size_t sizes[] = {0, 1, 7, 8, 127, 128, 129, 4095, 4096, 4097, 100000, 1 << 20};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    unsigned char *bytes = malloc(sizes[i] + 1);
    for (size_t k = 0; k < sizes[i]; k++)
      bytes[k] = (unsigned char)chance_next(&chance);
    new_queue_name();
    close(open_segment(O_CREAT | O_RDWR));
    write_bytes(bytes, sizes[i], 0);
    check_is(in_a_child(open_both_ways), -EPROTO);
    free(bytes);
  }
}

Test(p9_hostile_segment, zeros_are_refused) {
  new_queue_name();
  const int file = open_segment(O_CREAT | O_RDWR);
  check_is(ftruncate(file, 1 << 22), 0);
  check_is(in_a_child(open_both_ways), -EPROTO);
  close(file);
}

Test(p9_hostile_segment, what_is_not_a_file_is_refused) {
  new_queue_name();
  check_is(mkdir(segment_path(), 0700), 0);
  cr_expect(is_refusal(in_a_child(open_both_ways)), "a folder");
  check_is(rmdir(segment_path()), 0);
  check_is(mkfifo(segment_path(), 0600), 0);
  cr_expect(is_refusal(in_a_child(open_both_ways)), "a pipe");
  check_is(unlink(segment_path()), 0);
  check_is(symlink("/dev/zero", segment_path()), 0);
  const int64_t error = in_a_child(open_both_ways);
  cr_expect(is_refusal(error) || error == -EACCES, "a link");
}

/* ---- Queues that were changed -------------------------------------------------------------------
 */

Test(p9_hostile_segment, other_sizes_are_refused) {
  check_is(shmq_close(make_queue(NULL)), 0);
  const off_t whole = segment_size();
  const off_t sizes[] = {whole * 2,
                         whole + 4096,
                         whole + 1,
                         whole - 1,
                         whole - 4096,
                         whole / 2,
                         8192,
                         4096,
                         (off_t)sizeof(struct header),
                         8,
                         1,
                         0};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    check_is(truncate(segment_path(), sizes[i]), 0);
    check_refused();
  }
}

Test(p9_hostile_segment, other_versions_are_refused) {
  check_is(shmq_close(make_queue(NULL)), 0);
  static const uint32_t versions[] = {0, LAYOUT_VERSION + 1, LAYOUT_VERSION + 2, UINT32_MAX};
  for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
    write_bytes(&versions[i], sizeof versions[i], offsetof(struct header, version));
    check_is(in_a_child(open_both_ways), -EPROTO);
  }
}

static int64_t open_owned_by_other(void *unused) {
  shmq *queue = NULL;
  (void)unused;
  return shmq_open(&queue, queue_name);
}

Test(p9_hostile_segment, segment_of_another_user_is_refused) {
  struct shmq_options options = default_options();
  if (getuid() != 0) cr_skip("needs root");
  options.mode = 0666;
  check_is(shmq_close(make_queue(&options)), 0);
  check_is(chown(segment_path(), 12345, 12345), 0);
  check_is(in_a_child(open_owned_by_other), -EACCES);
}

static int64_t open_as_stranger(void *unused) {
  shmq *queue = NULL, *watcher = NULL;
  (void)unused;
  if (setgid(12345) || setuid(12345)) return -errno;
  if (shmq_open(&queue, queue_name) != -EACCES) return 1;
  if (shmq_unlink(queue_name) != -EACCES) return 2;
  return shmq_open_readonly(&watcher, queue_name) != -EACCES ? 3 : 0;
}

Test(p9_hostile_segment, stranger_without_permission_is_refused) {
  if (getuid() != 0) cr_skip("needs root");
  make_queue(NULL);
  check_is(in_a_child(open_as_stranger), 0);
}

static int64_t open_as_guest(void *unused) {
  shmq *queue = NULL;
  (void)unused;
  if (setgid(12345) || setuid(12345)) return -errno;
  const int error = shmq_open(&queue, queue_name);
  return error ? error : put_number(queue, 7);
}

Test(p9_hostile_segment, guest_with_permission_uses_the_queue_of_root) {
  struct shmq_options options = default_options();
  if (getuid() != 0) cr_skip("needs root");
  options.mode = 0666;
  shmq *queue = make_queue(&options);
  check_is(in_a_child(open_as_guest), 0);
  check_is(get_number(queue, SHMQ_NOWAIT), 7);
}

/* ---- Every header field at its extremes ---------------------------------------------------------
 */

struct field {
  const char *name;
  size_t offset, size;
  bool may_be_anything;
};

#define FIELD(field) \
  { #field, offsetof(struct header, field), sizeof((struct header *)0)->field, false }

static const struct field fields[] = {
    FIELD(magic),
    FIELD(version),
    {"unused", offsetof(struct header, unused), 4, true},
    FIELD(fingerprint),
    FIELD(size),
    FIELD(geometry.capacity),
    FIELD(geometry.maxsize),
    FIELD(geometry.item_max),
    FIELD(geometry.lease_timeout),
    FIELD(geometry.max_leases),
    FIELD(geometry.max_attempts),
    FIELD(geometry.max_processes),
    FIELD(geometry.max_threads),
};

static uint64_t extreme(int n, uint64_t old) {
  const uint64_t values[] = {0,
                             1,
                             old - 1,
                             old + 1,
                             old * 2,
                             old / 2,
                             INT32_MAX,
                             (uint64_t)INT32_MAX + 1,
                             UINT32_MAX,
                             INT64_MAX,
                             (uint64_t)INT64_MAX + 1,
                             UINT64_MAX};
  return values[n];
}

enum { EXTREMES = 12 };

/* Where the value is legal (a maxsize, say) the queue opens, and then it must work. */
static void try_value(const struct field *field, uint64_t value) {
  write_bytes(&value, field->size, (off_t)field->offset);
  const int64_t result = in_a_child(open_and_use);
  cr_assert(result == 0 || is_refusal(result), "%s = %#" PRIx64 ": %s", field->name, value,
            shmq_strerror((int)result));
}

Test(p9_hostile_segment, header_fields_at_their_extremes_harm_nobody) {
  check_is(shmq_close(make_queue(NULL)), 0);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    uint64_t old = 0;
    read_bytes(&old, fields[i].size, (off_t)fields[i].offset);
    for (int n = 0; n < EXTREMES; n++)
      try_value(&fields[i], extreme(n, old));
    try_value(&fields[i], old);
    check_is(in_a_child(open_and_use), 0);
  }
}

static void check_field_is_held_to(const char *name, uint64_t value) {
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    uint64_t old = 0;
    if (strcmp(fields[i].name, name) != 0) continue;
    read_bytes(&old, fields[i].size, (off_t)fields[i].offset);
    write_bytes(&value, fields[i].size, (off_t)fields[i].offset);
    check_refused();
    write_bytes(&old, fields[i].size, (off_t)fields[i].offset);
  }
}

Test(p9_hostile_segment, geometry_that_does_not_fit_the_size_is_refused) {
  check_is(shmq_close(make_queue(NULL)), 0);
  check_field_is_held_to("magic", 0);
  check_field_is_held_to("fingerprint", 0);
  check_field_is_held_to("size", 4096);
  check_field_is_held_to("geometry.capacity", 1 << 21);
  check_field_is_held_to("geometry.capacity", (1 << 20) + 1);
  check_field_is_held_to("geometry.capacity", 0);
  check_field_is_held_to("geometry.item_max", 1 << 30);
  check_field_is_held_to("geometry.item_max", 0);
  check_field_is_held_to("geometry.lease_timeout", UINT64_MAX);
  check_field_is_held_to("geometry.max_leases", 65536);
  check_field_is_held_to("geometry.max_leases", 0);
  check_field_is_held_to("geometry.max_attempts", UINT32_MAX);
  check_field_is_held_to("geometry.max_processes", 4096);
  check_field_is_held_to("geometry.max_threads", 65536);
}
