# SPDX-License-Identifier: Apache-2.0
load farm

@test "the item stands where {} does, and no shell comes between" {
  shmq create "$q"
  shmq put "$q" 'a b; echo c $HOME "'
  farm_works "$q" --until-empty -- printf '<%s>' {} x{}y{} z
  [ "$output" = '<a b; echo c $HOME ">''<xa b; echo c $HOME "ya b; echo c $HOME ">''<z>' ]
}

@test "without {} the item comes on standard input, byte for byte" {
  shmq create "$q" --item-max 1M --capacity 4M
  head -c 300000 /dev/urandom > "$dir"/item
  shmq put "$q" --file "$dir"/item /dev/null
  shmq farm "$q" -j 1 --until-empty -- sh -c 'cat; echo end' > "$dir"/out
  cat "$dir"/item <(echo end) <(echo end) | cmp - "$dir"/out
}

@test "-n hands several items to one run" {
  shmq create "$q"
  seq 7 | shmq put "$q"
  farm_works "$q" -j 1 -n 3 --until-empty -- echo {} - x{}
  [ "$output" = $'1 2 3 - x1 x2 x3\n4 5 6 - x4 x5 x6\n7 - x7' ]
  seq 4 | shmq put "$q"
  farm_works "$q" -j 1 -n 3 --until-empty -- paste -sd,
  [ "$output" = $'1,2,3\n4' ]
  shmq put "$q" $'a\nb' c
  shmq farm "$q" -j 1 -n 3 -0 --until-empty -- cat | cmp - <(printf 'a\nb\0c\0')
}

@test "the farm ends when the queue is shut down and drained" {
  shmq create "$q"
  start_farm "$q" -j 3 -- echo {} > "$dir"/out
  seq 50 | shmq put "$q"
  shmq shutdown "$q"
  wait_for "$pid"
  [ "$ended" -eq 0 ]
  sort -n "$dir"/out | cmp - <(seq 50)
  nobody_left
}

@test "with --until-empty it waits for items that others have in hand" {
  shmq create "$q"
  shmq put "$q" one
  mkfifo "$dir"/go
  start_farm "$q" -j 1 --until-empty -- cat "$dir"/go
  local first=$pid
  eventually stat_is .leased 1
  start_farm "$q" -j 2 --until-empty -- true
  local second=$pid
  eventually has_workers "$second" 2
  echo > "$dir"/go
  wait_for "$first"
  [ "$ended" -eq 0 ]
  wait_for "$second"
  [ "$ended" -eq 0 ]
}

@test "several farms serve one queue" {
  shmq create "$q"
  seq 300 | shmq put "$q"
  local farms=()
  for i in 1 2 3; do
    start_farm "$q" -j 2 --until-empty -- echo {} > "$dir"/out.$i
    farms+=("$pid")
  done
  for i in "${farms[@]}"; do
    wait_for "$i"
    [ "$ended" -eq 0 ]
  done
  sort -n "$dir"/out.* | cmp - <(seq 300)
}

@test "the output of a run stays in one piece" {
  shmq create "$q"
  seq 1 30 | shmq put "$q"
  shmq farm "$q" -j 6 --until-empty -- \
    sh -c 'i=0; while [ $i -lt 400 ]; do echo "$1"; i=$((i + 1)); done' sh {} > "$dir"/out
  [ "$(uniq "$dir"/out | wc -l)" -eq 30 ]
  [ "$(wc -l < "$dir"/out)" -eq 12000 ]
}

@test "standard error stays apart" {
  shmq create "$q"
  shmq put "$q" one
  farm "$q" --until-empty -- sh -c 'echo out; echo err >&2'
  [ "$status" -eq 0 ]
  [ "$output" = out ]
  [ "$stderr" = err ]
}

@test "large outputs" {
  shmq create "$q"
  shmq put "$q" 1 2 3
  shmq farm "$q" -j 3 --until-empty -- sh -c 'yes $1 | head -c 20000000' sh {} | uniq > "$dir"/out
  sort "$dir"/out | cmp - <(seq 3)
}

