/* SPDX-License-Identifier: Apache-2.0 */
/* What the looks at each queue have shown so far. */
#ifndef SHMQ_TOOLS_TOP_HISTORY_H
#define SHMQ_TOOLS_TOP_HISTORY_H

#include "../field.h"
#include "../listing.h"

/* Sparklines have up to so many values. */
#define HISTORY_MAX 120

/* What sparklines are drawn of. */
enum curve { CURVE_QSIZE, CURVE_LEASED, CURVE_PUT, CURVE_GOT, CURVE_DONE, CURVE_COUNT };

struct history; /* of all queues */

struct history *history_new(void);
void history_free(struct history *history);

/* Adds a look, and the rates to its snapshots. Forgets the queues that are gone. Returns 0 or
   -ENOMEM. */
int history_add(struct history *history, struct listing *listing, double seconds);

/* The field that a curve is of. */
const struct field *history_field(enum curve curve);

/* The curve's last values as text of the given width, filled up with blanks at its beginning. text
   has room for HISTORY_MAX characters of 3 bytes, and a NUL. */
#define SPARKLINE_MAX (3 * HISTORY_MAX + 1)
void history_draw(char text[SPARKLINE_MAX], const struct history *history, const char *name,
                  enum curve curve, size_t width);

#endif
