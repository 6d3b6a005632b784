#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# many.sh BUILD KILLS [SECONDS] [JOBS] [SEED]
#
# Storms of every kind, JOBS (4) at a time, until so many processes were killed or the time is up
# (a day). The storm number n, from 0, has the seed SEED + 1000 n (a thousand: histories take one for
# each round). Each storm's output is kept in BUILD/storms; what is wrong is printed, and the sums.
# Exit status: 0 if nothing is wrong.
set -euo pipefail

build=$(realpath "$1") kills=$2 seconds=${3:-86400} jobs=${4:-4} seed=${5:-$(date +%s)}
logs=$build/storms
kinds=(
  'tests/crash/storm --kills 2000 --items 512 --pause 500'
  'tests/crash/storm --kills 2000 --items 512 --pause 500 --threads 2 --vary'
  'tests/crash/storm --kills 1000 --items 10000 --pause 3000 --alone'
  'tests/history/shmq-history --kills 1000 --pause 1000'
)

one() { # NUMBER
  local status=0 command=${kinds[$(($1 % ${#kinds[@]}))]}
  mkdir "$logs/$1"
  # shellcheck disable=SC2086
  (cd "$logs/$1" && SHMQ_SEED=$((seed + 1000 * $1)) exec "$build"/$command >log 2>&1) || status=$?
  if [ $status -ne 0 ]; then
    echo "status $status: $command" >>"$logs/$1/log"
    cat "$logs/$1/log"
  fi
}

killed() {
  shopt -s nullglob
  cat "$logs"/*/log /dev/null | awk '$1 == "kills" { sum += $2 } END { print sum + 0 }'
}

rm -rf "$logs"
mkdir -p "$logs"
began=$SECONDS number=0
while [ "$(killed)" -lt "$kills" ] && [ $((SECONDS - began)) -lt "$seconds" ]; do
  while [ "$(jobs -pr | wc -l)" -ge "$jobs" ]; do wait -n; done
  one "$number" &
  number=$((number + 1))
done
wait
echo "seed $seed, $number storms"
cat "$logs"/*/log | awk -v seconds=$((SECONDS - began)) '
  $1 == "kills" { kills += $2 }
  $1 == "stops" { stops += $NF }
  /^items put/ { items += $3 }
  /^worst overshoot/ && $3 > worst { worst = $3 }
  /^longest beyond/ && $5 > worst { worst = $5 }
  /^longest stall/ && $3 > stall { stall = $3 }
  /^status/ { failed++ }
  END {
    printf "kills %d, stops %d, items %d, seconds %d\n", kills, stops, items, seconds
    printf "longest beyond its time %.1f ms, longest stall %.1f ms\n", worst, stall
    printf "storms with something wrong: %d\n", failed
    exit failed > 0
  }'
