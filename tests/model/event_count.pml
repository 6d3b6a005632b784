/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sleeping until there is an item, and waking whoever sleeps, with one event count.
 *
 * It stands for: event_prepare(), event_sleep(), event_wake(), event_is_awaited(), event_notify()
 * (lib/event_count.[ch]); attempt_patiently(), wait_more(), wait_asleep(), sleep_slice()
 * (lib/wait.c); ring_commit_tail(), ring_commit_head() (lib/ring.h).
 *
 * A sleeper announces itself and tries once more. Its first sleep is a short slice: a waker whose
 * commit was still in its store buffer did not see the announcement. From then on each
 * announcement is followed by a membarrier, and the slices are long. The short one always ends.
 * The long one ends by itself only with SLICE: without it, and without a death, nobody may be left
 * asleep while an item is there.
 *
 *   N, PUTTERS      processes; the first PUTTERS of them put, the others get
 *   PUTS, BATCH     each putter puts so many times, so many items with one commit
 *   GETS            each getter gets so many items
 *   KILLS           how many are killed
 *   SLICE           the long slice may end, at any time
 *   FENCED          some process has no membarrier: wakers fence, sleepers do not ask for one
 *   MUTATE_...      one thing done wrong
 *
 * The locks of the sides are taken in one step, and from the dead at once: robust_mutex.pml is
 * about them. They are taken as by a biased thread: nothing drains the store buffer of who leaves
 * (but whoever else comes next waits until it is drained: that is the eviction).
 *
 * Left out: spinning before the first sleep; rest() in the place of a sleep, which ends by itself and
 * owes nobody anything; the timeout of the call; items that came back; waiting for several queues.
 */
#ifndef N
#define N 2
#endif
#ifndef PUTTERS
#define PUTTERS 1
#endif
#ifndef PUTS
#define PUTS 1
#endif
#ifndef BATCH
#define BATCH 1
#endif
#ifndef GETS
#define GETS 1
#endif
#ifndef KILLS
#define KILLS 0
#endif

#define EVENT  0
#define TAIL   1
#define HEAD   2
#define WORDS  3

#define ASLEEP 1
#define STEP   2

#define on_death(p) skip

#include "tso.pml"

byte putter_lock, putter_last, getter_lock, getter_last;
bool finished[N + 1];
bool taken[PUTTERS * PUTS * BATCH + 1];

/* ---- The locks of the sides ---- */

inline lock(holder, last) {
  atomic {
    (holder == 0 || dead[holder]) && (last == me || stored[last] == 0) ->
    holder = me;
    last = me
  }
}

inline unlock(holder) {
  holder = 0
}

/* ---- lib/event_count.c ---- */

/* How many were woken, at most n: woken. */
inline futex_wake(n) {
  woken = 0;
  do
  :: woken < n && sleeping[1] -> sleeping[1] = false; woken++
  :: woken < n && sleeping[2] -> sleeping[2] = false; woken++
#if N >= 3
  :: woken < n && sleeping[3] -> sleeping[3] = false; woken++
#endif
#if N >= 4
  :: woken < n && sleeping[4] -> sleeping[4] = false; woken++
#endif
  :: else -> break
  od
}

inline event_prepare() {
  d_step {
    drain(me);
#ifndef MUTATE_NO_BIT
    mem[EVENT] = mem[EVENT] | ASLEEP;
#endif
    seen = mem[EVENT]
  }
}

/* Each wake-up is a step of its own: one may be killed before it. */
inline event_wake(n) {
  d_step {
    drain(me);
#ifndef MUTATE_NO_STEP
    mem[EVENT] = mem[EVENT] + STEP;
#endif
    word = mem[EVENT]
  };
  atomic { futex_wake(n) };
  if
  :: woken >= n
  :: else ->
#ifdef MUTATE_CLEARS_BLINDLY
     d_step { drain(me); mem[EVENT] = mem[EVENT] & ~ASLEEP; cleared = false };
#else
     cas(cleared, EVENT, word, word & ~ASLEEP);
#endif
#ifndef MUTATE_CLEARS_WITHOUT_WAKING
     if
     :: cleared -> atomic { futex_wake(N) }
     :: else
     fi
#endif
     skip
  fi;
  d_step { word = 0; woken = 0; cleared = false }
}

