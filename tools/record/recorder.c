/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items are taken in groups. What happens to a group:
 *
 *   taken, written   gathering   nothing of it is known to be on disk
 *   disk_sync()      on its way  meanwhile the next one gathers
 *   that has ended   released    its items leave the queue
 *
 * A group is on its way as soon as the one before was released and nothing more can be taken, or it
 * is large. Where leases are few, it is all of them: the disk is waited for, and few waits for many
 * items cost less than many for few.
 */
#include "recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../command.h"
#include "../deliver.h"
#include "../meter.h"
#include "disk.h"
#include "origin.h"
#include "output.h"

#define LOOK_AT_SIGNALS (INT64_C(100) * 1000000)

enum { GROUP_ITEMS = 8192, GROUP_BYTES = 1 << 20, TAKE = 256 };

struct group {
  struct shmq_lease *leases;
  size_t count;
  uint64_t bytes;
  uint64_t end; /* where the file ends behind it */
};

struct recorder {
  struct recording *recording;
  shmq *queue;
  struct output output;
  struct disk disk;
  struct group groups[2], *gathering, *on_its_way;
  size_t group_max;
  uint64_t durable; /* what stands before this offset is on disk */
  uint64_t marked;  /* the last mark says it of what stands before this */
  bool finished;
  struct meter_line line;
};

static volatile sig_atomic_t stopped;

/* ---- Writing ------------------------------------------------------------------------------------
 */

static int write_failed(const struct recorder *r, int error) {
  complain("%s: %s (%" PRIu64 " item%s written; the others stay in the queue)", r->recording->path,
           strerror(-error), r->recording->written, r->recording->written == 1 ? "" : "s");
  return STATUS_FAILED;
}

static int write_record(struct recorder *r, enum record_kind kind, uint64_t number,
                        const void *data, size_t size) {
  static const uint8_t padding[8];
  uint8_t head[RECORD_HEAD_SIZE];
  struct record record = {kind, (uint32_t)size, number, record_checksum(data, size)};
  record_head_encode(head, &record, r->output.seed, r->disk.offset);
  int error = disk_write(&r->disk, head, sizeof head);
  if (error == 0) error = disk_write(&r->disk, data, size);
  if (error == 0) error = disk_write(&r->disk, padding, -size % 8);
  return error ? write_failed(r, error) : STATUS_DONE;
}

static int write_mark(struct recorder *r, enum record_kind kind) {
  r->marked = r->durable;
  return write_record(r, kind, r->durable, "", 0);
}

/* What was in the file when it came: a drain died between writing and releasing it, or the lease
   ran out. It leaves the queue with this group, and is not written again. */
static int write_item(struct recorder *r, const struct shmq_lease *lease) {
  if (ids_has(&r->output.ids, lease->id)) return STATUS_DONE;
  if (!ids_add(&r->output.ids, lease->id)) return out_of_memory();
  return write_record(r, RECORD_ITEM, lease->id, lease->data, lease->size);
}

/* Writes what was taken, and is the group's from now on. */
static int gather(struct recorder *r, size_t count) {
  struct group *group = r->gathering;
  const struct shmq_lease *lease = group->leases + group->count, *end = lease + count;
  int status = r->marked < r->durable ? write_mark(r, RECORD_MARK) : STATUS_DONE;
  for (; lease < end && status == STATUS_DONE; lease++) {
    status = write_item(r, lease);
    group->bytes += lease->size;
  }
  group->count += count;
  return status;
}

/* ---- Groups -------------------------------------------------------------------------------------
 */

static bool is_full(const struct recorder *r) {
  return r->gathering->count == r->group_max || r->gathering->bytes >= GROUP_BYTES;
}

static bool nothing_in_hand(const struct recorder *r) {
  return r->gathering->count == 0 && r->on_its_way->count == 0;
}

static int send_group(struct recorder *r) {
  struct group *group = r->gathering;
  int error = disk_sync(&r->disk);
  if (error) return write_failed(r, error);
  group->end = r->disk.offset;
  r->gathering = r->on_its_way;
  r->on_its_way = group;
  return STATUS_DONE;
}

/* A lease that ran out is no harm: the item is in the file, and may come again. */
static int release(struct recorder *r) {
  struct group *group = r->on_its_way;
  r->durable = group->end;
  for (size_t i = 0; i < group->count; i++) {
    int error = shmq_done(r->queue, &group->leases[i]);
    if (error && error != -ESTALE) return fail(r->recording->name, error);
    r->recording->written++;
  }
  group->count = 0;
  group->bytes = 0;
  return STATUS_DONE;
}

static int look_at_disk(struct recorder *r, bool wait) {
  int error = disk_look(&r->disk, wait);
  if (error) return write_failed(r, error);
  return r->disk.syncs > 0 || r->on_its_way->count == 0 ? STATUS_DONE : release(r);
}

/* ---- Items --------------------------------------------------------------------------------------
 */

/* Who follows and has nothing to do waits for an item, and now and then looks at the signals. */
static ssize_t take(const struct recorder *r) {
  const struct group *group = r->gathering;
  struct shmq_lease *leases = group->leases + group->count;
  size_t room = r->group_max - group->count;
  if (room > TAKE) room = TAKE;
  if (r->recording->follow && nothing_in_hand(r))
    return shmq_take_many(r->queue, leases, room, LOOK_AT_SIGNALS);
  return take_what_waits(r->queue, leases, room);
}

