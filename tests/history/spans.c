/* SPDX-License-Identifier: Apache-2.0 */
#include "spans.h"

#include <stdlib.h>

#include "court.h"

struct spans spans_new(uint64_t room) {
  return (struct spans){zeroed(room, sizeof(struct span)), 0};
}

void spans_free(struct spans *spans) {
  free(spans->list);
}

void spans_add(struct spans *spans, int64_t from, int64_t to) {
  if (from < to) spans->list[spans->n++] = (struct span){from, to};
}

static int compare_spans(const void *a, const void *b) {
  const struct span *x = a, *y = b;
  return x->from < y->from ? -1 : x->from > y->from;
}

void spans_merge(struct spans *spans) {
  uint64_t n = 0;
  qsort(spans->list, spans->n, sizeof *spans->list, compare_spans);
  for (uint64_t i = 0; i < spans->n; i++) {
    struct span *last = n > 0 ? &spans->list[n - 1] : NULL;
    if (!last || spans->list[i].from > last->to) {
      spans->list[n++] = spans->list[i];
    } else if (spans->list[i].to > last->to) {
      last->to = spans->list[i].to;
    }
  }
  spans->n = n;
}

/* The last one that begins by then; NULL: none. */
static const struct span *last_begun(const struct spans *spans, int64_t moment) {
  uint64_t low = 0, high = spans->n;
  while (low < high) {
    const uint64_t middle = (low + high) / 2;
    if (spans->list[middle].from <= moment) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low > 0 ? &spans->list[low - 1] : NULL;
}

bool spans_cover(const struct spans *spans, int64_t from, int64_t to) {
  const struct span *span = last_begun(spans, from);
  return span && span->to > to;
}

bool spans_meet(const struct spans *spans, int64_t from, int64_t to) {
  const struct span *span = last_begun(spans, to);
  return span && span->to >= from;
}
