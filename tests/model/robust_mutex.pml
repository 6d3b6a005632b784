/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock of one side, with its bias, and recovery from the death of whoever has it.
 *
 * It stands for: mutex_try(), mutex_enter_biased(), mutex_try_word(), mutex_evict(), bias_clear(),
 * mutex_wait(), mutex_wait_word(), mutex_drop(), mutex_inherit(), mutex_count(), mutex_unlock()
 * (lib/robust_mutex.[ch]); leave_biased() (lib/wait.h); side_lock_slow(), reap() (lib/wait.c);
 * recover(), recover_departed(), producer_release(), lock_for_repair(), lock_try(),
 * nobody_inside(), unlock_repaired(), slots_free() (lib/recovery.c); registry_lock(),
 * process_claim() (lib/slots.c).
 *
 * Each worker locks and unlocks ROUNDS times. What the lock guards are two words, equal while
 * nobody is inside (as a cursor's position and count): whoever gets in must find them equal.
 *
 *   N, KILLS, BIRTHS, ROUNDS   processes; how many are killed; how many come in the place of one
 *                              that was cleaned up after; how often each locks
 *   PRODUCER                   the producer's side, which recovery locks only when the lock names
 *                              one of the dead; else the consumer's, which it locks for all dead
 *   SLICE                      a sleep may end by itself, at any time
 *   GIVE_UP                    a call may end by its timeout when it has looked for the dead
 *   REAP                       anybody who is outside may clean up after the dead at any time, not
 *                              only who is kept out by one of them: reap(), shmq_recover()
 *   MUTATE_...                 one thing done wrong: see the end of check.sh's list
 *
 * Left out: the streak (an unlock may give the bias or not); spinning (it changes nothing but
 * time); fence_needed; how often an eviction looks (once, and the caller looks again); damage.
 */
#ifndef N
#define N 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef BIRTHS
#define BIRTHS 0
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif

#define WORD      0
#define BIAS      1
#define OCCUPANT  2
#define POSITION  3
#define COUNT     4
#define INSIDE(i) (4 + (i))
#define WORDS     (5 + N)

#define WAITERS   8
#define RECOVERER 7
#define HOLDER(w) ((w) & 7)

#define on_death(p)                \
  if                               \
  :: registry == p -> registry = 0 \
  :: else                          \
  fi

byte registry; /* who holds the registry lock; the kernel takes it from the dead */

#include "tso.pml"

byte births = BIRTHS;
bool finished[N + 1];
byte within; /* whom the lock let in, and nobody has cleaned up after */

/* is_departed(), under the registry lock. */
#define DEPARTED(i) ((i) == RECOVERER || ((i) >= 1 && (i) <= N && attached[i] && dead[i]))
/* holder_liveness() and lock_liveness(): certainly dead? */
#define IS_DEAD(i) \
  ((i) == RECOVERER -> registry == 0 : ((i) >= 1 && (i) <= N && attached[i] && dead[i]))

/* ---- futex(2) on WORD ---- */

inline futex_wake_one() {
  if
  :: sleeping[1] -> sleeping[1] = false
  :: N >= 2 && sleeping[2] -> sleeping[2] = false
#if N >= 3
  :: sleeping[3] -> sleeping[3] = false
#endif
  :: else
  fi
}

inline futex_wait(seen) {
  d_step {
    drain(me);
    sleeping[me] = (mem[WORD] == (seen))
  };
  if
  :: !sleeping[me]
#ifdef SLICE
  :: d_step { sleeping[me] -> sleeping[me] = false }
#endif
  fi
}

/* ---- lib/robust_mutex.c ---- */

/* Two steps: one may be killed between the exchange and the wake-up. */
inline mutex_drop() {
  d_step {
    drain(me);
    w = mem[WORD];
    mem[WORD] = 0
  };
  if
  :: w & WAITERS -> atomic { futex_wake_one() }
  :: else
  fi;
  w = 0
}

inline bias_clear() {
  load(x, BIAS);
  if
  :: x != 0 ->
#ifdef MUTATE_OCCUPANT_AFTER_BIAS
     store(BIAS, 0);
     store(OCCUPANT, x)
#elif defined(MUTATE_NO_OCCUPANT)
     store(BIAS, 0)
#else
     store(OCCUPANT, x);
     store(BIAS, 0)
#endif
  :: else
  fi
}

/* ok: nobody is inside by bias. */
inline mutex_evict() {
  bias_clear();
#ifdef MUTATE_NO_MEMBARRIER
  d_step { drain(me) };
#else
  membarrier();
#endif
  load(x, OCCUPANT);
  if
  :: x == 0 -> ok = true
  :: else ->
     load(x, INSIDE(x));
     d_step { ok = (x == 0); x = 0 }
  fi;
  if
  :: ok -> store(OCCUPANT, 0)
  :: else
  fi
}

inline mutex_is_biased() {
  load(x, BIAS);
#ifndef MUTATE_FORGET_OCCUPANT
  if
  :: x == 0 -> load(x, OCCUPANT)
  :: else
  fi
#endif
}

/* try_as_waiter() */
#ifdef MUTATE_WOKEN_FORGETS_WAITERS
#define AS_WAITER(id) (id)
#else
#define AS_WAITER(id) ((id) | WAITERS)
#endif

/* mutex_wait_word(), without spinning. */
inline mutex_wait_word(id) {
  cas(ok, WORD, 0, AS_WAITER(id));
  if
  :: ok
  :: else ->
     load(w, WORD);
     if
     :: w == 0
#ifdef MUTATE_NO_WAITERS
     :: w != 0 -> futex_wait(w)
#else
     :: w != 0 && (w & WAITERS) -> futex_wait(w)
     :: w != 0 && !(w & WAITERS) ->
        cas(ok, WORD, w, w | WAITERS);
        if
        :: ok -> futex_wait(w | WAITERS)
        :: else
        fi
#endif
     fi;
     w = 0;
     cas(ok, WORD, 0, AS_WAITER(id))
  fi
}

/* The critical section: whoever is in is alone, and finds whole what the lock guards. */
inline inside_alone() {
  d_step {
    assert(within == 0);
    within = me;
    assert(SEES(me, POSITION) == SEES(me, COUNT));
    x = 1 - SEES(me, POSITION)
  };
  store(POSITION, x);
  store(COUNT, x);
  x = 0
}

/* ---- lib/recovery.c ---- */

inline lock_names_departed() {
  load(x, WORD);
  d_step { ok = DEPARTED(HOLDER(x)); x = 0 };
  if
  :: !ok -> load(x, BIAS); d_step { ok = DEPARTED(x); x = 0 }
  :: else
  fi;
  if
  :: !ok -> load(x, OCCUPANT); d_step { ok = DEPARTED(x); x = 0 }
  :: else
  fi
}

/* ok: ours. */
inline lock_try() {
  load(x, WORD);
  d_step { from_dead = DEPARTED(HOLDER(x)); x = HOLDER(x) };
  if
  :: from_dead -> /* mutex_inherit() */
     load(w, WORD);
     if
     :: HOLDER(w) == x -> cas(ok, WORD, w, RECOVERER | WAITERS)
     :: else -> ok = false
     fi;
     d_step { w = 0; x = 0 }
  :: else ->
     x = 0;
     mutex_wait_word(RECOVERER)
  fi;
  if
  :: ok -> /* nobody_inside() */
#ifndef MUTATE_RECOVERY_EVICTS_NOBODY
     mutex_evict();
     if
     :: !ok ->
        load(x, OCCUPANT);
        d_step { ok = DEPARTED(x); x = 0 };
        if
        :: !ok && !from_dead -> mutex_drop()
        :: else
        fi
     :: else
     fi
#endif
     skip
  :: else
  fi
}

inline repair() {
  assert(within == 0 || dead[within]);
#ifndef MUTATE_NO_REPAIR
  load(x, POSITION);
  store(COUNT, x);
  x = 0;
#endif
  within = 0
}

/* unlock_repaired() */
inline unlock_repaired() {
  store(OCCUPANT, 0);
  mutex_drop()
}

inline departed_find() {
  d_step {
    p = 1;
    do
    :: p <= N -> departed[p] = departed[p] || (attached[p] && dead[p]); p++
    :: else -> break
    od;
    p = 0
  }
}

#define ANYBODY_DIED \
  ((attached[1] && dead[1]) || (attached[2] && dead[2]) || (attached[N] && dead[N]))
#define SOMEBODY (departed[1] || departed[2] || departed[N])

/* Nothing may name a slot that is given away. */
inline slots_free() {
  p = 1;
  do
  :: p <= N && departed[p] ->
     assert(HOLDER(SEES(me, WORD)) != p && SEES(me, BIAS) != p && SEES(me, OCCUPANT) != p);
     store(INSIDE(p), 0);
     d_step { drain(me); attached[p] = false; departed[p] = false; p++ }
  :: p <= N && !departed[p] -> p++
  :: else -> break
  od;
  p = 0
}

/* ---- A process ---- */

proctype Worker(byte me) {
  byte rounds, x, w, p, pass;
  bool ok, from_dead;
  bool departed[N + 1];

begin:
  {
    do
    :: rounds == ROUNDS -> break
#ifdef REAP
    :: rounds < ROUNDS && ANYBODY_DIED -> goto recover
#endif
    :: rounds < ROUNDS ->
       /* mutex_try() */
       load(x, BIAS);
       if
       :: x == me -> /* mutex_enter_biased() */
          store(INSIDE(me), 1);
#ifndef MUTATE_NO_SECOND_LOOK
          load(x, BIAS);
#endif
          if
          :: x == me -> goto locked
          :: else -> store(INSIDE(me), 0)
          fi
       :: else
       fi;
       load(x, WORD);
       if
       :: x == 0 -> /* mutex_try_word() */
          cas(ok, WORD, 0, me);
          if
          :: ok -> goto has_word
          :: else
          fi
       :: else
       fi;

slow:  /* side_lock_slow() */
       x = 0;
       mutex_wait_word(me);
       if
       :: !ok -> goto look
       :: else
       fi;

has_word:
       x = 0;
       mutex_is_biased();
       if
       :: x == 0 -> goto locked
       :: else -> mutex_evict()
       fi;
       if
       :: ok -> goto locked
       :: else -> mutex_drop()
       fi;

look:  /* Is who keeps us out dead? */
       load(x, WORD);
       assert(HOLDER(x) != me && x != WAITERS); /* word_is_damaged() */
       if
       :: HOLDER(x) == 0 -> load(x, OCCUPANT)
       :: else -> x = HOLDER(x)
       fi;
       d_step { ok = IS_DEAD(x); x = 0 };
       if
       :: ok -> goto recover
#ifdef GIVE_UP
       :: !ok -> goto unlocked
#endif
       :: !ok -> goto slow
       fi;

recover:
#ifndef MUTATE_NO_REGISTRY_LOCK
       atomic { registry == 0 -> drain(me); registry = me; ok = false };
#endif
       departed_find();
#ifdef PRODUCER
       pass = 1;
release:
       lock_names_departed();
       if
       :: !ok -> goto released
       :: else
       fi;
#else
       lock_names_departed();
       if
       :: !ok && !SOMEBODY -> goto recovered
       :: else
       fi;
#endif
lock_for_repair:
       lock_try();
       if
       :: ok
       :: !ok -> goto lock_for_repair
       :: !ok -> goto recovered
       fi;
#ifndef PRODUCER
       departed_find();
#endif
#ifdef MUTATE_UNLOCKS_BEFORE_REPAIR
       unlock_repaired();
       repair();
#else
       repair();
       unlock_repaired();
#endif
#ifdef PRODUCER
released:
       if
       :: pass == 1 -> pass = 2; departed_find(); goto release
       :: else
       fi;
#endif
       slots_free();
recovered:
       atomic {
         drain(me);
         registry = 0;
         departed[1] = false; departed[2] = false; departed[N] = false;
         from_dead = false; ok = false; x = 0; w = 0; p = 0; pass = 0
       };
       goto slow;

locked:
       inside_alone();
       /* mutex_unlock() */
       load(x, WORD);
       within = 0;
       if
       :: HOLDER(x) != me -> store(INSIDE(me), 0)
       :: else ->
          if
          :: store(BIAS, me) /* mutex_count() */
          :: skip
          fi;
          mutex_drop()
       fi;
#ifdef GIVE_UP
unlocked:
#endif
       atomic { rounds++; x = 0; ok = false }
    od;
    finished[me] = true
  } unless { dead[me] };

  d_step {
    rounds = 0; x = 0; w = 0; p = 0; pass = 0; ok = false; from_dead = false;
    departed[1] = false; departed[2] = false; departed[N] = false
  };
end_of_life:
  /* process_claim(): another process, in the same slot */
  d_step {
    dead[me] && !attached[me] && births > 0 && registry == 0 ->
    births--;
    dead[me] = false;
    attached[me] = true;
    finished[me] = false
  };
  goto begin
}

init {
  byte p;
  atomic {
    if
    :: mem[BIAS] = 1 /* of what came before */
    :: skip
    fi;
    p = 1;
    do
    :: p <= N -> attached[p] = true; run Worker(p); p++
    :: else -> break
    od;
    start_others()
  }
}

#define ENDS(i) (finished[i] || dead[i])
ltl progress { <> (ENDS(1) && ENDS(2) && ENDS(N)) }
