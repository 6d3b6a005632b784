#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: bench/watched.sh SHMQ [ROUNDS]
# Throughput of a queue (1-1, 64 bytes, one at a time) that `SHMQ stat --watch 10ms` looks at, and of
# one that nobody looks at, by turns. BENCH: shmq-bench; TIME: seconds of a run (1).
set -euo pipefail

shmq=$(realpath "$1") rounds=${2:-15}
bench=${BENCH:-$(cd "$(dirname "$0")/.." && pwd)/build-bench/bench/shmq-bench}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sample() {
  "$bench" sizes --case 64 --peers shmq --rounds 1 --seconds "${TIME:-1}" --json "$work/result" >/dev/null
  jq -er '.scenarios[0].results[0].metrics | to_entries[0].value.median' "$work/result"
}

queue_names() {
  find /dev/shm -maxdepth 1 -name 'shmq.bench-*' -printf '%f\n' | sed 's/^shmq\.//'
}

# Ends when its queue is gone.
watch_it() {
  local name=''
  while [ -z "$name" ]; do name=$(queue_names | head -n 1); done
  exec "$shmq" stat "$name" --watch 10ms >"$work/looks" 2>/dev/null
}

watched() {
  watch_it &
  sample
  kill $! 2>/dev/null || true
  wait $! || true
  [ "$(grep -c '^bench-' "$work/looks")" -ge 10 ] || exit 2
}

for _ in $(seq "$rounds"); do
  echo "$(sample) $(watched)"
done >"$work/pairs"
median() {
  sort -g | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}
printf 'not watched %.4g, watched %.4g items a second; ratio, round by round: %.3f\n' \
  "$(cut -d' ' -f1 "$work/pairs" | median)" "$(cut -d' ' -f2 "$work/pairs" | median)" \
  "$(awk '{ print $2 / $1 }' "$work/pairs" | median)"
