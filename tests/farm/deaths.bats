# SPDX-License-Identifier: Apache-2.0
load farm

# A command with children and a grandchild, one of them in a session of its own, which all wait. Where
# the supervisor dies together with workers, only those in the command's process group are found.
family='sleep 1000 & setsid sleep 1000 & (sleep 1000; :) & wait'
group='sleep 1000 & sleep 1000 & (sleep 1000; :) & wait'

start_families() {
  shmq create "$q"
  seq 10 | shmq put "$q"
  start_farm "$q" -j 2 -- sh -c "$family"
  eventually families 2
}

# Are so many families complete?
families() {
  [ "$(left_over | xargs -rI{} cat {}/../comm 2> /dev/null | grep -c '^sleep$')" -eq $((3 * $1)) ]
}

left_over() {
  local file
  for file in $(grep -slazF "FARM_TEST=$q" /proc/[0-9]*/environ 2> /dev/null); do
    echo "${file%/environ}/task"
  done
}

commands_of() {
  local worker
  for worker in $(workers_of "$1"); do
    children "$worker" sh
  done
}

@test "a command that is killed has failed once, and nothing of it is left" {
  start_families 2> "$dir"/err
  local command
  command=$(commands_of "$pid" | head -n 1)
  kill -KILL "$command"
  eventually stat_is .done 1
  [ "$(shmq get "$q.dead" --timeout 20s | jq -c '[.reason, .exit, .signal]')" = \
    '["killed by signal 9 (Killed)",null,9]' ]
  eventually families 2
  kill -TERM "$pid"
  eventually grep -q 'finishing what is in hand' "$dir"/err
  sleep 0.3 # sooner, it would be the same signal once more
  kill -TERM "$pid"
  wait_for "$pid"
  nobody_left
}

@test "a worker that is killed: its command ends, it is replaced, its item is run again" {
  start_families 2> "$dir"/err
  local worker before
  worker=$(workers_of "$pid" | head -n 1)
  before=$(left_over | wc -l)
  kill -KILL "$worker"
  eventually stat_is .redelivered 1
  eventually families 2
  eventually has_workers "$pid" 2
  [ "$(stat_of '[.qsize, .leased, .done]')" = '[8,2,0]' ]
  grep -q 'worker [12] died: killed by signal 9 (Killed)' "$dir"/err
  kill_hard "$pid"
  eventually nobody_left
}

# The workers end a moment after the commands.
all_wait_again() {
  shmq recover "$q" > /dev/null
  stat_is '[.qsize, .leased, .done]' '[10,0,0]'
}

# Again and again: none of its workers may take the end of its command for a failure.
@test "a supervisor that is killed leaves nobody, and the next farm finishes its work" {
  start_families
  for round in {1..10}; do
    kill_hard "$pid"
    eventually nobody_left
    eventually all_wait_again
    start_farm "$q" -j 2 -- sh -c "$family"
    eventually families 2
  done
  kill_hard "$pid"
  eventually all_wait_again
  farm_works "$q" -j 2 --until-empty -- true
  queue_is_finished 10
}

@test "a supervisor and its workers, killed at once, leave nobody" {
  family=$group
  start_families
  kill -KILL $(workers_of "$pid") "$pid"
  wait "$pid" || true
  eventually nobody_left
}

@test "whoever ends the farm's process group leaves nobody" {
  shmq create "$q"
  seq 10 | shmq put "$q"
  FARM_TEST=$q start setsid shmq farm "$q" -j 2 -- sh -c "$family"
  eventually families 2
  kill -KILL -- "-$pid"
  wait "$pid" || true
  eventually nobody_left
}

@test "a guard that is killed is replaced" {
  family=$group
  start_families
  local guard
  guard=$(children "$pid" shmq-guard)
  kill -KILL "$guard"
  new_guard() {
    local now
    now=$(children "$pid" shmq-guard)
    [ -n "$now" ] && [ "$now" != "$guard" ]
  }
  eventually new_guard
  kill -KILL $(workers_of "$pid") "$pid"
  wait "$pid" || true
  eventually nobody_left
}