static int nothing_came(struct recorder *r, int error) {
  bool waits = r->recording->follow && status_of(error) == STATUS_NOT_READY;
  if (waits && !stopped) return STATUS_DONE;
  r->finished = true;
  if (stopped || nothing_left(r->queue, error)) return STATUS_DONE;
  complain("%s: %s (%" PRIu64 " item%s written)", r->recording->name,
           explain_missing(r->queue, error), r->recording->written,
           r->recording->written == 1 ? "" : "s");
  return status_of(error);
}

static int step(struct recorder *r) {
  bool takes = !stopped && !is_full(r);
  ssize_t taken = takes ? take(r) : 0;
  if (taken > 0) {
    int status = gather(r, (size_t)taken);
    return status ? status : look_at_disk(r, false);
  }
  if (r->on_its_way->count > 0) return look_at_disk(r, true);
  if (r->gathering->count > 0) return send_group(r);
  return nothing_came(r, (int)taken);
}

static void show(struct recorder *r) {
  if (meter_line_due(&r->line))
    meter_line_show(&r->line, r->recording->written, shmq_qsize(r->queue));
}

/* An end is written where something was, and where a drain was killed. */
static int write_end(struct recorder *r) {
  if (r->disk.offset == r->output.size && r->output.ended) return STATUS_DONE;
  int status = write_mark(r, RECORD_END);
  if (status) return status;
  int error = disk_sync(&r->disk);
  if (error == 0) error = disk_look(&r->disk, true);
  return error ? write_failed(r, error) : STATUS_DONE;
}

/* What the dead had comes first, and is not left behind. */
static int record_items(struct recorder *r) {
  int dead = shmq_recover(r->queue);
  int status = dead < 0 ? fail(r->recording->name, dead) : STATUS_DONE;
  while (status == STATUS_DONE && !r->finished) {
    status = step(r);
    show(r);
  }
  meter_line_end(&r->line);
  return status ? status : write_end(r);
}

/* ---- The whole ----------------------------------------------------------------------------------
 */

/* What did not come to be on disk is in the queue: it must not seem to be in the file. */
static int record_to_disk(struct recorder *r) {
  r->durable = r->output.size;
  r->marked = RECORD_HEADER_SIZE;
  int error = disk_open(&r->disk, r->output.fd, r->output.size);
  if (error) return write_failed(r, error);
  int status = record_items(r);
  disk_close(&r->disk);
  if (status && ftruncate(r->output.fd, (off_t)r->durable) < 0) output_failed(&r->output, -errno);
  return status;
}

static int record_in_groups(struct recorder *r) {
  for (int i = 0; i < 2; i++)
    r->groups[i].leases = calloc(r->group_max, sizeof *r->groups[i].leases);
  r->gathering = &r->groups[0];
  r->on_its_way = &r->groups[1];
  bool there = r->groups[0].leases && r->groups[1].leases;
  int status = there ? record_to_disk(r) : out_of_memory();
  for (int i = 0; i < 2; i++)
    free(r->groups[i].leases);
  return status;
}

static uint64_t time_of_day(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static struct record_header header_of(const struct recorder *r, const struct shmq_stats *stats,
                                      const struct origin *origin) {
  struct record_header header = {
      .created = time_of_day(),
      .origin = *origin,
      .capacity = stats->capacity,
      .maxsize = stats->maxsize,
      .item_max = stats->item_max,
      .max_leases = stats->max_leases,
      .max_attempts = stats->max_attempts,
      .lease_timeout = (uint64_t)stats->lease_timeout,
  };
  strncpy(header.name, r->recording->name, sizeof header.name - 1);
  return header;
}

static int open_and_record(struct recorder *r, const struct origin *origin) {
  struct shmq_stats stats;
  int error = shmq_stat(r->queue, &stats);
  if (error) return fail(r->recording->name, error);
  struct record_header header = header_of(r, &stats, origin);
  int status = output_open(&r->output, r->recording->path, &header, stats.mode);
  if (status) return status;
  r->group_max = stats.max_leases < GROUP_ITEMS ? stats.max_leases : GROUP_ITEMS;
  status = record_in_groups(r);
  output_close(&r->output);
  return status;
}

static void stop(int signal) {
  (void)signal;
  stopped = 1;
}

/* One that is ignored (nohup) stays so. */
static void catch (int signal) {
  struct sigaction action;
  sigaction(signal, NULL, &action);
  if (action.sa_handler == SIG_IGN) return;
  action = (struct sigaction){.sa_handler = stop};
  sigaction(signal, &action, NULL);
}

/* Without --follow a signal may kill: nothing is lost by it. */
static void catch_signals(void) {
  catch (SIGINT);
  catch (SIGTERM);
  catch (SIGHUP);
}

int record_queue(struct recording *recording) {
  struct recorder r = {.recording = recording, .line = meter_line_begin("written")};
  struct origin origin;
  int status = open_with_origin(&r.queue, recording->name, &origin);
  if (status) return status;
  if (recording->follow) catch_signals();
  signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to report */
  status = open_and_record(&r, &origin);
  shmq_close(r.queue);
  return status;
}
