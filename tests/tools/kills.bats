# SPDX-License-Identifier: Apache-2.0
load helper

@test "a get that is killed while it prints gives its item back" {
  shmq create "$q" --capacity 4M
  start_stuck_get
  kill_hard "$pid"
  [ "$(stat_of '.processes[0].alive')" = false ]
  works shmq recover "$q"
  [ "$output" = "1 dead process cleaned up after" ]
  [ "$(stat_of '[.leased, .returned, .processes]')" = '[0,1,[]]' ]
  local printed
  printed=$(stat_of .done)
  read_pipe > "$dir"/before
  shmq get "$q" --all > "$dir"/after
  cat "$dir"/after >> "$dir"/before
  sort -nu "$dir"/before | cmp - <(seq 100000)
  [ "$(head -n 1 "$dir"/after)" = $((printed + 1)) ]
}

@test "the next get gets what a dead one had, before all others" {
  shmq create "$q" --capacity 4M
  start_stuck_get
  local held=$(($(stat_of .done) + 1))
  kill_hard "$pid"
  works shmq get "$q" --timeout 20s
  [ "$output" = "$held" ]
}

@test "a get that is stopped keeps its item" {
  shmq create "$q" --capacity 4M
  start_stuck_get
  kill -STOP "$pid"
  works shmq recover "$q"
  [ "$output" = "0 dead processes cleaned up after" ]
  [ "$(stat_of '[.leased, .processes[0].alive, .processes[0].leased]')" = '[1,true,1]' ]
  refused 1 "$pid" shmq rm "$q"
  kill_hard "$pid"
}

@test "gets killed at random lose nothing" {
  shmq create "$q"
  local numbers
  exec {numbers}> >(exec shmq put "$q" 3>&-)
  local putter=$!
  started+=("$putter")
  start seq 1000000000 >&"$numbers"
  exec {numbers}>&-
  local writer=$pid
  for round in {1..40}; do
    start shmq get "$q" --all --timeout 20s > "$dir/out.$round"
    eventually test -s "$dir/out.$round"
    kill_hard "$pid"
  done
  kill_hard "$writer"
  start shmq get "$q" --all --timeout 30s > "$dir"/out.last
  wait "$putter"
  shmq shutdown "$q"
  wait "$pid"
  sort -nu "$dir"/out.* > "$dir"/all
  # The writer may have been killed within a line: its last number may be cut.
  local count put
  count=$(wc -l < "$dir"/all)
  put=$(stat_of .put)
  ((count == put || count == put - 1))
  cmp "$dir"/all <(seq "$count")
  [ "$(stat_of '[.qsize, .unfinished, .abandoned]')" = '[0,0,0]' ]
}

@test "puts killed at random leave whole items, in their order" {
  shmq create "$q" --maxsize 500
  for round in {1..20}; do
    start shmq put "$q" < <(seq "$round" 1 100000)
    eventually stat_is .full true
    kill_hard "$pid"
    shmq get "$q" --all > "$dir"/out
    cmp "$dir"/out <(seq "$round" $((round - 1 + $(wc -l < "$dir"/out))))
  done
  works shmq recover "$q"
}

@test "a watcher may be killed" {
  shmq create "$q"
  shmq put "$q" one
  start shmq stat "$q" --watch 1ms --json > "$dir"/out
  eventually test -s "$dir"/out
  kill_hard "$pid"
  [ "$(stat_of '[.qsize, .processes]')" = '[1,[]]' ]
}