@test "a poison item ends in NAME.dead; the others are finished meanwhile" {
  shmq create "$q"
  { seq 20; echo poison; seq 21 40; } | shmq put "$q"
  farm "$q" -j 3 --until-empty -- sh -c '[ $1 = poison ] && kill -KILL $PPID; echo $1' sh {}
  [ "$status" -eq 1 ]
  [[ ${stderr_lines[-1]} == *"1 item failed; see $q.dead" ]]
  # Items that a worker had printed and not finished could be there twice; poison kills none of them.
  grep -v poison <<< "$output" | sort -n | cmp - <(seq 40)
  # Another worker may take it once more before the third death is counted.
  [ "$(shmq get "$q.dead" | jq -c '[.item, .attempts >= 3, .reason ==
    "ended \(.attempts) workers while it ran, the last: killed by signal 9 (Killed)"]')" = \
    '["poison",true,true]' ]
  queue_is_finished 41
}

@test "poison in a batch is found, and harms no other item" {
  shmq create "$q"
  { seq 5; echo poison; seq 6 10; } | shmq put "$q"
  farm "$q" -j 2 -n 4 --until-empty --retries 3 --backoff 1ms -- \
    sh -c 'for i; do [ $i = poison ] && kill -KILL $PPID; done; :' sh {}
  [ "$(shmq get "$q.dead" --all | jq -c '[.item, .attempts >= 4]')" = '["poison",true]' ]
  queue_is_finished 11
}

@test "a worker that dies at every start is slowed down, and said so" {
  shmq create "$q"
  shmq put "$q" one
  start_farm "$q" -j 1 --retries 100 -- sh -c 'kill -KILL $PPID; sleep 10' 2> "$dir"/err
  eventually has_lines 5 "$dir"/err
  kill_hard "$pid"
  sed 's/.*worker 1 died: killed by signal 9 (Killed)//' "$dir"/err | head -n 4 > "$dir"/said
  cmp "$dir"/said <(
    echo
    for i in "2 0.1" "3 0.2" "4 0.4"; do
      echo ", ${i% *} in a row at their start; the next in ${i#* } s"
    done)
}

@test "the first SIGINT or SIGTERM finishes what is in hand" {
  shmq create "$q"
  for signal in INT TERM; do
    seq 10 | shmq put "$q"
    rm -f "$dir"/go
    start_farm "$q" -j 3 -- sh -c 'until [ -e '"$dir"'/go ]; do sleep 0.01; done; echo {}' \
      > "$dir"/out 2> "$dir"/err
    eventually stat_is .leased 3
    kill -$signal "$pid"
    eventually grep -q 'finishing what is in hand (3)' "$dir"/err
    touch "$dir"/go
    wait_for "$pid"
    [ "$ended" -eq $((128 + $(kill -l $signal))) ]
    sort "$dir"/out | cmp - <(seq 3)
    [ "$(stat_of '[.qsize, .leased, .redelivered]')" = '[7,0,0]' ]
    shmq drain "$q" --discard > "$dir"/drained
  done
}

@test "the second gives everything back" {
  start_families 2> "$dir"/err
  kill -INT "$pid"
  eventually grep -q 'finishing what is in hand' "$dir"/err
  sleep 0.2
  kill -INT "$pid"
  wait_for "$pid"
  [ "$ended" -eq 130 ]
  nobody_left
  [ "$(stat_of '[.qsize, .leased, .processes]')" = '[10,0,[]]' ]
  [ "$(tail -n 1 "$dir"/err)" = "shmq farm: $q: ended by SIGINT; 10 items wait" ]
}

@test "an idle farm ends at once when it is asked to" {
  shmq create "$q"
  start_farm "$q" -j 4 -- true 2> "$dir"/err
  eventually has_workers "$pid" 4
  kill -TERM "$pid"
  wait_for "$pid"
  [ "$ended" -eq 143 ]
  [ "$(cat "$dir"/err)" = "shmq farm: $q: ended by SIGTERM; 0 items wait" ]
}

