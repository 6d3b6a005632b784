# SPDX-License-Identifier: Apache-2.0
load helper

stable='["name","qsize","maxsize","empty","full","unfinished","leased","put","got","done",
  "redelivered","abandoned","dead_lettered","shut_down","processes"]'

@test "stat --json is an array with the stable keys" {
  shmq create "$q" --maxsize 3
  shmq put "$q" a b c
  shmq get "$q"
  shmq stat --json "$q" > "$dir"/out
  jq -e "length == 1 and (.[0] | . as \$o | $stable | all(. as \$key | \$o | has(\$key)))" \
    "$dir"/out
  jq -e --arg name "$q" '.[0] | .name == $name and .qsize == 2 and .maxsize == 3
    and .empty == false and .full == false and .unfinished == 2 and .leased == 0 and .put == 3
    and .got == 1 and .done == 1 and .redelivered == 0 and .abandoned == 0
    and .dead_lettered == 0 and .shut_down == false and .processes == []' "$dir"/out
}

@test "stat --json tells empty and full" {
  shmq create "$q" --maxsize 1
  [ "$(stat_of '[.empty, .full]')" = '[true,false]' ]
  shmq put "$q" a
  [ "$(stat_of '[.empty, .full]')" = '[false,true]' ]
}

@test "stat --json names the processes and what they hold" {
  shmq create "$q" --capacity 4M
  start_stuck_get
  shmq stat --json "$q" | jq -e --argjson pid "$pid" '.[0].processes | length == 1 and (.[0]
    | .pid == $pid and .name == "shmq" and .alive == true and .threads == 1
    and (keys | contains(["alive", "leased", "name", "pid", "unfinished"])))'
}

@test "stat of several queues keeps their order" {
  shmq create "$q-b"
  shmq create "$q-a"
  shmq stat --json "$q-b" "$q-a" | jq -e --arg q "$q" 'map(.name) == [$q + "-b", $q + "-a"]'
  works shmq stat "$q-b" "$q-a"
  [[ $output == "$q-b: open, empty"* ]]
  [[ $output == *"$q-a: open, empty"* ]]
}

@test "stat of an absent queue shows the others and fails" {
  shmq create "$q"
  run --separate-stderr shmq stat --json "$q-none" "$q"
  [ "$status" -eq 1 ]
  [ "${#stderr_lines[@]}" -eq 1 ]
  [[ $stderr == *"$q-none: there is no such queue"* ]]
  jq -e 'length == 1' <<< "$output"
}

@test "stat for people" {
  shmq create "$q" --maxsize 1
  shmq put "$q" a
  shmq shutdown "$q"
  works shmq stat "$q"
  [ "${lines[0]}" = "$q: shut down, full" ]
  for word in qsize leased unfinished used put got done redelivered abandoned dead_lettered \
    discarded waiting processes threads; do
    [[ $output == *$'\n'"  $word "* ]]
  done
}

# (It wakes now and then, and looks around.)
shows_waiting() {
  shmq stat "$q" | tail -n 1 | grep -Eq "^ +$pid +$pid +alive +waits for item +[0-9.]+m?s +- +0 +0$"
}

@test "stat for people shows who is attached" {
  shmq create "$q"
  start shmq get "$q"
  eventually stat_is '.processes | length' 1
  works shmq stat "$q"
  grep -Eq "^ +$pid +shmq +alive +[01] +0 +0 +-$" <<< "$output"
  eventually shows_waiting
}

@test "shmq-stat is shmq stat" {
  shmq create "$q"
  [ "$(shmq-stat "$q")" = "$(shmq stat "$q")" ]
  shmq-stat --json "$q" | jq -e 'length == 1'
}

@test "stat --watch --json: an array a line, rates from the second on" {
  shmq create "$q"
  start shmq stat "$q" --watch 20ms --json > "$dir"/out
  eventually test -s "$dir"/out
  seq 1000 | shmq put "$q"
  eventually grep -q '"put":1000' "$dir"/out
  kill_hard "$pid"
  head -n 1 "$dir"/out | jq -e '.[0] | has("put_rate") | not'
  tail -n +2 "$dir"/out | jq -se 'length > 0 and all(.[][0]; .put_rate >= 0 and .got_rate == 0)'
  jq -se '[.[][0].put_rate // 0] | max > 0' "$dir"/out
}

