/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items on their way from the ring to their end, and recovery from the death of whoever has them.
 *
 * It stands for: get_one(), take_one(), get_from_ring(), count_got(), get_returned(),
 * take_from_ring(), take_returned() (lib/get.c); lease_begin(), lease_from_ring(), returned_lease(), returned_free(), heap_push(),
 * heap_pop(), cell_give_back(), leases_expire(), lease_word(), cell_move() (lib/leases.[ch]);
 * shmq_done(), shmq_give_back() (lib/lease.c); finish_one(), all_finished() (lib/join.c);
 * recover_departed(), lock_for_repair(), settle(), leases_return(), lease_return(),
 * returned_rebuild(), thread_undo(), thread_settle(), slots_free() (lib/recovery.c).
 *
 * Workers get or take items, and finish them or give them back, until all have come to their end:
 * finished, or got by a process that died. An item that is lost leaves them waiting for ever.
 *
 *   N, CELLS, ITEMS  processes, cells, items
 *   KILLS, BIRTHS    how many are killed; how many come in the place of one that was cleaned up after
 *   GIVES, LAPSES    how many leases are given back, how many run out
 *   JOIN             somebody joins
 *   MUTATE_...       one thing done wrong
 *
 * A step is a store, a compare-and-swap, or a load of what another may change at that moment. What
 * a lock protects is loaded in the step that uses it. There are no store buffers: locks are handed
 * on by a locked instruction or by the membarrier of robust_mutex.pml; leases end by one; and who
 * joins relies on the order of stores among themselves, and of loads, which x86 keeps.
 *
 * Left out: the lock itself (robust_mutex.pml), sleeping and waking (event_count.pml); what goes to
 * NAME.dead; shutdown; batches; counters of statistics; several threads of one process, which may
 * end each other's leases.
 */
#ifndef N
#define N 2
#endif
#ifndef CELLS
#define CELLS N
#endif
#ifndef ITEMS
#define ITEMS 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef BIRTHS
#define BIRTHS 0
#endif
#ifndef GIVES
#define GIVES 0
#endif
#ifndef LAPSES
#define LAPSES 0
#endif

#define RECOVERER (N + 1)

/* enum cell_state */
#define FREE   0
#define LEASED 1
#define READY  2

/* cell_word(): all of it changes in one store */
#define WORD(state, owner, attempt, item) \
  ((state) + ((owner) << 2) + ((attempt) << 4) + ((item) << 7))
#define STATE(word)   ((word) & 3)
#define OWNER(word)   (((word) >> 2) & 3)
#define ATTEMPT(word) (((word) >> 4) & 7)
#define ITEM(word)    ((word) >> 7)

/* ---- Shared memory ---- */

byte tail, head;
short cell_word[CELLS];
byte cell_id[CELLS], payload[CELLS];
byte heap[CELLS], returned;
byte got[N + 1], finished[N + 1], abandoned[N + 1];
byte undo_got[N + 1], undo_head[N + 1], undo_cell[N + 1];
short undo_word[N + 1];
bool attached[N + 1];
byte holder; /* of the consumer lock */

/* ---- The kernel ---- */

bool dead[N + 1];
byte registry; /* who holds the registry lock */
byte kills = KILLS, births = BIRTHS;

/* ---- What is checked ---- */

bool ended[ITEMS + 1];
byte in_hand[ITEMS + 1]; /* who has it on lease */
byte owned[ITEMS + 1];   /* who got it */
byte gives = GIVES, lapses = LAPSES;
bool at_rest[N + 1];

#define LIVES(i)        (attached[i] && !dead[i])
#define SOMEBODY_DIED                                                               \
  ((attached[1] && dead[1]) || (attached[2] && dead[2]) || (attached[N] && dead[N]))
#define ANYTHING_WAITS  (head < tail || returned != 0)
#define ALL_ENDED       (ended[0] && ended[ITEMS - 1] && ended[1])

/* An item is in one hand at a time. Only a death, or that it was given back or ran out, takes it
   out of a hand. */
inline delivered(item) {
  assert(!ended[item]);
  assert(in_hand[item] == 0);
  assert(owned[item] == 0)
}