@test "--tag puts the item before each line" {
  shmq create "$q"
  shmq put "$q" 'a b' $'c\nd'
  farm_works "$q" -j 1 --until-empty --tag -- sh -c 'echo one; printf two'
  [ "$output" = $'a b\tone\na b\ttwo\nc?d\tone\nc?d\ttwo' ]
  shmq put "$q" 1 2
  farm_works "$q" -j 1 --until-empty --tag -n 2 -- echo {}
  [ "$output" = $'1 2\t1 2' ]
}

# The first items take longest; the file that lets them go comes from the last.
@test "--keep-order prints in the order of the items" {
  shmq create "$q"
  seq 40 | shmq put "$q"
  shmq farm "$q" -j 4 --until-empty --keep-order -- sh -c '
    if [ $1 -le 2 ]; then until [ -e '"$dir"'/go ]; do sleep 0.01; done; fi
    if [ $1 -eq 40 ]; then touch '"$dir"'/go; fi
    echo $1; echo $1' sh {} > "$dir"/out
  cmp "$dir"/out <(for i in {1..40}; do echo $i; echo $i; done)
  seq 3000 | shmq put "$q"
  shmq farm "$q" -j 4 --until-empty --keep-order --tag --coprocess -- cat > "$dir"/out
  cmp "$dir"/out <(for i in {1..3000}; do echo $i$'\t'$i; done)
}

@test "--keep-order keeps it when items fail, and when their workers die" {
  shmq create "$q"
  seq 30 | shmq put "$q"
  shmq farm "$q" -j 3 --until-empty --keep-order --retries 3 --backoff 1ms -- sh -c '
    [ $(($1 % 5)) -ne 0 ] || [ -e '"$dir"'/$1 ] || { touch '"$dir"'/$1; exit 1; }
    [ $(($1 % 7)) -ne 0 ] || [ -e '"$dir"'/$1 ] || { touch '"$dir"'/$1; kill -9 $PPID; }
    echo $1' sh {} > "$dir"/out
  cat "$dir"/out
  # What a worker had printed and not yet finished when it died is printed again.
  awk '!seen[$0]++' "$dir"/out | cmp - <(seq 30)
  queue_is_finished 30
}

@test "--results reports each item" {
  shmq create "$q"
  shmq create "$q-r"
  seq 0 20 | shmq put "$q"
  farm "$q" -j 3 --until-empty --results "$q-r" -- sh -c 'echo out $1; exit $(($1 / 20))' sh {}
  [ "$status" -eq 1 ]
  [ -z "$output" ]
  shmq get "$q-r" --all > "$dir"/results
  [ "$(jq -s 'sort_by(.id) | map(.id) == [range(21)]' "$dir"/results)" = true ]
  [ "$(jq -s 'map(.item == (.id | tostring)) | all' "$dir"/results)" = true ]
  [ "$(jq -s 'map(.output == "out \(.item)\n" and .signal == null and .attempt == 1) | all' \
    "$dir"/results)" = true ]
  [ "$(jq -s 'map(select(.exit != 0) | [.id, .exit])' -c "$dir"/results)" = '[[20,1]]' ]
  [ "$(jq -s 'map(.seconds > 0 and .seconds < 60 and .worker > 1) | all' "$dir"/results)" = true ]
}

@test "--results: bytes that are no text, outputs that do not fit, several items" {
  shmq create "$q"
  shmq create "$q-r" --item-max 1K
  shmq put "$q" $'\xff\xfe'
  shmq farm "$q" --until-empty --results "$q-r" -- cat
  [ "$(shmq get "$q-r" | jq -c '[.item_base64, .output_base64]')" = '["//4=","//4="]' ]
  shmq put "$q" x
  shmq farm "$q" --until-empty --results "$q-r" -- sh -c 'yes ä | head -c 10001'
  shmq get "$q-r" > "$dir"/result
  [ "$(jq '.truncated and (.output | startswith("ä\nä\n"))' "$dir"/result)" = true ]
  [ "$(jq '.output | length > 200' "$dir"/result)" = true ]
  shmq put "$q" a b c
  shmq farm "$q" -j 1 -n 5 --until-empty --results "$q-r" -- echo {}
  [ "$(shmq get "$q-r" | jq -c '[.ids, (.items | map(.item)), .output]')" = \
    '[[2,3,4],["a","b","c"],"a b c\n"]' ]
}

