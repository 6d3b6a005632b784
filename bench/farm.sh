#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: bench/farm.sh FOLDER [ROUNDS]
# Runs of /bin/true a second, four at a time: shmq farm beside xargs and GNU parallel; and items a
# second through coprocesses. FOLDER holds the built shmq. Every round measures all of them, one after
# the other, so that what else the machine does hits all alike; the figures are medians.
#
# What is compared: each run gets one item as its argument. xargs and parallel read them from a file; the
# farm takes them from a queue that was filled before (filling takes about a millionth of a second an
# item), captures the output of each run, and survives the death of any process in it. xargs does
# neither; parallel captures output.
set -eu

shmq=${1:?the folder of the built shmq}/shmq
rounds=${2:-5}
runs=2000          # of /bin/true, in a round
parallel_runs=200  # GNU parallel is slower
items=400000       # through coprocesses
queue=bench-farm-$$
work=$(mktemp -d)
trap 'rm -rf "$work"; "$shmq" rm --force "$queue" 2> /dev/null' EXIT

# Runs the command and notes how many of $2 things it did a second under the name $1.
measure() {
  local name=$1 count=$2 begin end
  shift 2
  begin=$(date +%s%N)
  "$@" > /dev/null
  end=$(date +%s%N)
  echo $((count * 1000000000 / (end - begin))) >> "$work/$name"
}

with_xargs() {
  xargs -P4 -n1 /bin/true < "$work"/runs
}

with_parallel() {
  parallel -j4 /bin/true < "$work"/parallel_runs
}

# What is in the queue, with these options.
with_farm() {
  "$shmq" farm "$queue" -j 4 --until-empty "$@"
}

fill() {
  "$shmq" put "$queue" < "$work/$1"
}

median() {
  sort -n "$work/$1" | sed -n "$(((rounds + 1) / 2))p"
}

report() {
  local rate
  rate=$(median "$1")
  awk -v name="$2" -v rate="$rate" -v xargs="$(median xargs)" \
    'BEGIN { printf "%-44s %10d /s %9.1f x xargs\n", name, rate, rate / xargs }'
}

seq $runs > "$work"/runs
seq $parallel_runs > "$work"/parallel_runs
seq $items > "$work"/items
"$shmq" create "$queue" --capacity 32M
for ((round = 0; round < rounds; round++)); do
  measure xargs $runs with_xargs
  fill runs
  measure argument $runs with_farm -- /bin/true {}
  fill runs
  measure input $runs with_farm -- /bin/true
  fill items
  measure coprocess $items with_farm --coprocess -- cat
  ! command -v parallel > /dev/null || measure parallel $parallel_runs with_parallel
done

uname -srm
report xargs 'xargs -P4 -n1 /bin/true'
[ ! -e "$work"/parallel ] || report parallel 'parallel -j4 /bin/true'
report argument 'shmq farm -j 4 -- /bin/true {}'
report input 'shmq farm -j 4 -- /bin/true (item on stdin)'
report coprocess 'shmq farm -j 4 --coprocess -- cat'
