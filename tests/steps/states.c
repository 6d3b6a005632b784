/* SPDX-License-Identifier: Apache-2.0 */
#include "steps.h"

enum { SMALL = 24, LARGE = ITEM_MAX }; /* 16 large ones fill the ring */

const struct state states[] = {
    {.name = "empty", .size = SMALL},
    {.name = "one", .size = SMALL, .ring = 1, .plain = true},
    {.name = "several", .size = SMALL, .ring = 4},
    {.name = "nearly-full", .size = LARGE, .ring = 15},
    {.name = "room-for-two", .size = LARGE, .ring = 14},
    {.name = "full", .size = LARGE, .ring = 16},
    {.name = "wrap-in", .size = LARGE, .passed = 14, .odd = true, .ring = 1},
    {.name = "wrap-out", .size = LARGE, .passed = 15, .odd = true, .ring = 2},
    {.name = "returned", .size = SMALL, .returned = 2, .ring = 2},
    {.name = "only-returned", .size = SMALL, .returned = 1},
    {.name = "getter", .size = SMALL, .role = GETTER},
    {.name = "getter-held", .size = SMALL, .held = 1, .role = GETTER},
    {.name = "putter", .size = LARGE, .ring = 16, .role = PUTTER},
    {.name = "held",
     .size = SMALL,
     .held = 2,
     .got = 2,
     .ring = 2,
     .unburied = true,
     .plain = true},
    {.name = "others", .size = SMALL, .others = 2, .ring = 1},
    {.name = "tired", .size = SMALL, .held = 1, .tired = true, .ring = 1},
    {.name = "timed", .size = SMALL, .held = 1, .ring = 1, .lease_timeout = 10 * S},
    {.name = "aged", .size = SMALL, .others = 1, .aged = true, .ring = 1, .lease_timeout = 10 * S},
    {.name = "one-place-empty", .size = SMALL, .maxsize = 1},
    {.name = "one-place", .size = SMALL, .ring = 1, .maxsize = 1},
    {.name = "one-place-putter", .size = SMALL, .ring = 1, .maxsize = 1, .role = PUTTER},
    {.name = "taker", .size = SMALL, .held = 4, .ring = 1, .role = TAKER},
    {.name = "no-cell", .size = SMALL, .held = 4, .ring = 1},
    {.name = "joiner", .size = SMALL, .got = 1, .role = JOINER},
    {.name = "joiner-held", .size = SMALL, .held = 1, .role = JOINER},
    {.name = "corpse", .size = SMALL, .lost_held = 1, .lost_got = 1},
    {.name = "corpse-ring", .size = SMALL, .lost_held = 1, .lost_got = 1, .ring = 2},
    {.name = "due", .size = SMALL, .lost_held = 1, .lost_got = 1, .ring = 2, .due = true},
    {.name = "due-doomed", .size = SMALL, .lost_held = 1, .ring = 1, .once = true, .due = true},
    {.name = "due-aged",
     .size = SMALL,
     .others = 1,
     .aged = true,
     .ring = 1,
     .lease_timeout = 10 * S,
     .due = true},
    {.name = "busy", .size = SMALL, .held = 1, .ring = 2, .busy = true},
    {.name = "closing", .size = SMALL, .held = 1, .ring = 1, .closing = true},
    {.name = "discarding", .size = SMALL, .held = 1, .ring = 1, .discarding = true},
    {.name = "discarding-aged",
     .size = SMALL,
     .others = 1,
     .aged = true,
     .ring = 1,
     .lease_timeout = 10 * S,
     .discarding = true},
    {.name = "discarding-joiner",
     .size = SMALL,
     .others = 1,
     .aged = true,
     .ring = 1,
     .lease_timeout = 10 * S,
     .discarding = true,
     .role = JOINER},
    {.name = "biased", .size = SMALL, .held = 1, .ring = 2, .bias = TO_VICTIM},
    {.name = "biased-full", .size = LARGE, .ring = 16, .bias = TO_VICTIM},
    {.name = "biased-soon", .size = SMALL, .ring = 2, .bias = SOON_TO_VICTIM},
    {.name = "biased-away", .size = SMALL, .others = 1, .ring = 2, .bias = TO_HOLDER},
    {.name = "biased-getter", .size = SMALL, .role = GETTER, .bias = TO_SLEEPER},
    {.name = "biased-corpse", .size = SMALL, .lost_held = 1, .ring = 1, .bias = TO_CORPSE},
    {.name = "new-process", .size = SMALL, .ring = 1, .newness = NEW_PROCESS},
    {.name = "new-thread", .size = SMALL, .ring = 1, .newness = NEW_THREAD},
};
const size_t states_n = COUNT(states);

/* As small as can be, so that recovery is short. */
struct shmq_options state_options(const struct state *state) {
  struct shmq_options options;
  shmq_options_init(&options);
  options.capacity = 4096;
  options.maxsize = state->maxsize;
  options.item_max = state->size;
  options.max_leases = 4;
  options.max_attempts = state->once ? 1 : state->tired ? 2 : 0;
  options.lease_timeout = state->lease_timeout;
  options.max_processes = 6;
  options.max_threads = 6;
  return options;
}

/* More than a tick of the clock, and than the time from one look for the dead to the next; or not.
 */
shmq_ns state_pause(const struct state *state) {
  if (state->busy) return 0;
  return state->due ? 100 * MS : 20 * MS;
}
