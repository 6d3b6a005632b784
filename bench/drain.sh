#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# usage: bench/drain.sh FOLDER [ROUNDS]
# A million items of 100 bytes from a full queue to a file: shmq drain -o, by io_uring and by write(2)
# and fdatasync(2), with few leases and with many; beside a pipe into cat. FOLDER holds the built shmq,
# TMPDIR the files. Every round measures all of them, one after the other, so that what else the
# machine does hits all alike; the figures are medians.
#
# What is compared: drain lets an item go when it is on disk, so with 256 leases it waits for the disk
# 3,900 times, and may be killed anywhere. cat loses what it has in hand; it is measured with one sync at
# its end, and without.
set -eu

shmq=${1:?the folder of the built shmq}/shmq
rounds=${2:-5}
items=1000000
queue=bench-drain-$$
work=$(mktemp -d)
trap 'rm -rf "$work"; "$shmq" rm --force "$queue" 2> /dev/null' EXIT

# Runs the command and notes how many items a second it did under the name $1.
measure() {
  local name=$1 begin end
  shift
  begin=$(date +%s%N)
  "$@" > /dev/null
  end=$(date +%s%N)
  echo $((items * 1000000000 / (end - begin))) >> "$work/$name"
  rm -f "$work"/file
}

# drain with $2 leases, under the name $1 and by what else is given.
measure_drain() {
  local name=$1 leases=$2
  shift 2
  "$shmq" create "$queue" --capacity 256M --max-leases "$leases"
  "$shmq" put "$queue" < "$work"/items
  measure "$name" "$@" "$shmq" drain "$queue" -o "$work"/file
  "$shmq" rm "$queue"
}

with_cat() {
  cat "$work"/items | cat > "$work"/file
}

with_cat_and_sync() {
  with_cat
  sync "$work"/file
}

median() {
  sort -n "$work/$1" | sed -n "$(((rounds + 1) / 2))p"
}

report() {
  awk -v name="$2" -v rate="$(median "$1")" -v low="$(sort -n "$work/$1" | head -n 1)" \
    -v high="$(sort -n "$work/$1" | tail -n 1)" \
    'BEGIN { printf "%-44s %10d /s (%d to %d)\n", name, rate, low, high }'
}

seq -f '%0100.0f' $items > "$work"/items
cc -O2 "$(dirname "$0")"/../tests/record/without_uring.c -o "$work"/without_uring
for ((round = 0; round < rounds; round++)); do
  for leases in 256 8192; do
    measure_drain uring-$leases $leases
    measure_drain calls-$leases $leases "$work"/without_uring
  done
  measure cat with_cat
  measure cat-sync with_cat_and_sync
done

uname -srm
findmnt -no FSTYPE -T "$work"
for leases in 256 8192; do
  report uring-$leases "shmq drain -o, $leases leases, io_uring"
  report calls-$leases "shmq drain -o, $leases leases, fdatasync(2)"
done
report cat 'cat items | cat > file'
report cat-sync 'the same, then sync file'
