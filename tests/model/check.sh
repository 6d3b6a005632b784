#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# check.sh [--full] [MODEL...]
#
# Verifies the models (or those named) with spin, and shows that each of them notices when one thing
# is done wrong.
#   --full  three processes as well: some minutes, and up to 6 GB of memory
# One line for each check. Exit status: 0 all is as it should be, 1 something is not, 2 no spin.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
memory=2000
full=no
failures=0
count=0

if [ "${1-}" = --full ]; then
  full=yes memory=6000
  shift
fi
[ $# -gt 0 ] || set -- robust_mutex event_count leases
for model; do
  [ -f "$here/$model.pml" ] || { echo "check.sh: there is no model $model" >&2; exit 2; }
done
command -v spin >/dev/null || { echo "check.sh: spin is missing; install the package spin" >&2; exit 2; }

# A mistake is found soon: the compiler takes longer than the search.
optimization() { # WANTED
  if [ "$1" = holds ]; then echo -O1; else echo -O0; fi
}

# How to search. safe: every state; assertions, and nobody waits for ever. live: every endless run
# that is fair to each process comes to the end that the model's formula names. deep: as safe, from
# the other end, which is sooner at some mistakes.
compiler_options() { # MODE
  case $1 in
    safe) echo "-DSAFETY -DNOCLAIM" ;;
    deep) echo "-DSAFETY -DNOCLAIM -DREVERSE" ;;
    live) echo "-DNFAIR=3" ;;
  esac
}

search_options() { # MODE
  case $1 in
    live) echo "-a -f -m400000" ;;
    *) echo "-m400000" ;;
  esac
}

