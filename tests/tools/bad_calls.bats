# SPDX-License-Identifier: Apache-2.0
load helper

commands="create ls stat put get peek drain load shutdown recover rm"
with_name="stat put get peek drain shutdown recover rm"

@test "no command, an unknown one, one that is nearly right" {
  refused 2 "no command" shmq
  refused 2 "'frobnicate'" shmq frobnicate
  refused 2 "did you mean 'get'" shmq gte
  refused 2 "did you mean 'recover'" shmq recvoer
  refused 2 "did you mean 'ls'" shmq lss
  refused 2 "'frobnicate'" shmq help frobnicate
  refused 2 "no command" shmq --frobnicate
}

@test "unknown options" {
  for command in $commands; do
    refused 2 "--frobnicate: unknown option" shmq "$command" "$q" --frobnicate
    refused 2 "-z: unknown option" shmq "$command" "$q" -z
  done
  refused 2 "shmq-stat: --frobnicate" shmq-stat "$q" --frobnicate
}

@test "a missing name" {
  for command in create $with_name; do
    refused 2 "usage: shmq $command" shmq "$command"
  done
  refused 2 "usage: shmq-stat" shmq-stat
}

@test "too many arguments" {
  refused 2 "too many" shmq ls "$q"
  for command in create get peek drain shutdown recover rm; do
    refused 2 "'more' is one argument too many" shmq "$command" "$q" more
  done
}

@test "options without their value, flags with one" {
  refused 2 "missing argument" shmq get "$q" --timeout
  refused 2 "missing argument" shmq get "$q" -n
  refused 2 "does not take an argument" shmq get "$q" --all=yes
}

@test "a queue that is not there" {
  for command in $with_name; do
    refused 1 "no such queue" shmq "$command" "$q"
  done
  refused 1 "no such queue" shmq put "$q" item
}

@test "a name that is none" {
  for command in $with_name; do
    refused 2 "not a queue's name" shmq "$command" a/b
    refused 2 "not a queue's name" shmq "$command" $'two\nlines'
  done
}

@test "options that do not go together" {
  refused 2 "-0" shmq put "$q" item -0
  refused 2 "no file" shmq put "$q" --file
  refused 2 "-0" shmq drain "$q" --discard -0
}

@test "numbers that make no sense" {
  refused 2 "at least 1" shmq get "$q" -n 0
  refused 2 "-n -1: expected" shmq get "$q" -n -1
  refused 2 "expected a time" shmq get "$q" --timeout 5
  refused 2 "expected a time" shmq put "$q" --timeout -1s
  refused 2 "at least 1ms" shmq stat "$q" --watch 0
}

@test "what is no queue, or a damaged one" {
  head -c 100000 /dev/urandom > /dev/shm/shmq."$q"
  for command in $with_name; do
    refused 1 "rm --force" shmq "$command" "$q" < /dev/null
  done
  : > /dev/shm/shmq."$q"
  for command in $with_name; do
    refused 1 "rm --force" shmq "$command" "$q" < /dev/null
  done
}

@test "standard output that cannot be written" {
  shmq create "$q"
  for call in "--help" "--version" "put --help" "ls" "ls --json" "stat $q" "stat --json $q" \
    "recover $q"; do
    refused 1 "standard output" bash -c "shmq $call > /dev/full"
  done
}
