#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: planted.sh SHMQ-JUDGE SHMQ-HISTORY
# The judge finds what each file of planted/ says that it has, and nothing else; and it finds faults
# planted into a history that was recorded.
set -eu

judge=$1
recorder=$2
planted=$(dirname "$0")/planted
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
wrong=0

# Every finding is of the kind that is expected, and there is one, unless nothing is expected.
expect() {
  found=$("$judge" "$2" | sed -n 's/^FINDING \([^:]*\):.*/\1/p' | sort -u | paste -sd +)
  [ "${found:-nothing}" = "$1" ] && return
  echo "$2: expected $1, found: ${found:-nothing}"
  wrong=1
}

for file in "$planted"/*.txt; do
  expect "$(sed -n '1s/^# expect //p' "$file")" "$file"
done

# One call of a recorded history is changed: the first `get` of an item whose put surely happened. Some
# runs have none; and a shutdown that discards may have had the item.
record() {
  "$recorder" --kills 5 --keep "$work/good" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}
number_of_call() {
  awk '{ split($9, item, ":") }
    FNR == NR && $3 == "put" && $5 != "-" && $7 == 0 { put[item[1]] = 1 }
    FNR < NR && $3 == "get" && $7 > 0 && item[1] in put { print FNR; exit }' "$work/good" "$work/good"
}
record
until number=$(number_of_call) && [ -n "$number" ] && ! grep -q ' shutdown_now ' "$work/good"; do
  record
done
expect nothing "$work/good"
plant() {
  awk "NR == $number { $2 } { print }" "$work/good" | grep -v ^final >"$work/$1"
}
found() {
  "$judge" "$work/$1" | grep -q "^FINDING $1" && return
  echo "a recorded history: $1 was not found"
  wrong=1
}
plant lost 'next'
sed -i '/ get.* - /d' "$work/lost" # a killed get may have had it
plant double print
plant altered '$9 = $9 "!"'
plant invented '$9 = "99999.0:0:0"'
for fault in lost double altered invented; do
  found $fault
done

exit $wrong
