#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What each mechanism of the fast path brings: builds the library with one of them taken out at a
# time, and measures it by turns with the unedited one. Prints a table (markdown).
# Usage: mechanisms.sh [NAME...]; CC: the compiler; LIB: the library's folder; BENCH: shmq-bench;
# ROUNDS (7) and TIME (0.3 seconds) of each measurement.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
lib=${LIB:-$here/../lib}
bench=${BENCH:-$here/../build-bench/bench/shmq-bench}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wanted=" $* "

fail() {
  printf 'mechanisms.sh: %s\n' "$*" >&2
  exit 2
}

build() { # SOURCES FOLDER
  mkdir -p "$2"
  "${CC:-cc}" -std=gnu11 -O3 -DNDEBUG -D_GNU_SOURCE -fPIC -fvisibility=hidden -I"$1" -I"$1/include" \
    -shared -Wl,-soname,"$soname" "$1"/*.c "$1"/os/*.c -lpthread -o "$2/$soname" ||
    fail 'the edited library does not compile'
}

edit() { # FILE EDIT, in the copy
  sed -E -i "$2" "$work/source/$1"
  if cmp -s "$work/source/$1" "$lib/$1"; then fail "$1: the edit changes nothing: $2"; fi
}

# One sample of a library.
sample() { # FOLDER SCENARIO CASE
  LD_LIBRARY_PATH=$1 "$bench" "$2" --case "$3" --peers shmq --rounds 1 --seconds "${TIME:-0.3}" \
    --json "$work/result" >"$work/log" 2>&1 || fail "$2 failed: $(cat "$work/log")"
  jq -er '.scenarios[0].results[0].metrics | to_entries[0].value.median' "$work/result" ||
    fail "$2 has no case \"$3\""
}

progress() { # TEXT
  if [ -t 2 ]; then printf '\r\033[K%s' "$1" >&2; fi
}

median() {
  sort -g | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

# Medians, and that of the ratios of neighbours: more than 1 where the mechanism helps.
report() { # NAME SCENARIO CASE
  local less
  less=$(jq '.scenarios[0].less_is_better' "$work/result")
  local ratio='$1 / $2'
  if [ "$less" = true ]; then ratio='$2 / $1'; fi
  progress ''
  printf '| %s | %s, %s | %.3g | %.3g | %.2f |\n' "$1" "$2" "$3" \
    "$(cut -d' ' -f1 "$work/pairs" | median)" "$(cut -d' ' -f2 "$work/pairs" | median)" \
    "$(awk "{ print $ratio }" "$work/pairs" | median)"
}

mechanism() { # NAME SCENARIO CASE {FILE EDIT}...
  local name=$1 scenario=$2 case=$3
  shift 3
  if [ "$wanted" != "  " ] && [[ $wanted != *" $name "* ]]; then return; fi
  rm -rf "$work/source" && cp -r "$lib" "$work/source"
  while [ $# -gt 0 ]; do edit "$1" "$2" && shift 2; done
  build "$work/source" "$work/without"
  : >"$work/pairs"
  for round in $(seq "${ROUNDS:-7}"); do
    progress "$name: round $round of ${ROUNDS:-7}"
    with=$(sample "$work/with" "$scenario" "$case")
    echo "$with $(sample "$work/without" "$scenario" "$case")" >>"$work/pairs"
  done
  report "$name" "$scenario" "$case"
}

[ -x "$bench" ] || fail "no $bench: run bench/run.sh --list first, or set BENCH"
soname=$(ldd "$bench" | awk '/libshmq\.so/ { print $1 }')
build "$lib" "$work/with"
echo '| mechanism | scenario | with | without | brings |'
echo '|---|---|---|---|---|'

mechanism bias sizes 64 robust_mutex.h 's/(define MUTEX_STREAK) .*/\1 UINT32_MAX/'
mechanism fast-path sizes 64 \
  put.c 's/= enter_biased\(q, PRODUCER\)/= NULL/' get.c 's/= enter_biased\(q, CONSUMER\)/= NULL/'
mechanism cached-places sizes 64 ring.h '
  s/load_relaxed\(&q->segment->producer\.head_cached\)/load_acquire(\&q->segment->consumer.head.place)/
  s/load_relaxed\(&q->segment->consumer\.tail_cached\)/load_acquire(\&q->segment->producer.tail.place)/'
mechanism prefetch sizes 64 ring.h '/prefetch_for_write\(/d'
mechanism inline-copies sizes 64 copy.h \
  's/^(static inline void copy_small.*)/\1 memcpy(to, from, n); return;/'
mechanism plain-look-for-sleepers sizes 64 event_count.h \
  's/unlikely\(load_relaxed\(&e->word\) & EVENT_ASLEEP\)/true/'
mechanism lines sizes 64 layout.h 's/(define LINE) .*/\1 8/; /_Static_assert\(.*LINE/d'
mechanism back-off sizes 64 wait.c 's/(define PAUSES_MAX) .*/\1 0/'
mechanism pieces sizes 4096 copy.h 's/(define COPY_PIECE) .*/\1 SIZE_MAX/'
mechanism rest shapes 4-1 wait.c 's/return time <= STREAM_TIME &&/return false \&\&/'
mechanism record-with-cursor round-trip 'awake: spinning allowed' wait.c \
  '/__builtin_prefetch\(record_at/d'
mechanism spinning round-trip 'awake: spinning allowed' wait.c 's/if \(q->may_spin &&/if (false \&\&/'
mechanism first-sleep-without-membarrier round-trip 'asleep: sleeping forced' wait.c \
  's/(event_prepare\(.*), w->slept\)/\1, true)/'
mechanism wake-one wake 32 event_count.c 's/(futex_wake\(&e->word), n\) >= n/\1, INT32_MAX) >= n/'