inline ends(item) {
  assert(!ended[item]);
  ended[item] = true;
  in_hand[item] = 0;
  owned[item] = 0
}

/* ---- The heap of returned cells; at most three. lib/leases.c ---- */

inline heap_swap(a, b) {
  d_step { t = heap[a]; heap[a] = heap[b] };
  d_step { heap[b] = t; t = 0 }
}

inline heap_push(cell) {
  heap[returned] = cell;
  if
  :: returned > 0 && cell_id[heap[returned]] < cell_id[heap[0]] -> heap_swap(returned, 0)
  :: else
  fi;
  returned++
}

inline heap_pop() {
  heap_swap(0, returned - 1);
  if
  :: returned - 1 > 1 && cell_id[heap[1]] < cell_id[heap[0]] -> heap_swap(0, 1)
  :: else
  fi;
  returned--
}

/* The one that is delivered next is READY, and the oldest. */
inline returned_look() {
  d_step {
    c = heap[0];
    assert(STATE(cell_word[c]) == READY);
    i = 0;
    do
    :: i < CELLS ->
       assert(STATE(cell_word[i]) != READY || cell_id[c] <= cell_id[i]);
       i++
    :: else -> break
    od;
    i = 0;
    item = cell_id[c];
    assert(payload[c] == item)
  }
}

/* ---- lib/get.c; under the lock ---- */

inline take_from_ring() {
  d_step { /* cell_find() */
    c = 0;
    do
    :: STATE(cell_word[c]) != FREE -> c++
    :: else -> break
    od;
    item = head;
    payload[c] = item
  };
  cell_id[c] = item;
#ifdef MUTATE_TAKE_COMMITS_FIRST
  d_step { delivered(item); in_hand[item] = me; head = item + 1 };
  cell_word[c] = WORD(LEASED, me, 1, item);
#else
  cell_word[c] = WORD(LEASED, me, 1, item);
  d_step { delivered(item); in_hand[item] = me; head = item + 1 };
#endif
  word = WORD(LEASED, me, 1, item)
}

inline take_returned() {
  returned_look();
  d_step {
    delivered(item);
    in_hand[item] = me;
    word = WORD(LEASED, me, ATTEMPT(cell_word[c]) + 1, item);
    assert(ATTEMPT(cell_word[c]) < 7); /* else the model's word is too small */
    cell_word[c] = word
  };
  heap_pop()
}

inline get_from_ring() {
  item = head;
#ifdef MUTATE_GET_COUNTS_LATE
  d_step { delivered(item); owned[item] = me; head = item + 1 };
  got[me]++;
#else
  undo_got[me] = got[me];
  undo_head[me] = item + 1;
  got[me]++;
  d_step { delivered(item); owned[item] = me; head = item + 1 };
#endif
  skip
}

inline get_returned() {
  returned_look();
  undo_got[me] = got[me];
  undo_word[me] = cell_word[c];
  undo_cell[me] = c + 1;
  got[me]++;
  d_step { delivered(item); owned[item] = me; in_hand[item] = 0; cell_word[c] = 0 };
  heap_pop();
  undo_cell[me] = 0
}

/* One lease that ran out, whosever it is. */
inline leases_expire() {
  c = 0;
  do
  :: atomic { c < CELLS && STATE(cell_word[c]) == LEASED && lapses > 0 -> word = cell_word[c] };
     atomic { /* cell_give_back() */
       ok = (cell_word[c] == word);
       if
       :: ok ->
          lapses--;
          in_hand[cell_id[c]] = 0;
          cell_word[c] = WORD(READY, 0, ATTEMPT(word), ITEM(word))
       :: else
       fi;
       word = 0
     };
     if
     :: ok -> heap_push(c)
     :: else
     fi;
     break
  :: c < CELLS -> c++
  :: c == CELLS -> break
  od;
  atomic { c = 0; ok = false }
}

/* ---- lib/recovery.c ---- */

#define DEPARTED(i) ((i) == RECOVERER || ((i) != 0 && attached[i] && dead[i]))

inline departed_find() {
  d_step {
    i = 1;
    do
    :: i <= N -> departed[i] = departed[i] || (attached[i] && dead[i]); i++
    :: else -> break
    od;
    i = 0
  }
}

