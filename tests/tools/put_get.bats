# SPDX-License-Identifier: Apache-2.0
load helper

@test "items from arguments come out in their order" {
  shmq create "$q"
  works shmq put "$q" one two "number three"
  [ -z "$output" ]
  works shmq get "$q" -n 3
  [ "$output" = $'one\ntwo\nnumber three' ]
}

@test "items from standard input, the last line without a newline" {
  shmq create "$q"
  printf 'one\ntwo\nthree' | shmq put "$q"
  stat_is .qsize 3
  works shmq get "$q" --all
  [ "$output" = $'one\ntwo\nthree' ]
}

@test "empty standard input puts nothing" {
  shmq create "$q"
  works shmq put "$q" < /dev/null
  stat_is .put 0
}

@test "-0: items from standard input end with a NUL" {
  shmq create "$q"
  printf 'one\nand a half\0two\0three' | shmq put "$q" -0
  stat_is .qsize 3
  shmq get "$q" --all -0 > "$dir"/out
  printf 'one\nand a half\0two\0three\0' | cmp - "$dir"/out
}

@test "--file: whole files, - is standard input" {
  shmq create "$q"
  printf 'first\nfile\n' > "$dir"/a
  printf 'second' | shmq put "$q" --file "$dir"/a -
  stat_is .qsize 2
  shmq get "$q" -0 -n 2 > "$dir"/out
  printf 'first\nfile\n\0second\0' | cmp - "$dir"/out
}

@test "--file: one that is missing, the first is put" {
  shmq create "$q"
  echo one > "$dir"/a
  refused 1 "No such file or directory (1 item put)" shmq put "$q" --file "$dir"/a "$dir"/none
  refused 1 "Is a directory (0 items put)" shmq put "$q" --file "$dir"
  stat_is .qsize 1
}

@test "standard input that cannot be read" {
  shmq create "$q"
  refused 1 "standard input: Is a directory" shmq put "$q" < "$dir"
}

@test "an item that begins with a dash" {
  shmq create "$q"
  works shmq put "$q" -- -x --all
  works shmq get "$q" --all
  [ "$output" = $'-x\n--all' ]
}

@test "put does not hold up what a slow writer has written" {
  shmq create "$q"
  mkfifo "$dir"/slow
  start bash -c "exec shmq put $q < $dir/slow"
  exec {writer}> "$dir"/slow
  printf 'one\ntwo\nthr' >&"$writer"
  eventually stat_is .qsize 2
  printf 'ee\n' >&"$writer"
  eventually stat_is .qsize 3
  exec {writer}>&-
  wait "$pid"
  works shmq get "$q" --all
  [ "$output" = $'one\ntwo\nthree' ]
}

@test "get waits for an item" {
  shmq create "$q"
  start shmq get "$q" > "$dir"/out
  eventually stat_is '.processes | length' 1
  shmq put "$q" late
  wait "$pid"
  [ "$(cat "$dir"/out)" = late ]
}

@test "put waits for room" {
  shmq create "$q" --maxsize 2
  start shmq put "$q" 1 2 3 4
  eventually stat_is .full true
  works shmq get "$q" -n 4
  [ "$output" = $'1\n2\n3\n4' ]
  wait "$pid"
}

@test "a queue with room for one carries many" {
  shmq create "$q" --maxsize 1
  seq 2000 > "$dir"/in
  start shmq put "$q" < "$dir"/in
  works shmq get "$q" -n 2000 --timeout 30s
  [ "$output" = "$(cat "$dir"/in)" ]
  wait "$pid"
}

@test "a full queue: status 3, and how many went in" {
  shmq create "$q" --maxsize 3
  refused 3 "the queue is full" shmq put "$q" --timeout 0 a b c d e
  [[ $stderr == *"(3 items put)" ]]
  refused 3 "(0 items put)" shmq put "$q" --timeout 50ms more
  refused 3 "(0 items put)" bash -c "seq 5 | shmq put $q --timeout 50ms"
  works shmq get "$q" --all
  [ "$output" = $'a\nb\nc' ]
}

@test "an empty queue: status 3, and how many came out" {
  shmq create "$q"
  refused 3 "the queue is empty" shmq get "$q" --timeout 0
  refused 3 "the queue is empty" shmq get "$q" --timeout 50ms
  refused 3 "the queue is empty" shmq peek "$q"
  shmq put "$q" a b
  run --separate-stderr shmq get "$q" -n 5 --timeout 50ms
  [ "$status" -eq 3 ]
  [ "$output" = $'a\nb' ]
  [[ ${stderr_lines[*]} == *"(2 items done)" ]]
}

