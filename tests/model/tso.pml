/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared memory of an x86 processor, and who lives: what the models have in common.
 *
 * The processes are 1 to N. Each has a store buffer of STORES entries: a plain store goes into it,
 * and reaches memory later, in order; the process itself sees it at once. Whatever is locked
 * (compare-and-swap, exchange) or a system call of the kinds used here drains the buffer first. A
 * process may be killed at every step; what it had stored then reaches memory, and the kernel
 * drops what it keeps for it (locks on the file, its place in a futex queue).
 *
 * The model that includes this defines N, KILLS, WORDS (of memory) and on_death(p).
 */
#ifndef STORES
#define STORES 2
#endif

byte mem[WORDS];

/* The store buffers: how full, the addresses and the values; the oldest first. */
byte stored[N + 1], to_first[N + 1], first[N + 1], to_second[N + 1], second[N + 1];

bool dead[N + 1];     /* killed */
bool attached[N + 1]; /* process_slot.used and thread_slot.owner, which change hands together */
bool sleeping[N + 1]; /* in the kernel, in a futex queue */
byte kills = KILLS;

#define LIVES(i) (attached[i] && !dead[i])

/* Parts of a step; used inside d_step or atomic. */
inline flush_one(i) {
  mem[to_first[i]] = first[i];
  to_first[i] = to_second[i];
  first[i] = second[i];
  to_second[i] = 0;
  second[i] = 0;
  stored[i]--
}

inline drain(i) {
  do
  :: stored[i] > 0 -> flush_one(i)
  :: else -> break
  od
}

/* What a process sees at an address: its own latest store, else memory. */
#define SEES(i, address)                                       \
  ((stored[i] == 2 && to_second[i] == (address)) -> second[i] : \
   ((stored[i] >= 1 && to_first[i] == (address)) -> first[i] : mem[address]))

/* ---- Steps ---- */

inline load(to, address) {
  d_step { to = SEES(me, address) }
}

inline store(address, v) {
  d_step {
    stored[me] < STORES ->
    if
    :: stored[me] == 0 -> to_first[me] = address; first[me] = v
    :: else -> to_second[me] = address; second[me] = v
    fi;
    stored[me]++
  }
}

/* atomic_compare_exchange_strong */
inline cas(done, address, expected, desired) {
  d_step {
    drain(me);
    done = (mem[address] == (expected));
    if
    :: done -> mem[address] = desired
    :: else
    fi
  }
}

/* membarrier(2): the caller passes a full barrier, then every processor, one by one. */
inline membarrier() {
  d_step { drain(me); p = 1 };
  do
  :: p <= N -> d_step { drain(p); p++ }
  :: else -> break
  od;
  p = 0
}

/* ---- Others that move ---- */

/* A processor writes its buffer to memory whenever it likes. */
proctype Flusher(byte p) {
end_flusher:
  do
  :: d_step { stored[p] > 0 -> flush_one(p) }
  od
}

/* SIGKILL, for any process, at any time. */
proctype Killer() {
  byte p;
end_killer:
  do
  :: atomic {
       if
       :: kills > 0 && LIVES(1) -> p = 1
       :: kills > 0 && LIVES(2) -> p = 2
       :: kills > 0 && LIVES(N) -> p = N
       fi;
       d_step {
         kills--;
         drain(p);
         dead[p] = true;
         sleeping[p] = false;
         on_death(p)
       };
       p = 0
     }
  od
}

inline start_others() {
  p = 1;
  do
  :: p <= N -> run Flusher(p); p++
  :: else -> break
  od;
#if KILLS > 0
  run Killer()
#endif
}
