# SPDX-License-Identifier: Apache-2.0
load record.bash

@test "--follow: each item is on disk soon, until the queue is shut down" {
  shmq create "$q"
  start shmq drain "$q" -o "$dir"/file --follow > "$dir"/out
  for item in one two three; do
    shmq put "$q" $item
    eventually stat_is .qsize 0
  done
  eventually stat_is .done 3
  shmq shutdown "$q"
  wait "$pid"
  [ "$(cat "$dir"/out)" = "3 items written" ]
  shmq create "$q-2"
  works shmq load "$q-2" "$dir"/file
  [ "$(shmq get "$q-2" --all | xargs)" = "one two three" ]
}

@test "--follow: a signal ends it well" {
  shmq create "$q"
  for signal in INT TERM HUP; do
    start env --default-signal=INT shmq drain "$q" -o "$dir"/file --follow
    shmq put "$q" $signal
    eventually stat_is '[.qsize, .leased]' '[0,0]'
    kill -$signal "$pid"
    wait "$pid"
  done
  works shmq load "$q" "$dir"/file
  [ "$(shmq get "$q" --all | xargs)" = "INT TERM HUP" ]
}

@test "--follow: a busy queue" {
  shmq create "$q" --maxsize 1000
  start shmq drain "$q" -o "$dir"/file --follow
  seq 100000 | shmq put "$q"
  shmq shutdown "$q"
  wait "$pid"
  shmq create "$q-2" --capacity 4M
  works shmq load "$q-2" "$dir"/file
  shmq get "$q-2" --all | cmp - <(seq 100000)
}