@test "a timeout lasts as long as it says" {
  shmq create "$q" --maxsize 1
  local begin=${EPOCHREALTIME/./}
  refused 3 "empty" shmq get "$q" --timeout 0.3s
  local waited=$((${EPOCHREALTIME/./} - begin))
  ((waited >= 300000))
  shmq put "$q" one
  begin=${EPOCHREALTIME/./}
  refused 3 "full" shmq put "$q" two --timeout 300ms
  waited=$((${EPOCHREALTIME/./} - begin))
  ((waited >= 300000))
}

@test "get --all prints what waits and ends" {
  shmq create "$q"
  works shmq get "$q" --all
  [ -z "$output" ]
  seq 1000 | shmq put "$q"
  works shmq get "$q" --all
  [ "$output" = "$(seq 1000)" ]
}

@test "get --all -n ends at the number, or when nothing is left" {
  shmq create "$q"
  shmq put "$q" a b c
  works shmq get "$q" --all -n 2
  [ "$output" = $'a\nb' ]
  works shmq get "$q" --all -n 2
  [ "$output" = c ]
}

@test "get --all --timeout goes on while items come" {
  shmq create "$q"
  start shmq get "$q" --all --timeout 20s > "$dir"/out
  eventually stat_is '.processes | length' 1
  shmq put "$q" late
  eventually stat_is .done 1
  shmq shutdown "$q"
  wait "$pid"
  [ "$(cat "$dir"/out)" = late ]
}

@test "peek leaves the item in place" {
  shmq create "$q"
  shmq put "$q" one two
  works shmq peek "$q"
  [ "$output" = one ]
  works shmq peek "$q"
  [ "$output" = one ]
  stat_is .qsize 2
  shmq peek -0 "$q" | cmp - <(printf 'one\0')
  refused 1 "standard output" bash -c "shmq peek $q > /dev/full"
}

@test "drain prints everything" {
  shmq create "$q"
  seq 100 | shmq put "$q"
  works shmq drain "$q"
  [ "$output" = "$(seq 100)" ]
  works shmq drain "$q"
  [ -z "$output" ]
  printf 'a\nb\0c\0' | tee "$dir"/in | shmq put "$q" -0
  shmq drain -0 "$q" | cmp - "$dir"/in
}

@test "drain --discard throws away" {
  shmq create "$q"
  seq 1000 | shmq put "$q"
  works shmq drain "$q" --discard
  [ "$output" = "1000 items discarded" ]
  [ "$(stat_of '[.qsize, .unfinished, .done]')" = '[0,0,1000]' ]
}

@test "what is in hand is not drained, and a queue with everything in hand says so" {
  shmq create "$q" --max-leases 1 --capacity 4M
  start_stuck_get
  refused 3 "in hand" shmq get "$q" --timeout 0
  refused 3 "in hand" shmq drain "$q"
}

@test "a queue that is shut down: status 4" {
  shmq create "$q"
  shmq put "$q" a b
  works shmq shutdown "$q"
  [ -z "$output" ]
  stat_is .shut_down true
  refused 4 "shut down" shmq put "$q" c
  refused 4 "shut down" bash -c "echo c | shmq put $q"
  works shmq get "$q"
  [ "$output" = a ]
  works shmq get "$q" --all
  [ "$output" = b ]
  refused 4 "shut down" shmq get "$q"
  refused 4 "shut down" shmq peek "$q"
  works shmq get "$q" --all
  works shmq drain "$q"
}

@test "shutdown --now discards what waits" {
  shmq create "$q"
  shmq put "$q" a b
  works shmq shutdown "$q" --now
  [ "$(stat_of '[.qsize, .discarded]')" = '[0,2]' ]
  refused 4 "shut down" shmq get "$q"
}

@test "shutdown wakes those who wait" {
  shmq create "$q" --maxsize 1
  start shmq get "$q"
  local getter=$pid
  eventually stat_is '.processes | length' 1
  shmq shutdown "$q"
  local status=0
  wait "$getter" || status=$?
  [ "$status" -eq 4 ]
}

@test "standard output that fails gives the item back" {
  shmq create "$q"
  shmq put "$q" precious second
  refused 1 "given back" bash -c "shmq get $q --all > /dev/full"
  exec {closed}> >(exit 0)
  wait $!
  refused 1 "Broken pipe" bash -c "shmq get $q --all >&$closed"
  exec {closed}>&-
  works shmq get "$q" --all
  [ "$output" = $'precious\nsecond' ]
  [ "$(stat_of '[.put, .done, .redelivered]')" = '[2,2,2]' ]
}
