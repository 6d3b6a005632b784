# SPDX-License-Identifier: Apache-2.0
load helper

@test "a queue that nobody uses is removed" {
  shmq create "$q"
  shmq put "$q" one
  works shmq rm "$q"
  [ -z "$output" ]
  [ ! -e /dev/shm/shmq."$q" ]
  refused 1 "no such queue" shmq rm "$q"
  refused 1 "no such queue" shmq rm "$q" --force
}

@test "one in use is refused, with the processes named, and removed with --force" {
  shmq create "$q"
  start shmq get "$q"
  local first=$pid
  start shmq get "$q"
  local second=$pid
  eventually stat_is '.processes | length' 2
  refused 1 "in use by process" shmq rm "$q"
  [[ $stderr == *"$first"* ]]
  [[ $stderr == *"$second"* ]]
  [ -e /dev/shm/shmq."$q" ]
  works shmq rm "$q" --force
  [ ! -e /dev/shm/shmq."$q" ]
}

@test "the dead do not count" {
  shmq create "$q"
  start shmq get "$q"
  eventually stat_is '.processes | length' 1
  kill_hard "$pid"
  works shmq rm "$q"
}

@test "one that is no queue, or damaged, is removed with --force alone" {
  for size in 0 1 4096 100000; do
    head -c "$size" /dev/urandom > /dev/shm/shmq."$q"
    refused 1 "rm --force" shmq rm "$q"
    works shmq rm "$q" --force
    [ ! -e /dev/shm/shmq."$q" ]
  done
}

@test "NAME.dead stays" {
  shmq create "$q"
  shmq create "$q.dead"
  works shmq rm "$q"
  works shmq rm "$q.dead"
}

@test "recover on a sound queue" {
  shmq create "$q"
  shmq put "$q" one
  works shmq recover "$q"
  [ "$output" = "0 dead processes cleaned up after" ]
}