@test "--results waits for room" {
  shmq create "$q"
  shmq create "$q-r" --maxsize 2
  seq 20 | shmq put "$q"
  start_farm "$q" -j 2 --until-empty --results "$q-r" -- true
  eventually is_full "$q-r"
  for i in {1..20}; do shmq get "$q-r" --timeout 20s; done > "$dir"/out
  wait_for "$pid"
  [ "$ended" -eq 0 ]
  jq .item -r "$dir"/out | sort -n | cmp - <(seq 20)
}

@test "--joblog has a line for each run" {
  shmq create "$q"
  shmq put "$q" 'a b' c
  farm "$q" -j 1 --until-empty --joblog "$dir"/log -- sh -c '[ "$1" = c ] && kill -9 $$; echo 1234' sh {}
  [ "$(head -n 1 "$dir"/log)" = \
    $'Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand' ]
  [ "$(tail -n +2 "$dir"/log | cut -f 1,2,5-8 | tr '\t' ' ')" = $'1 : 0 5 0 0\n2 : 0 0 0 9' ]
  [ "$(sed -n 2p "$dir"/log | cut -f 9)" = \
    "sh -c '[ \"\$1\" = c ] && kill -9 \$\$; echo 1234' sh 'a b'" ]
  awk -F '\t' -v now="$(date +%s)" \
    'NR > 1 && ($3 < now - 100 || $3 > now + 1 || $4 > 60) { exit 1 }' "$dir"/log
  shmq put "$q" d
  shmq farm "$q" --until-empty --joblog "$dir"/log -- true
  [ "$(grep -c Seq "$dir"/log)" -eq 1 ]
  [ "$(wc -l < "$dir"/log)" -eq 4 ]
}

@test "--dry-run shows what would run, and takes nothing" {
  shmq create "$q"
  farm_works "$q" --dry-run -- echo {}
  [ -z "$output" ]
  shmq put "$q" "it's" b
  farm_works "$q" --dry-run -- echo {} '$x'
  [ "$output" = $'echo \'it\'\\\'\'s\' \'$x\'\n# and so on, for 1 more' ]
  farm_works "$q" --dry-run -- wc -c
  [ "${lines[0]}" = "printf %s 'it'\\''s' | wc -c" ]
  [ "$(stat_of '[.qsize, .got]')" = '[2,0]' ]
  shmq put "$q-none" x 2> /dev/null || true
}

@test "--rate limits starts" {
  shmq create "$q"
  seq 11 | shmq put "$q"
  farm_works "$q" -j 4 --until-empty --rate 20/s --joblog "$dir"/log -- true
  local span
  span=$(tail -n +2 "$dir"/log | cut -f 3 | sort -n | sed -n '1p;$p' | paste -sd' ')
  echo "first and last: $span"
  awk -v span="$span" 'BEGIN { split(span, t, " "); exit !(t[2] - t[1] >= 0.45) }'
}

@test "--timeout ends the whole process group" {
  shmq create "$q"
  shmq put "$q" one
  # By then the shell has set its trap.
  FARM_TEST=$q farm "$q" --until-empty --timeout 3s -- sh -c 'trap "" TERM; sleep 1000 & wait; sleep 1000'
  [ "$status" -eq 1 ]
  nobody_left
  [ "$(shmq get "$q.dead" | jq -c '[.item, .reason, .signal, .attempts]')" = \
    '["one","timed out after 3 s, killed by signal 9 (Killed)",9,1]' ]
}

# Its worker stands still meanwhile.
@test "--timeout: a command that ended in time did so, however late that is seen" {
  shmq create "$q"
  shmq put "$q" one
  start_farm "$q" -j 1 --until-empty --timeout 3s -- sleep 0.5
  local worker command
  is_running() { worker=$(workers_of "$pid") && command=$(children "$worker" sleep) && [ "$command" ]; }
  eventually is_running
  kill -STOP "$worker"
  has_ended() { [[ $(< /proc/"$command"/stat) == *") Z "* ]]; }
  eventually has_ended
  sleep 3
  kill -CONT "$worker"
  wait_for "$pid"
  [ "$ended" -eq 0 ]
  [ "$(stat_of '[.done, .qsize]')" = '[1,0]' ]
}

