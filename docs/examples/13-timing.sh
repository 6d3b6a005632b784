#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Times each task, and reads what was done in shmq stat. Two workers take the names of tasks from a
# queue; how many milliseconds each took goes to a second one.
set -eu

tasks=timing-$$
times=$tasks.times

remove() {
  shmq rm --force "$tasks"
  shmq rm --force "$times"
}

milliseconds() {
  echo $(($(date +%s%N) / 1000000))
}

work() {
  while task=$(shmq get "$tasks" --timeout 100ms 2> /dev/null); do
    begin=$(milliseconds)
    sleep "$task"
    shmq put "$times" "$(($(milliseconds) - begin)) ms: task $task"
  done
}

shmq create "$tasks"
shmq create "$times"
trap remove EXIT

shmq put "$tasks" 0.05 0.3 0.1 0.2
work &
work &
wait

echo "how long each took:"
shmq get "$times" --all | sort -n
echo "what the queue of tasks says:"
shmq stat "$tasks" | grep -E 'qsize|put|got|done'