/* What it puts into the heap is thrown away by what follows, so nothing is put there. */
inline leases_return() {
  i = 0;
  do
  :: i < CELLS && STATE(cell_word[i]) == LEASED && departed[OWNER(cell_word[i])] ->
     d_step {
#ifdef MUTATE_NOTHING_IS_VOID
       if
       :: false
#else
       if
       :: cell_id[i] >= head -> cell_word[i] = 0
#endif
       :: else ->
          in_hand[cell_id[i]] = 0;
          cell_word[i] = WORD(READY, 0, ATTEMPT(cell_word[i]), ITEM(cell_word[i]))
       fi;
       i++
     }
  :: i < CELLS && !(STATE(cell_word[i]) == LEASED && departed[OWNER(cell_word[i])]) -> i++
  :: i == CELLS -> break
  od;
  i = 0
}

inline returned_rebuild() {
  returned = 0;
  do
  :: i < CELLS && STATE(cell_word[i]) == READY -> heap_push(i); i++
  :: i < CELLS && STATE(cell_word[i]) != READY -> i++
  :: i == CELLS -> break
  od;
  i = 0
}

/* What is counted as abandoned is what the dead had got and not finished. */
inline thread_settle(who) {
#ifndef MUTATE_NO_UNDO
  if
  :: undo_head[who] > head ||
     (undo_cell[who] != 0 && cell_word[undo_cell[who] - 1] == undo_word[who]) ->
     got[who] = undo_got[who]
  :: else
  fi;
#endif
  d_step {
    t = got[who] - finished[who] - abandoned[who];
    abandoned[who] = got[who] - finished[who];
    j = 0;
    do
    :: j < ITEMS && owned[j] == who -> ends(j); t--; j++
    :: j < ITEMS && owned[j] != who -> j++
    :: else -> break
    od;
    assert(t == 0);
    j = 0
  };
  undo_head[who] = 0;
  undo_cell[who] = 0
}

inline threads_settle() {
  i = 1;
  do
  :: i <= N && departed[i] -> thread_settle(i); i++
  :: i <= N && !departed[i] -> i++
  :: i > N -> break
  od;
  i = 0
}

inline slots_free() {
  i = 1;
  do
  :: i <= N && departed[i] -> d_step { attached[i] = false; departed[i] = false; i++ }
  :: i <= N && !departed[i] -> i++
  :: i > N -> break
  od;
  i = 0
}

inline recover() {
  atomic { registry == 0 -> registry = me };
  departed_find();
  if
  :: !SOMEBODY_DIED && holder != RECOVERER
  :: else ->
     atomic { holder == 0 || DEPARTED(holder) -> holder = RECOVERER };
#ifdef MUTATE_FREES_SLOTS_FIRST
     slots_free();
#endif
#ifndef MUTATE_DOES_NOT_LOOK_AGAIN
     departed_find();
#endif
#ifndef MUTATE_NO_RETURN
     leases_return();
#endif
#ifndef MUTATE_NO_REBUILD
     returned_rebuild();
#endif
     threads_settle();
     holder = 0;
     slots_free()
  fi;
  d_step {
    registry = 0;
    departed[1] = false; departed[2] = false; departed[N] = false
  }
}

/* ---- A process ---- */

inline lock() {
  do
  :: atomic { holder == 0 -> holder = me; break }
  :: (holder == RECOVERER && registry == 0) || (holder != 0 && holder != RECOVERER && dead[holder])
     -> recover()
  od
}

inline unlock() {
  holder = 0
}

/* lease_word() == word, then the swap: two steps. */
inline done() {
  ok = (cell_word[c] == word);
  if
  :: ok ->
     d_step {
#ifndef MUTATE_DONE_STORES
       ok = (cell_word[c] == word);
#endif
       if
       :: ok ->
          assert(in_hand[item] == me);
          ends(item);
          cell_word[c] = 0
       :: else
       fi
     }
  :: else
  fi
}

inline give_back() {
  lock();
  atomic {
    ok = (cell_word[c] == word);
    if
    :: ok ->
       assert(in_hand[item] == me);
       in_hand[item] = 0;
       cell_word[c] = WORD(READY, 0, ATTEMPT(word), item)
    :: else
    fi
  };
  if
  :: ok -> heap_push(c)
  :: else
  fi;
  unlock()
}

