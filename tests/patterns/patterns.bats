# SPDX-License-Identifier: Apache-2.0
# Runs every example of docs/patterns.md and checks what it prints.
load ../tools/helper

: "${SHMQ_EXAMPLES_DIR:?the folder of the built examples}"
: "${SHMQ_SCRIPTS_DIR:?the folder of the scripts}"

# Runs an example, which ends well; $output is what it printed.
example() {
  works "$SHMQ_EXAMPLES_DIR/$@"
}

# So many lines of $output match the pattern $1.
count_is() {
  local count
  count=$(grep -cE "$1" <<< "$output")
  echo "$count lines match $1"
  [ "$count" -eq "$2" ]
}

@test "01: a sentinel ends the consumer, which saw everything in order" {
  example 01-sentinel
  [ "$output" = "$(seq -f 'got %.0f' 0 9)"$'\nsum 45' ]
}

@test "02: three consumers see every item once" {
  example 02-three-consumers
  [ "${lines[3]}" = "1000 items, each seen once" ]
  [ "$(awk '/^consumer/ { sum += $4 } END { print sum }' <<< "$output")" -eq 1000 ]
}

@test "03: fetchers get pages from a server, a missing one, and one without a server" {
  [ -x "$SHMQ_EXAMPLES_DIR"/03-fetchers ] || skip "libcurl4-openssl-dev is not installed"
  local urls=() i port
  mkdir "$dir"/pages
  for i in {1..10}; do
    head -c $((i * 1000)) /dev/zero > "$dir/pages/page-$i"
  done
  start python3 -u -m http.server --bind 127.0.0.1 --directory "$dir"/pages 0 > "$dir"/log 2>&1
  eventually grep -q 'port [0-9]' "$dir"/log
  port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$dir"/log)
  for i in {1..10} none; do
    urls+=("http://127.0.0.1:$port/page-$i")
  done
  example 03-fetchers "${urls[@]}" http://127.0.0.1:1/
  for i in {1..10}; do
    count_is "^200 ${i}000 bytes http://127.0.0.1:$port/page-$i\$" 1
  done
  count_is "^404 [0-9]+ bytes .*/page-none\$" 1
  count_is "^http://127.0.0.1:1/: Couldn't connect" 1
  [ "${#lines[@]}" -eq 12 ]
}

@test "04: a pool of at most four workers does ten jobs and leaves" {
  example 04-worker-pool
  [ "$(sed -n 's/.* did job //p' <<< "$output" | sort -n)" = "$(seq 10)" ]
  count_is '^all jobs are done$' 1
  [ "$(grep -c ' leaves$' <<< "$output")" -le 4 ]
}

@test "05: ten workers print twenty numbers, no line in pieces" {
  example 05-print-lock
  count_is '^worker [0-9]+: [0-9]+ squared is [0-9]+$' 20
  [ "${#lines[@]}" -eq 20 ]
  [ "$(sed 's/.*: //' <<< "$output" | sort -n)" = \
    "$(for i in {1..20}; do echo "$i squared is $((i * i))"; done)" ]
}

@test "06: a lock loses no update, even if its holder dies" {
  example 06-lost-update
  count_is '^without a lock: [0-9]+ of 8000$' 1
  [ "${lines[1]}" = "with a lock: 8000 of 8000" ]
}

@test "07: a semaphore of three, and a rate limiter" {
  example 07-tokens
  [ "$output" = "at most 3 inside at one time: yes
a burst of 5, then one in 10 ms: yes" ]
}

@test "08: one shutdown stops all workers" {
  example 08-event
  [ "${lines[0]}" = "all are here" ]
  count_is '^worker [1-5] stops after some rounds$' 5
  count_is '^the sleeper wakes$' 1
  [ "${lines[7]}" = "all have stopped" ]
}

@test "09: futures, as completed, map, and failures that come back" {
  example 09-executor
  [ "$output" = "future: 49
as completed: sum 385
map: 0 1 4 9 16 25 36 49 64 81
-1 failed at attempt 1: -1 is below zero (Numerical argument out of domain)
13 failed at attempt 3: killed by signal 9, Killed (Owner died)" ]
}

@test "10: a task manager joins results and tasks by their ids" {
  example 10-task-manager
  [ "$(sed -n 's/^result //p' <<< "$output")" = "1: 6
2: 720
3: 362880
4: 479001600
5: 1307674368000
6: 6402373705728000" ]
}

@test "11: a pipeline of three stages does what a plain tool does" {
  seq -f 'a line with the number %.0f' 5000 > "$dir"/first
  printf 'the last\n\nfile' > "$dir"/second
  "$SHMQ_EXAMPLES_DIR"/11-file-pipeline "$dir"/first "$dir"/second > "$dir"/changed
  cat "$dir"/first "$dir"/second | tr '[:lower:]' '[:upper:]' | cmp - "$dir"/changed
}

@test "11: a stage that dies ends the pipeline" {
  seq -f 'a line with the number %.0f' 5000 > "$dir"/first
  run -0 bash -c "timeout 60 '$SHMQ_EXAMPLES_DIR'/11-file-pipeline '$dir'/first | head -n 1"
  [ "${lines[0]}" = "A LINE WITH THE NUMBER 1" ]
}

@test "12: batches" {
  example 12-batches
  [ "$output" = "10000 items in fewer batches, sum 49995000" ]
}

@test "13: tasks are timed, and shmq stat counts them" {
  works sh "$SHMQ_SCRIPTS_DIR"/13-timing.sh
  [ "$(sed -n 's/.*: task //p' <<< "$output" | sort -n)" = $'0.05\n0.1\n0.2\n0.3' ]
  count_is '^ *qsize +0' 1
  count_is '^ *(put|got|done) +4' 3
  awk '/: task/ { if ($1 < 1000 * $4) exit 1 }' <<< "$output"
  [ -z "$(compgen -G '/dev/shm/shmq.timing-*')" ]
}

@test "14: no money is lost, and nobody waits for ever" {
  example 14-accounts
  [[ ${lines[0]} == *", together 2000" ]]
  [ "${lines[1]}" = "1 transfer finished for a dead clerk" ]
}

@test "15: one epoll loop serves three queues, a socket and a timer" {
  [ -x "$SHMQ_EXAMPLES_DIR"/15-event-loop ] || skip "SHMQ_URING is off"
  example 15-event-loop
  [ "$output" = "queue 0: 1000 items
queue 1: 1000 items
queue 2: 1000 items
socket: 1000 lines
timer: 3 ticks" ]
}

@test "16: one io_uring waits for three queues and writes what comes" {
  [ -x "$SHMQ_EXAMPLES_DIR"/16-io-uring ] || skip "SHMQ_URING is off"
  run --separate-stderr timeout 60 "$SHMQ_EXAMPLES_DIR"/16-io-uring "$dir"/lines
  [[ $stderr != *"needs Linux"* && $stderr != *io_uring_queue_init* ]] || skip "$stderr"
  [ "$status" -eq 0 ]
  [ "$output" = "1000 items of each of 3 queues" ]
  for i in 0 1 2; do
    grep "^queue $i " "$dir"/lines | cmp - <(seq -f "queue $i item %.0f" 0 999)
  done
  [ "$(wc -l < "$dir"/lines)" -eq 3000 ]
}