@test "Ctrl-C at any moment leaves a queue that the next farm finishes" {
  shmq create "$q"
  RANDOM=${SHMQ_SEED:-$$}
  echo "SHMQ_SEED=${SHMQ_SEED:-$$}"
  seq 60 | shmq put "$q"
  for round in {1..12}; do
    start_farm "$q" -j 3 --keep-order -- sh -c 'sleep 0.01; echo {}' >> "$dir"/out 2> "$dir"/err
    sleep 0.0$((RANDOM % 90 + 10))
    # A signal that comes before the farm can receive it is lost: the shell has it ignored.
    while is_child "$pid"; do
      kill -INT "$pid" 2> /dev/null || true
      sleep 0.$((RANDOM % 2))2
    done
    wait_for "$pid"
    [ "$ended" -eq 130 ]
    nobody_left
  done
  farm_works "$q" -j 3 --until-empty -- echo {}
  cat "$dir"/out - <<< "$output" | sort -nu | sed '/^$/d' | cmp - <(seq 60)
  queue_is_finished 60
}

# Does the process $1 stand still?
is_stopped() {
  [[ $(< /proc/"$1"/stat) == *") T "* ]]
}

@test "a stopped farm begins nothing until it goes on" {
  shmq create "$q"
  start_farm "$q" -j 2 --until-empty -- true
  shmq put "$q" 1
  wait_for "$pid"
  start_farm "$q" -j 2 -- true
  eventually has_workers "$pid" 2
  kill -TSTP "$pid"
  eventually is_stopped "$pid"
  seq 10 | shmq put "$q"
  sleep 0.3
  [ "$(stat_of .done)" -le 1 ]
  kill -CONT "$pid"
  eventually stat_is .done 11
  kill -TERM "$pid"
}

@test "a stopped farm lets the turns go by that --rate gives" {
  shmq create "$q"
  seq 30 | shmq put "$q"
  start_farm "$q" -j 6 --rate 2/s -- true
  eventually stat_is '.done >= 2' true
  kill -TSTP "$pid"
  eventually is_stopped "$pid"
  local done
  done=$(stat_of .done)
  sleep 3
  [ "$(stat_of .done)" -le $((done + 2)) ] # what had begun, and not one for each worker
  kill -CONT "$pid"
  eventually stat_is ".done > $done + 2" true
  kill -TERM "$pid"
  wait_for "$pid"
}

@test "SIGTERM: an item that could not be delivered again is finished" {
  shmq create "$q" --max-attempts 1
  seq 3 | shmq put "$q"
  start_farm "$q" -j 2 --rate 1/m -- true
  eventually stat_is '[.done, .leased]' '[1,2]'
  kill -TERM "$pid"
  wait_for "$pid"
  [ "$ended" -eq 143 ]
  [ "$(stat_of '[.done, .qsize, .dead_lettered]')" = '[3,0,0]' ]
}

@test "SIGHUP ends all, however soon after SIGTERM" {
  start_families 2> "$dir"/err
  kill -TERM "$pid"
  eventually grep -q 'finishing what is in hand' "$dir"/err
  kill -HUP "$pid"
  wait_for "$pid"
  [ "$ended" -eq 129 ]
  eventually nobody_left
}

@test "an output that nobody reads any more" {
  shmq create "$q"
  seq 1000 | shmq put "$q"
  { shmq farm "$q" -j 2 --until-empty -- echo {} 2> "$dir"/err && echo 0 || echo $? > "$dir"/status; } |
    head -n 3 > "$dir"/out
  [ "$(< "$dir"/status)" -eq 1 ]
  [ "$(cat "$dir"/err)" = "shmq farm: standard output: Broken pipe" ]
  [ "$(stat_of '[.leased, .qsize > 100]')" = '[0,true]' ]
  [ "$(stat_of '.qsize + .done')" -eq 1000 ]
}

@test "children from before the farm are not its own" {
  shmq create "$q"
  seq 3 | shmq put "$q"
  # The shell becomes the farm; what reads its output is then the farm's child.
  bash -c 'exec shmq farm "$1" -j 1 --until-empty -- sh -c "[ {} -ne 2 ] || kill -KILL \$PPID; echo {}" \
    > >(sleep 0.2; cat > "$2"/out; touch "$2"/end)' bash "$q" "$dir" 2> "$dir"/err || true
  eventually test -e "$dir"/end
  [ "$(sort -u "$dir"/out | xargs)" = "1 3" ]
}