@test "what a command leaves behind ends with it" {
  shmq create "$q"
  shmq put "$q" one
  FARM_TEST=$q farm_works "$q" --until-empty -- sh -c 'sleep 1000 & setsid sleep 1000 & echo done'
  [ "$output" = done ]
  nobody_left
}

@test "retries: twice as long each time, then NAME.dead with the reason" {
  shmq create "$q"
  shmq put "$q" bad good
  farm "$q" -j 2 --until-empty --retries 2 --backoff 100ms --joblog "$dir"/log -- \
    sh -c 'echo line of $1 >&2; [ $1 = good ] || exit 3' sh {}
  [ "$status" -eq 1 ]
  [[ ${stderr_lines[-1]} == "shmq farm: $q: 1 item failed; see $q.dead" ]]
  [ "$(shmq get "$q.dead" | jq -c '[.item, .queue, .id, .reason, .exit, .signal, .attempts, .stderr]')" = \
    "[\"bad\",\"$q\",0,\"exit status 3\",3,null,3,\"line of bad\\n\"]" ]
  # At least half of 100 ms, then half of 200 ms.
  awk -F '\t' '$1 == 1 { t[n++] = $3 } END { exit !(n == 3 && t[1] - t[0] > 0.05 &&
    t[2] - t[1] > 0.1) }' "$dir"/log
  queue_is_finished 2
}

@test "what waits to be tried again holds up nobody" {
  shmq create "$q"
  seq 100 | shmq put "$q"
  start_farm "$q" -j 1 --retries 1 --backoff 1h -- sh -c '[ $1 -gt 3 ] && echo $1' sh {} > "$dir"/out
  eventually has_lines 97 "$dir"/out
  eventually stat_is '[.qsize, .leased]' '[0,3]' # the last item is printed first, then finished
  kill -INT "$pid"
  wait_for "$pid"
  [ "$ended" -eq 130 ]
  [ "$(stat_of '[.qsize, .leased, .done]')" = '[3,0,97]' ]
}

@test "a queue's own --max-attempts is the last word" {
  shmq create "$q" --max-attempts 2
  shmq put "$q" bad
  farm "$q" --until-empty --retries 9 --backoff 1ms -- false
  [ "$(shmq get "$q.dead" | jq -c '[.item, .reason, .attempts]')" = '["bad","exit status 1",2]' ]
  queue_is_finished 1
}

@test "items that no command can take" {
  shmq create "$q" --item-max 1M --capacity 8M
  printf 'a\0b' | shmq put "$q" --file -
  head -c 500000 /dev/zero | tr '\0' x | shmq put "$q" --file -
  shmq put "$q" good
  farm "$q" -j 1 --until-empty --retries 5 -- echo {}
  [ "$status" -eq 1 ]
  [ "$output" = good ]
  [ "$(shmq get "$q.dead" | jq -c '[.item_base64, .reason, .exit]')" = \
    '["YQBi","holds a NUL byte, which no argument can",null]' ]
  [ "$(shmq get "$q.dead" | jq -c '[(.item | length), .reason]')" = \
    '[500000,"Argument list too long"]' ]
}

@test "a NAME.dead without room for reasons still gets the item" {
  shmq create "$q.dead" --item-max 20
  shmq create "$q"
  shmq put "$q" precious
  farm "$q" --until-empty -- false
  [ "$status" -eq 1 ]
  [ "$(shmq get "$q.dead")" = precious ]
}

@test "a lease that runs out is renewed while the command runs" {
  shmq create "$q" --lease-timeout 3s
  shmq put "$q" one
  start_farm "$q" -j 2 --until-empty -- sh -c 'echo; sleep 5'
  wait_for "$pid"
  [ "$(stat_of '[.got, .done]')" = '[1,1]' ]
}

@test "an item may be the command" {
  shmq create "$q"
  shmq put "$q" true no-such-program-$$ false
  farm "$q" -j 1 --until-empty -- {}
  [ "$status" -eq 1 ]
  shmq get "$q.dead" --all | jq -r .reason | cmp - <(printf 'No such file or directory\nexit status 1\n')
}
