# SPDX-License-Identifier: Apache-2.0
load helper

@test "a queue is made with the defaults of the page" {
  works shmq create "$q"
  [ -z "$output" ]
  [ "$(stat_of '[.capacity, .maxsize, .item_max, .max_leases, .max_attempts, .lease_timeout]')" = \
    '[1048576,0,4096,256,0,0]' ]
  [ "$(stat_of .mode)" = '"0600"' ]
}

@test "every option arrives" {
  works shmq create "$q" --capacity 2M --maxsize 7 --item-max 64K --max-leases 9 --max-attempts 3 \
    --lease-timeout 1.5s --mode 640
  [ "$(stat_of '[.capacity, .maxsize, .item_max, .max_leases, .max_attempts, .lease_timeout]')" = \
    '[2097152,7,65536,9,3,1500000000]' ]
  [ "$(stat_of .mode)" = '"0640"' ]
}

@test "options come in any order, with = or without, the last one counts" {
  works shmq create --maxsize=7 "$q" --maxsize 8
  stat_is .maxsize 8
}

@test "the umask does not change the mode" {
  umask 077
  works shmq create "$q" --mode 0664
  [ "$(stat -c %a /dev/shm/shmq."$q")" = 664 ]
}

@test "a queue that exists is refused, and accepted with --if-missing" {
  works shmq create "$q" --maxsize 5
  shmq put "$q" kept
  refused 1 "such a queue already" shmq create "$q"
  works shmq create "$q" --maxsize 9 --if-missing
  [ "$(stat_of '[.maxsize, .qsize]')" = '[5,1]' ]
}

@test "--if-missing makes a queue where there is none" {
  works shmq create "$q" --maxsize 9 --if-missing
  stat_is .maxsize 9
}

@test "--if-missing does not accept what is no queue" {
  echo garbage > /dev/shm/shmq."$q"
  refused 1 "" shmq create "$q" --if-missing
}

@test "a queue larger than memory is refused, and nothing is left of it" {
  refused 1 "does not fit" shmq create "$q" --item-max 1G --max-leases 60000
  [ ! -e /dev/shm/shmq."$q" ]
  [ -z "$(find /dev/shm -name "*$q*")" ]
}

@test "names that are none are refused" {
  refused 2 "name" shmq create ""
  refused 2 "name" shmq create .hidden
  refused 2 "name" shmq create a/b
  refused 2 "name" shmq create "a b"
  refused 2 "name" shmq create $'a\nb'
  refused 2 "name" shmq create "$(printf 'x%.0s' {1..201})"
}

@test "a name of 200 characters is allowed" {
  q=$q$(printf 'x%.0s' {1..200})
  q=${q:0:200}
  works shmq create "$q"
  works shmq put "$q" one
  works shmq get "$q"
  [ "$output" = one ]
}

@test "an item that fails max-attempts times goes to NAME.dead" {
  shmq create "$q" --max-attempts 2
  shmq put "$q" poison
  refused 1 "standard output" bash -c "shmq get $q > /dev/full"
  refused 1 "standard output" bash -c "shmq get $q > /dev/full"
  refused 3 "empty" shmq get "$q" --timeout 0
  works shmq get "$q.dead" --timeout 0
  [ "$output" = poison ]
  stat_is .dead_lettered 1
}