proctype Worker(byte me) {
  byte c, i, j, t, item;
  short word;
  bool ok, leased;
  bool departed[N + 2];

begin:
  {
    do
    :: SOMEBODY_DIED -> recover() /* reap() */
    :: ANYTHING_WAITS ->
       lock();
#if LAPSES > 0
       leases_expire();
#endif
       if
       :: returned != 0 -> take_returned(); leased = true
       :: returned != 0 -> get_returned()
       :: returned == 0 && head < tail -> take_from_ring(); leased = true
       :: returned == 0 && head < tail -> get_from_ring()
       :: returned == 0 && head == tail -> unlock(); goto begin
       fi;
       unlock();
       if
       :: !leased ->
          atomic { finished[me]++; assert(owned[item] == me); ends(item) } /* task_done */
       :: leased ->
          assert(cell_word[c] != word || payload[c] == item); /* the item is where it was */
          done()
#if GIVES > 0
       :: atomic { leased && gives > 0 -> gives-- };
          give_back()
#endif
       fi;
       d_step { c = 0; item = 0; word = 0; ok = false; leased = false }
    :: ALL_ENDED && !SOMEBODY_DIED -> break
#if LAPSES > 0
    :: lapses > 0 && holder == 0 && in_hand[0] + in_hand[1] + in_hand[ITEMS - 1] > 0 ->
       lock(); leases_expire(); unlock() /* reap() */
#endif
    od;
    at_rest[me] = true
  } unless { dead[me] };

  d_step {
    c = 0; i = 0; t = 0; item = 0; word = 0; ok = false; leased = false;
    departed[1] = false; departed[2] = false; departed[N] = false
  };
end_of_life:
  d_step { /* process_claim() */
    dead[me] && !attached[me] && births > 0 && registry == 0 ->
    births--;
    dead[me] = false;
    attached[me] = true;
    at_rest[me] = false
  };
  goto begin
}

proctype Putter() {
  do
  :: tail < ITEMS -> tail++
  :: else -> break
  od
}

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
         dead[p] = true;
         if
         :: registry == p -> registry = 0
         :: else
         fi;
         p = 0
       }
     }
  od
}

#ifdef JOIN
/* all: all_finished() */
inline all_finished() {
  t = tail;
  all = (head == t);
  i = 0;
  do
  :: all && i < CELLS -> d_step { all = (STATE(cell_word[i]) == FREE); i++ }
  :: else -> break
  od;
#ifdef MUTATE_JOIN_LOOKS_AT_THREADS_FIRST
  all = all && quiet;
#else
  threads_look();
#endif
  all = all && (tail == t);
  i = 0
}

inline threads_look() {
  i = 1;
  do
  :: all && i <= N ->
     sum = finished[i];
     sum = sum + abandoned[i];
     d_step { all = (got[i] <= sum); sum = 0; i++ }
  :: else -> break
  od
}

proctype Joiner() {
  byte t, i, sum;
  bool all, quiet;
#ifdef MUTATE_JOIN_LOOKS_AT_THREADS_FIRST
  all = true;
  threads_look();
  quiet = all;
#endif
  all_finished();
  if
  :: all ->
     d_step {
       do
       :: i < t -> assert(ended[i]); i++
       :: else -> break
       od;
       i = 0
     }
  :: else
  fi;
  /* When all is over, it must say so. */
end_joiner:
  (tail == ITEMS && ALL_ENDED && !SOMEBODY_DIED && registry == 0);
#ifdef MUTATE_JOIN_LOOKS_AT_THREADS_FIRST
  all = true;
  threads_look();
  quiet = all;
#endif
  all_finished();
  assert(all)
}
#endif

init {
  byte p;
  atomic {
    p = 1;
    do
    :: p <= N -> attached[p] = true; run Worker(p); p++
    :: else -> break
    od;
    run Putter();
#ifdef JOIN
    run Joiner();
#endif
#if KILLS > 0
    run Killer()
#endif
  }
}

#define ENDS(i) (at_rest[i] || dead[i])
ltl progress { <> (ENDS(1) && ENDS(2) && ENDS(N)) }
