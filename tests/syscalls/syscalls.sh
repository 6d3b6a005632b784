#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# syscalls.sh PROGRAM: a million uncontended pairs make no system call for each item. All those of
# the program's start and end together are far fewer than LIMIT.
set -eu

LIMIT=1000
program=$1
summary=$(mktemp)
trap 'rm -f "$summary"' EXIT
export ASAN_OPTIONS=detect_leaks=0 # the leak check cannot run under strace

for kind in get take; do
  strace -f -c --summary-columns=calls,name -o "$summary" "$program" "$kind"
  calls=$(awk '$1 ~ /^[0-9]+$/ && $2 != "total" { sum += $1 } END { print sum + 0 }' "$summary")
  echo "a million pairs of put and $kind: $calls system calls"
  if [ "$calls" -eq 0 ] || [ "$calls" -ge "$LIMIT" ]; then
    cat "$summary"
    exit 1
  fi
done