@test "stat --watch ends when the queue is removed" {
  shmq create "$q"
  start shmq stat "$q" --watch 10ms > "$dir"/out 2> "$dir"/err
  eventually test -s "$dir"/out
  shmq rm "$q"
  local status=0
  wait "$pid" || status=$?
  [ "$status" -eq 1 ]
  [ "$(wc -l < "$dir"/err)" -eq 1 ]
}

@test "stat --watch shows a queue that was removed and made anew" {
  shmq create "$q"
  shmq create "$q-2" --maxsize 3
  start shmq stat "$q" "$q-2" -o name,maxsize --watch 20ms > "$dir"/out
  eventually grep -Eq "^$q-2 +3$" "$dir"/out
  kill -STOP "$pid" # no look sees that it is gone
  shmq rm "$q-2"
  shmq create "$q-2" --maxsize 7
  kill -CONT "$pid"
  eventually grep -Eq "^$q-2 +7$" "$dir"/out
  kill_hard "$pid"
}

@test "stat --watch keeps its intervals" {
  shmq create "$q"
  local begin=${EPOCHREALTIME/./}
  start shmq stat "$q" --watch 100ms --json > "$dir"/out
  eventually lines_in "$dir"/out 6
  local took=$((${EPOCHREALTIME/./} - begin))
  kill_hard "$pid"
  ((took >= 500000))
}

lines_in() {
  [ "$(wc -l < "$1")" -ge "$2" ]
}

@test "watching writes nothing to the segment" {
  shmq create "$q"
  shmq put "$q" one
  local before
  before=$(cksum < /dev/shm/shmq."$q")
  works shmq stat "$q"
  works shmq ls
  [ "$(cksum < /dev/shm/shmq."$q")" = "$before" ]
}

@test "who may only read may watch, and nothing else" {
  [ "$(id -u)" -eq 0 ] || skip "needs root, to become somebody else"
  shmq create "$q" --mode 0644
  shmq put "$q" one
  chmod a+rx "$BATS_RUN_TMPDIR" || true
  as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
  as_nobody shmq stat --json "$q" | jq -e '.[0].qsize == 1'
  as_nobody shmq ls | grep -q "^$q "
  run --separate-stderr as_nobody shmq put "$q" two
  [ "$status" -eq 1 ]
  [[ $stderr == *"no permission"* ]]
  run --separate-stderr as_nobody shmq rm "$q"
  [ "$status" -eq 1 ]
  stat_is .qsize 1
}

@test "ls shows the queues, each in a line" {
  shmq create "$q-a" --maxsize 7
  shmq create "$q-b"
  shmq put "$q-b" x y
  works shmq ls
  [[ ${lines[0]} =~ ^NAME\ +QSIZE\ +MAXSIZE\ +UNFINISHED\ +IN\ HAND\ +PROCESSES$ ]]
  grep -Eq "^$q-a +0 +7 +0 +0 +0$" <<< "$output"
  grep -Eq "^$q-b +2 +- +2 +0 +0$" <<< "$output"
}

@test "ls --json has the keys of stat --json" {
  shmq create "$q"
  shmq put "$q" x
  shmq ls --json > "$dir"/out
  shmq stat --json "$q" > "$dir"/stat
  jq -e --arg q "$q" --slurpfile stat "$dir"/stat \
    'map(select(.name == $q) | del(.oldest_waiting)) == ($stat[0] | map(del(.oldest_waiting)))' \
    "$dir"/out
}

@test "ls says why a queue cannot be read, and shows the others" {
  echo garbage > /dev/shm/shmq."$q-bad"
  shmq create "$q-good"
  works shmq ls
  grep -Eq "^$q-bad +cannot be read: ." <<< "$output"
  grep -Eq "^$q-good +0 " <<< "$output"
  shmq ls --json | jq -e --arg q "$q" \
    '(.[] | select(.name == $q + "-bad") | keys) == ["error", "name"]
    and any(.[]; .name == $q + "-good")'
}

@test "ls leaves out what no queue can be called" {
  : > "/dev/shm/shmq.$q name with blanks"
  works shmq ls
  ! grep -q blanks <<< "$output"
}
