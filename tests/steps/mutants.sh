#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the library with one step of recovery removed at a time, and shows that shmq-steps fails on
# each. Usage: mutants.sh [NAME...]; CC: the compiler; LIB: the library's folder.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
lib=${LIB:-$here/../../lib}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=gnu11 -O2 -g -D_GNU_SOURCE -I"$lib" -I"$lib/include")
wanted=" $* "
tried=0 survived=0
clean=" "
how='--sample 20 --seed 1'

compile() { # FILE OBJECT
  "${CC:-cc}" "${flags[@]}" -c "$1" -o "$2"
}

link() { # PROGRAM LIBRARY_OBJECT...
  local program=$1
  shift
  "${CC:-cc}" "$work"/steps-*.o "$@" -lpthread -ldl -Wl,-z,now -o "$program"
}

compile_all() {
  for file in "$lib"/*.c "$lib"/os/*.c; do compile "$file" "$work/lib-$(basename "$file" .c).o"; done
  for file in "$here"/*.c; do compile "$file" "$work/steps-$(basename "$file" .c).o"; done
}

# Does the program find a failure?
fails() { # PROGRAM CASES
  local status=0
  # shellcheck disable=SC2086
  "$1" --case "$2" $how --first >"$work/log" || status=$?
  if [ "$status" -gt 1 ]; then echo "shmq-steps ended with $status" && exit 2; fi
  [ "$status" -eq 1 ]
}

# The library as it is passes.
check_unedited() { # CASES
  if [[ $clean == *" $1 "* ]]; then return; fi
  if fails "$work/unedited" "$1"; then cat "$work/log" && echo "the unedited library fails" && exit 2; fi
  clean+="$1 "
}

edited_copy() { # FILE EDIT
  sed -E "$2" "$lib/$1" >"$work/mutant.c"
  if cmp -s "$work/mutant.c" "$lib/$1"; then echo "$1: the edit changes nothing: $2" && exit 2; fi
}

mutant() { # NAME CASES FILE EDIT
  local name=$1 cases=$2 file=$3
  local base
  base=$(basename "$file" .c)
  if [ "$wanted" != "  " ] && [[ $wanted != *" $name "* ]]; then return; fi
  check_unedited "$cases"
  edited_copy "$file" "$4"
  compile "$work/mutant.c" "$work/mutant.o"
  local others
  mapfile -t others < <(ls "$work"/lib-*.o | grep -v "/lib-$base.o")
  link "$work/mutant" "${others[@]}" "$work/mutant.o"
  tried=$((tried + 1))
  if fails "$work/mutant" "$cases"; then
    printf '%-28s found: %s\n' "$name" "$(sed -n '1,2{s/^ *//;p}' "$work/log" | paste -sd' ' | cut -c1-150)"
  else
    survived=$((survived + 1))
    printf '%-28s NOT FOUND by %s\n' "$name" "$cases"
  fi
}

compile_all
link "$work/unedited" "$work"/lib-*.o

mutant producer-lock 'put/one' recovery.c 's/producer_release\(q, d, &limit\)/0/'
mutant consumer-lock 'get/one' recovery.c '/^  unlock_repaired\(consumer\);/d'
mutant discarded-count 'shutdown-now/several' recovery.c \
  's/store_release\(&c->discarded, load_acquire.*/(void)0;/'
mutant void-leases 'take/one' recovery.c 's/load_relaxed\(&q->cells\[i\]\.id\) >= cursor_items.*\{/i == UINT32_MAX) {/'
mutant leases 'peek/held' recovery.c '/^  leases_return\(q, d\);/d'
mutant returned-heap 'give_back/held' recovery.c '/^  returned_rebuild\(q\);/d'
mutant undo-get 'get/one' recovery.c '/^  thread_undo\(q, slot\);/d'
mutant undo-returned-get 'get/returned' recovery.c 's/in_ring \|\| in_cell/in_ring/'
mutant abandoned-count 'peek/held' recovery.c '/store_release\(&slot->abandoned/d'
mutant thread-slots 'put/one' recovery.c '/^  for_threads_of\(q, d, thread_free\);/d'
mutant process-slots 'put/one' recovery.c '/^  processes_retire\(q, d\);/d'
mutant discarding 'peek/discarding' recovery.c '/^  returned_rebuild\(q\);/,/^}/{/discard_if_shut_down/d}'
mutant doomed-flag 'give_back/tired' leases.c '/if \(state == CELL_DOOMED\)/d'
mutant burial 'bury/held' recovery.c 's/cell_state\(word\) == CELL_BURYING/i == UINT32_MAX/'
mutant dead-recoverer 'put/one' recovery.c 's/return thread == MUTEX_RECOVERER;/return false;/'
mutant meeting-a-dead-lock 'put/one' wait.c '/if \(liveness == DEAD\) recover/d'
mutant reaper 'peek/getter-held' wait.c 's/anybody_died\(q\) && recover\(q, &limit\) > 0/false/'
mutant sleep-in-slices 'put/getter' wait.c 's/return EVENT_(FIRST_)?SLICE;/return 1000 * EVENT_SLICE;/'
mutant dead-occupant 'put/biased' recovery.c \
  's/is_departed\(q, d, load_acquire\(&m->occupant\)\) \|\|$/false ||/'
mutant inside-marks 'put/biased' recovery.c '/store_release\(&slot->inside\[0\], 0u\)/d'

clean=" "
how=--stalls
mutant eviction 'put/biased' robust_mutex.c 's/while \(exists && /while (false \&\& exists \&\& /'

echo "$tried mutants, $survived not found"
[ "$survived" -eq 0 ]
