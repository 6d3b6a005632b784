# SPDX-License-Identifier: Apache-2.0
load record.bash

@test "items of all sizes come back as they were, in their order" {
  shmq create "$q" --item-max 1M --capacity 16M
  put_sizes 0 1 7 8 9 0 23 24 25 511 512 513 4095 4096 65536 262143 262144 262145 600001 1048576 1
  works shmq drain "$q" -o "$dir"/file
  [ "$output" = "21 items written" ]
  [ "$(stat_of '[.qsize, .unfinished, .done]')" = '[0,0,21]' ]
  works shmq load "$q" "$dir"/file
  [ "$output" = "21 items put" ]
  got_the_items
  [ -z "$(ls "$dir"/*.loading 2> /dev/null)" ]
}

@test "many items, with few leases and with many" {
  seq 100000 > "$dir"/in
  for leases in 1 7 256 20000; do
    ((leases > 1)) || seq 300 > "$dir"/few
    local in=$dir/in
    ((leases > 7)) || in=$dir/few
    shmq create "$q-$leases" --capacity 8M --max-leases $leases
    shmq put "$q-$leases" < "$in"
    works shmq drain "$q-$leases" -o "$dir"/file.$leases
    works shmq load "$q-$leases" "$dir"/file.$leases
    shmq get "$q-$leases" --all | cmp - "$in"
  done
}

@test "an empty queue makes an empty file, once" {
  shmq create "$q"
  works shmq drain "$q" -o "$dir"/file
  [ "$output" = "0 items written" ]
  works shmq drain "$q" -o "$dir"/file
  [ "$(file_size "$dir"/file)" -eq $header_size ]
  works shmq load "$q" "$dir"/file
  [ "$output" = "0 items put" ]
}

@test "an empty file, as mktemp makes it, is written to" {
  shmq create "$q"
  shmq put "$q" one
  : > "$dir"/file
  works shmq drain "$q" -o "$dir"/file
  works shmq load "$q" "$dir"/file
  [ "$(shmq get "$q")" = one ]
}

@test "a second drain adds to the file" {
  shmq create "$q"
  shmq put "$q" one two
  works shmq drain "$q" -o "$dir"/file
  shmq put "$q" three
  works shmq drain "$q" -o "$dir"/file
  [ "$output" = "1 items written" ]
  works shmq load "$q" "$dir"/file
  [ "$(shmq get "$q" --all | xargs)" = "one two three" ]
}

@test "a file is loaded into another queue, and again" {
  shmq create "$q"
  shmq create "$q-other"
  shmq put "$q" one two
  shmq drain "$q" -o "$dir"/file
  for _ in 1 2; do
    works shmq load "$q-other" "$dir"/file
    [ "$(shmq get "$q-other" --all | xargs)" = "one two" ]
  done
}

@test "load waits for room" {
  shmq create "$q" --maxsize 2
  shmq create "$q-source"
  seq 1000 | shmq put "$q-source"
  shmq drain "$q-source" -o "$dir"/file
  start shmq load "$q" "$dir"/file
  works shmq get "$q" -n 1000 --timeout 30s
  [ "$output" = "$(seq 1000)" ]
  wait "$pid"
}

@test "a load that finds no room in time goes on when called again" {
  shmq create "$q" --maxsize 3
  shmq create "$q-source"
  shmq put "$q-source" a b c d e
  shmq drain "$q-source" -o "$dir"/file
  refused 3 "the queue is full" shmq load "$q" "$dir"/file --timeout 10ms
  [[ $stderr == *"(3 of 5 items put; load again to go on)"* ]]
  [ "$(shmq get "$q" --all | xargs)" = "a b c" ]
  ends shmq load "$q" "$dir"/file
  [ "$output" = "2 items put" ]
  [[ $stderr == *"going on after 3 items"* ]]
  [ "$(shmq get "$q" --all | xargs)" = "d e" ]
  works shmq load "$q-source" "$dir"/file
  [ "$output" = "5 items put" ]
}

# Does the process make the system call $1?
calls() {
  local name=$1
  shift
  traced -o "$dir"/trace -e trace="$name" "$@"
  [ -s "$dir"/trace ]
}

@test "the file is written through io_uring, and without where that is forbidden" {
  shmq create "$q"
  seq 1000 | shmq put "$q"
  if "$WITHOUT_URING" true && [ "$(cat /proc/sys/kernel/io_uring_disabled 2> /dev/null || echo 0)" = 0 ]; then
    calls io_uring_enter shmq drain "$q" -o "$dir"/first
    shmq load "$q" "$dir"/first
  fi
  calls fdatasync "$WITHOUT_URING" shmq drain "$q" -o "$dir"/second
  works shmq load "$q" "$dir"/second
  [ "$(shmq get "$q" --all)" = "$(seq 1000)" ]
}

@test "items of all sizes, without io_uring" {
  shmq create "$q" --item-max 1M --capacity 4M
  put_sizes 0 5 600001 8
  works "$WITHOUT_URING" shmq drain "$q" -o "$dir"/file
  works shmq load "$q" "$dir"/file
  got_the_items
}

@test "a long drain shows on a terminal how far it has come" {
  shmq create "$q"
  start script -qfc "shmq drain $q -o $dir/file --follow" "$dir"/screen > /dev/null
  shmq put "$q" one
  eventually grep -q '\] 1 written, 0 waiting' "$dir"/screen
  shmq shutdown "$q"
  wait "$pid"
  grep -q '1 items written' "$dir"/screen
}