inline event_notify(n) {
#ifdef FENCED
  d_step { drain(me) };
#endif
  load(word, EVENT);
  if
  :: word & ASLEEP -> event_wake(n)
  :: else -> word = 0
  fi
}

/* The kernel compares, and queues the sleeper, in one step. */
inline event_sleep() {
  atomic {
    drain(me);
#ifdef MUTATE_SLEEPS_UNSEEN
    sleeping[me] = true
#else
    sleeping[me] = (mem[EVENT] == seen)
#endif
  }
}

/* ---- Those who put ---- */

proctype Putter(byte me) {
  byte puts, word, woken, x;
  bool cleared;

  {
    do
    :: puts == PUTS -> break
    :: else ->
       lock(putter_lock, putter_last);
#ifdef MUTATE_LOOKS_BEFORE_COMMIT
       load(word, EVENT);
#endif
       x = SEES(me, TAIL);
       store(TAIL, x + BATCH);
       x = 0;
       unlock(putter_lock);
#ifdef MUTATE_LOOKS_BEFORE_COMMIT
       if
       :: word & ASLEEP -> event_wake(BATCH)
       :: else -> word = 0
       fi;
#else
       event_notify(BATCH);
#endif
       puts++
    od;
    finished[me] = true
  } unless { dead[me] }
}

/* ---- Those who get ---- */

/* Under the lock: ok: we have one. */
inline get_attempt() {
  lock(getter_lock, getter_last);
  load(x, TAIL);
  ok = (SEES(me, HEAD) < x);
  if
  :: ok ->
     x = SEES(me, HEAD);
     atomic {
       store(HEAD, x + 1);
       assert(!taken[x]);
       taken[x] = true
     }
  :: else
  fi;
  x = 0;
  unlock(getter_lock)
}

proctype Getter(byte me) {
  byte gets, seen, word, woken, x, p;
  bool ok, more, cleared, armed, slept;

  {
    do
    :: gets == GETS -> break
    :: else ->
again: get_attempt();
       if
       :: slept -> /* side.ready() */
          load(x, HEAD);
          load(word, TAIL);
          d_step { more = (x < word); x = 0; word = 0 };
          if
          :: more -> event_notify(1)
          :: else
          fi
       :: else
       fi;
       if
       :: ok -> goto got
       :: else
       fi;

       /* wait_more() */
       if
       :: !armed ->
#ifdef MUTATE_BARRIER_BEFORE_BIT
          if
          :: slept -> membarrier()
          :: else
          fi;
#endif
          event_prepare();
          armed = true;
#if !defined(FENCED) && !defined(MUTATE_NO_MEMBARRIER) && !defined(MUTATE_BARRIER_BEFORE_BIT)
          if
          :: slept -> membarrier()
          :: else
          fi;
#endif
#ifdef MUTATE_NO_SECOND_TRY
          goto asleep
#endif
       :: else -> /* wait_asleep() */
asleep:   event_sleep();
          if
          :: !sleeping[me]
          :: d_step { sleeping[me] && !slept -> sleeping[me] = false }
#ifdef SLICE
          :: d_step { sleeping[me] && slept -> sleeping[me] = false }
#endif
          fi;
          armed = false;
          slept = true
       fi;
       goto again;

got:   atomic { gets++; ok = false; armed = false; slept = false; seen = 0 }
    od;
    finished[me] = true
  } unless { dead[me] }
}

init {
  byte p;
  atomic {
    p = 1;
    do
    :: p <= N ->
       attached[p] = true;
       if
       :: p <= PUTTERS -> run Putter(p)
       :: else -> run Getter(p)
       fi;
       p++
    :: else -> break
    od;
    start_others()
  }
}

/* Who lives is done, or there is nothing to get. */
#define EMPTY   (mem[HEAD] == mem[TAIL])
#if N >= 3
#define THIRD 3
#else
#define THIRD N
#endif
#define ENDS(i) (finished[i] || dead[i] || (i > PUTTERS && EMPTY))
ltl progress { <> [] (ENDS(1) && ENDS(2) && ENDS(THIRD) && ENDS(N)) }
