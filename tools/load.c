/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "meter.h"
#include "record/claim.h"
#include "record/note.h"
#include "record/origin.h"
#include "record/reader.h"

enum { SHOW_EACH = 256 };

static int64_t timeout = SHMQ_FOREVER;

static const struct command_option options[] = {
    {"timeout", 0, OPTION_DURATION, &timeout, 0, 0,
     "wait so long for room for an item (default: for ever)"},
    {0}};

struct loading {
  const char *name, *path;
  shmq *queue;
  struct origin origin;
  size_t item_max;
  struct reader reader;
  struct note note;
  uint64_t items;   /* in the file */
  uint64_t earlier; /* of these, put by a load that did not end */
  uint64_t done;    /* put, those included */
  struct meter_line line;
};

/* ---- The file, before anything is put -----------------------------------------------------------
 */

static int refuse(const struct loading *loading, const char *why) {
  complain("%s: %s", loading->path, why);
  return STATUS_FAILED;
}

static int damaged(const struct loading *loading) {
  complain("%s: damaged at offset %" PRIu64 "; nothing was put", loading->path,
           loading->reader.offset);
  return STATUS_FAILED;
}

static int too_large(const struct loading *loading, const struct record *record) {
  complain("%s: item %" PRIu64 " has %" PRIu32
           " bytes, and %s takes %zu; see --item-max of create"
           " (nothing was put)",
           loading->path, loading->items, record->size, loading->name, loading->item_max);
  return STATUS_FAILED;
}

/* A drain that was killed is no failure. What it wrote last may not have left the queue yet. */
static int survey_ended(const struct loading *loading, enum reading reading, bool ended) {
  if (reading == READ_FAILED) return refuse(loading, strerror(errno));
  if (reading == READ_DAMAGED) return damaged(loading);
  if (!ended)
    complain(
        "%s: it has no end, as its drain was killed: the last items may still be in %s, which"
        " draining into it once more would settle",
        loading->path, loading->reader.header.name);
  return STATUS_DONE;
}

static int survey(struct loading *loading) {
  struct record record;
  const void *data;
  enum reading reading;
  bool ended = true;
  while ((reading = reader_next(&loading->reader, &record, &data)) == READ_RECORD) {
    ended = record.kind == RECORD_END;
    if (record.kind != RECORD_ITEM) continue;
    loading->items++;
    if (record.size > loading->item_max) return too_large(loading, &record);
  }
  return survey_ended(loading, reading, ended && reading == READ_END);
}

/* ---- Putting ------------------------------------------------------------------------------------
 */

static int put_failed(const struct loading *loading, int error) {
  complain("%s: %s (%" PRIu64 " of %" PRIu64 " items put; load again to go on)", loading->name,
           explain_refused(loading->queue, error), loading->done, loading->items);
  return status_of(error);
}

static void show(struct loading *loading) {
  if (meter_line_due(&loading->line))
    meter_line_show(&loading->line, loading->done, loading->items - loading->done);
}

/* Items are put one by one: so a kill repeats one at most. */
static int put_item(struct loading *loading, const struct record *record, const void *data) {
  int error = shmq_put(loading->queue, data, record->size, timeout);
  if (error) return put_failed(loading, error);
  note_put(&loading->note, ++loading->done);
  if (loading->done % SHOW_EACH == 0) show(loading);
  return STATUS_DONE;
}

/* The file was whole a moment ago. */
static int put_items(struct loading *loading) {
  struct record record;
  const void *data;
  uint64_t seen = 0;
  while (seen < loading->items) {
    if (reader_next(&loading->reader, &record, &data) != READ_RECORD)
      return refuse(loading, "changed while it was loaded");
    if (record.kind != RECORD_ITEM || seen++ < loading->earlier) continue;
    int status = put_item(loading, &record, data);
    if (status) return status;
  }
  return STATUS_DONE;
}

static int put_noted(struct loading *loading) {
  loading->earlier = loading->done = note_count(&loading->note);
  if (loading->earlier > 0)
    complain("%s: going on after %" PRIu64 " items, where an earlier load ended", loading->path,
             loading->earlier);
  int status = put_items(loading);
  meter_line_end(&loading->line);
  if (status == STATUS_DONE) note_remove(&loading->note);
  return status;
}

static int note_and_put(struct loading *loading) {
  reader_rewind(&loading->reader);
  int status = note_open(&loading->note, loading->path, loading->name, loading->reader.header.seed,
                         &loading->origin);
  if (status) return status;
  status = put_noted(loading);
  note_close(&loading->note);
  return status;
}

/* ---- The command --------------------------------------------------------------------------------
 */

static int load_from(struct loading *loading, int fd) {
  int error = claim_file(fd, CLAIM_SHARED);
  if (error)
    return refuse(loading, error == -EWOULDBLOCK ? "a drain is writing to it" : strerror(-error));
  const char *why = reader_open(&loading->reader, fd);
  int status = why ? refuse(loading, why) : survey(loading);
  if (status == STATUS_DONE) status = note_and_put(loading);
  reader_close(&loading->reader);
  return status;
}

static int load_file(struct loading *loading) {
  struct shmq_stats stats;
  int error = shmq_stat(loading->queue, &stats);
  if (error) return fail(loading->name, error);
  loading->item_max = stats.item_max;
  int fd = open(loading->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return refuse(loading, strerror(errno));
  int status = load_from(loading, fd);
  close(fd);
  return status;
}

static int run(const char *const *arguments) {
  struct loading loading = {
      .name = arguments[0], .path = arguments[1], .line = meter_line_begin("put")};
  if (!loading.path) return bad_call("no file is named; usage: shmq load NAME FILE");
  int status = open_with_origin(&loading.queue, loading.name, &loading.origin);
  if (status) return status;
  status = load_file(&loading);
  shmq_close(loading.queue);
  if (status == STATUS_DONE) printf("%" PRIu64 " items put\n", loading.done - loading.earlier);
  return status;
}

const struct command load_command = {
    .name = "load",
    .arguments = "NAME FILE [OPTION...]",
    .summary = "Put back the items of a file that drain -o wrote.",
    .details =
        "Nothing is put from a file that is damaged. A load that was killed goes on where it\n"
        "ended when it is called again; FILE.NAME.loading says where that is.\n"
        "Example: shmq drain tasks -o tasks.rec && shmq load tasks tasks.rec\n",
    .min_arguments = 1,
    .max_arguments = 2,
    .options = options,
    .run = run,
};