# Leaves the verifier's words in $work/log.
search() { # WANTED MODEL MODE DEFINES
  (
    cd "$work"
    rm -f ./*.trail
    # shellcheck disable=SC2086 # the options are words
    spin $4 -a "$here/$2.pml" >log
    # shellcheck disable=SC2046
    cc $(optimization "$1") -w -DCOLLAPSE -DMEMLIM=$memory $(compiler_options "$3") -o pan pan.c
    # shellcheck disable=SC2046
    ./pan $(search_options "$3") >log 2>&1 || true
  )
}

is_complete() {
  ! grep -q -e 'memory limit' -e 'max search depth too small' -e 'out of memory' "$work/log"
}

# holds: searched to the end, nothing found; caught: something found; unclear: neither.
outcome() {
  if grep -q 'errors: 0' "$work/log"; then
    if is_complete; then echo holds; else echo unclear; fi
  elif grep -q 'errors: [1-9]' "$work/log"; then
    echo caught
  else
    echo unclear
  fi
}

stored_states() {
  awk '/states, stored/ { print $1; exit }' "$work/log"
}

explain_failure() { # MODEL DEFINES
  sed 's/^/    /' "$work/log" | head -n 20
  if [ -f "$work/$1.pml.trail" ]; then
    # shellcheck disable=SC2086
    (cd "$work" && spin $2 -k "$1.pml.trail" -p "$here/$1.pml") | grep -v -e '\[else' -e '\[break' -e '\[goto' |
      sed 's/^/    /' | tail -n 200
  fi
}

check() { # WANTED MODEL MODE DEFINES WHAT
  start=$(date +%s)
  search "$1" "$2" "$3" "$4"
  found=$(outcome)
  count=$((count + 1))
  printf '%-7s %-13s %-7s %10s states %4s s  %s\n' "$([ "$found" = "$1" ] && echo ok || echo FAILED)" \
    "$2" "$found" "$(stored_states)" "$(($(date +%s) - start))" "$5"
  if [ "$found" != "$1" ]; then
    failures=$((failures + 1))
    explain_failure "$2" "$4"
  fi
}

holds() { # MODEL MODE DEFINES WHAT
  check holds "$@"
}

# One thing done wrong: MUTATE_... in the model.
caught() { # MODEL MODE DEFINES MISTAKE
  check caught "$1" "$2" "$3 -DMUTATE_$4" "$4"
}

check_robust_mutex() {
  m=robust_mutex
  holds $m safe "-DKILLS=0" "2 processes, no death, no time slice"
  holds $m live "-DKILLS=0" "the same: all get on"
  holds $m safe "-DKILLS=1 -DSLICE" "2 processes, 1 killed, consumer's side"
  holds $m safe "-DKILLS=1 -DSLICE -DPRODUCER" "the same, producer's side"
  holds $m safe "-DKILLS=1 -DSLICE -DREAP" "2 processes, 1 killed, cleaned up after at any time"
  holds $m live "-DKILLS=1 -DSLICE" "2 processes, 1 killed: the other gets on"
  holds $m safe "-DKILLS=2 -DBIRTHS=1 -DSLICE" "2 processes, 2 killed, 1 comes instead"

  caught $m safe "-DKILLS=0" NO_SECOND_LOOK
  caught $m safe "-DKILLS=0" NO_MEMBARRIER
  caught $m safe "-DKILLS=0" NO_OCCUPANT
  caught $m safe "-DKILLS=0" FORGET_OCCUPANT
  caught $m safe "-DKILLS=1 -DSLICE" RECOVERY_EVICTS_NOBODY
  caught $m safe "-DKILLS=1 -DSLICE" NO_REPAIR
  caught $m safe "-DN=3 -DROUNDS=1 -DKILLS=1 -DSLICE" UNLOCKS_BEFORE_REPAIR
  caught $m safe "-DN=3 -DROUNDS=1 -DKILLS=1 -DSLICE" NO_REGISTRY_LOCK
  caught $m safe "-DN=3 -DROUNDS=1 -DKILLS=0" NO_WAITERS
  caught $m safe "-DN=3 -DROUNDS=1 -DKILLS=0" WOKEN_FORGETS_WAITERS
  caught $m deep "-DN=3 -DROUNDS=1 -DKILLS=1 -DSLICE" OCCUPANT_AFTER_BIAS
}

check_robust_mutex_full() {
  m=robust_mutex
  holds $m safe "-DN=3 -DROUNDS=1 -DKILLS=0" "3 processes, no death, no time slice"
  holds $m safe "-DN=3 -DROUNDS=1 -DKILLS=1 -DSLICE" "3 processes, 1 killed, consumer's side"
  holds $m safe "-DN=3 -DROUNDS=1 -DKILLS=1 -DSLICE -DPRODUCER" "the same, producer's side"
  holds $m safe "-DKILLS=1 -DSLICE -DREAP -DPRODUCER" "2 processes, cleaned up after at any time, producer's side"
  check caught $m safe "-DN=3 -DROUNDS=2 -DKILLS=0 -DGIVE_UP" \
    "a call that gives up when it was woken takes the wake-up with it: this needs the slice"
}

check_event_count() {
  m=event_count
  holds $m safe "-DPUTS=2 -DGETS=2" "1 putter, 1 getter, no death: the long slice is not needed"
  holds $m safe "-DPUTS=2 -DGETS=2 -DFENCED" "the same without membarrier, wakers fence"
  holds $m live "-DPUTS=2 -DGETS=2" "the same: all get on"
  holds $m live "-DKILLS=1 -DSLICE" "1 putter, 1 getter, 1 killed: the other gets on"

  for mistake in NO_BIT NO_MEMBARRIER BARRIER_BEFORE_BIT NO_SECOND_TRY LOOKS_BEFORE_COMMIT \
    SLEEPS_UNSEEN CLEARS_BLINDLY CLEARS_WITHOUT_WAKING; do
    caught $m safe "-DPUTS=2 -DGETS=2" $mistake
  done
  caught $m safe "-DN=3 -DBATCH=2" NO_STEP
}

check_event_count_full() {
  m=event_count
  holds $m safe "-DN=3 -DBATCH=2" "1 putter of a batch, 2 getters, no death"
  holds $m safe "-DN=3 -DPUTTERS=2 -DGETS=2" "2 putters, 1 getter, no death"
  holds $m live "-DN=3 -DBATCH=2 -DKILLS=1 -DSLICE -DSTORES=1" "1 putter, 2 getters, 1 killed: the others get on"
  holds $m live "-DN=3 -DPUTTERS=2 -DGETS=2 -DKILLS=1 -DSLICE -DSTORES=1" "2 putters, 1 getter, 1 killed: the others get on"
}

check_leases() {
  m=leases
  holds $m safe "-DKILLS=0 -DJOIN" "2 processes and one that joins, no death"
  holds $m safe "-DKILLS=1" "2 processes, 1 killed"
  holds $m live "-DKILLS=1" "the same: the other gets on"
  holds $m safe "-DKILLS=2 -DBIRTHS=1" "2 processes, 2 killed, 1 comes instead"
  holds $m safe "-DKILLS=1 -DGIVES=1" "2 processes, 1 killed, 1 lease given back"
  holds $m safe "-DKILLS=1 -DLAPSES=1" "2 processes, 1 killed, 1 lease runs out"

  for mistake in TAKE_COMMITS_FIRST GET_COUNTS_LATE NOTHING_IS_VOID NO_UNDO NO_RETURN NO_REBUILD \
    FREES_SLOTS_FIRST; do
    caught $m safe "-DKILLS=1" $mistake
  done
  caught $m safe "-DKILLS=0 -DLAPSES=1" DONE_STORES
  caught $m safe "-DKILLS=0 -DJOIN" JOIN_LOOKS_AT_THREADS_FIRST
  caught $m safe "-DN=3 -DKILLS=2" DOES_NOT_LOOK_AGAIN
}

check_leases_full() {
  m=leases
  holds $m safe "-DKILLS=1 -DJOIN" "2 processes and one that joins, 1 killed"
  holds $m safe "-DKILLS=2 -DBIRTHS=2 -DITEMS=3 -DGIVES=1" "2 processes, 2 killed, 2 come instead, 3 items"
  holds $m safe "-DN=3 -DKILLS=1" "3 processes, 1 killed"
  holds $m safe "-DN=3 -DKILLS=1 -DLAPSES=1" "3 processes, 1 killed, 1 lease runs out"
}

for model; do
  "check_$model"
  if [ $full = yes ]; then "check_${model}_full"; fi
done
echo "$count checks, $failures failed"
[ $failures -eq 0 ]
