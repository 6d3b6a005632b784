/* SPDX-License-Identifier: Apache-2.0 */
/* Spans of time, which can be asked once they are merged. */
#ifndef SPANS_H
#define SPANS_H

#include <stdbool.h>
#include <stdint.h>

struct span {
  int64_t from, to;
};

struct spans {
  struct span *list;
  uint64_t n;
};

struct spans spans_new(uint64_t room);
void spans_free(struct spans *spans);
void spans_add(struct spans *spans, int64_t from, int64_t to); /* nothing, if it is empty */
/* Those that touch or overlap become one. */
void spans_merge(struct spans *spans);
/* Is one of them there all the time? At some time? */
bool spans_cover(const struct spans *spans, int64_t from, int64_t to);
bool spans_meet(const struct spans *spans, int64_t from, int64_t to);

#endif
