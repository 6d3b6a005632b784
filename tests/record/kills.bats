# SPDX-License-Identifier: Apache-2.0
# Kills at random points, and at each system call.
load record.bash

rounds=20
items=50000
[ -z "${SHMQ_LONG:-}" ] || items=1000000

# The items of round $1, 100 bytes each.
slice() {
  seq -f '%0100.0f' $((($1 - 1) * items / rounds + 1)) $(($1 * items / rounds))
}

# Not more than some milliseconds, so that most kills fall into the work.
a_moment() {
  sleep 0.0"$((RANDOM % (${SHMQ_LONG:+5} + 3)))$((RANDOM % 10))"
}

@test "a drain that is killed again and again: every item is in the file, once, in order" {
  shmq create "$q" --capacity 256M
  for ((round = 1; round <= rounds; round++)); do
    slice $round > "$dir"/slice
    start shmq drain "$q" -o "$dir"/file --follow
    shmq put "$q" < "$dir"/slice
    a_moment
    kill_hard "$pid"
  done
  ends shmq drain "$q" -o "$dir"/file
  [ "$(stat_of '[.qsize, .unfinished]')" = '[0,0]' ]
  shmq create "$q-copy" --capacity 256M
  works shmq load "$q-copy" "$dir"/file
  shmq get "$q-copy" --all | cmp - <(seq -f '%0100.0f' $items)
}

@test "a load that is killed again and again: every item is put, one more than once for each kill" {
  shmq create "$q-source" --capacity 256M
  seq -f '%0100.0f' $items | shmq put "$q-source"
  shmq drain "$q-source" -o "$dir"/file
  shmq create "$q" --maxsize 1000
  for ((round = 1; round <= rounds; round++)); do
    start shmq load "$q" "$dir"/file
    shmq get "$q" -n $((items / rounds - 100)) --timeout 30s >> "$dir"/out
    a_moment
    kill_hard "$pid"
  done
  start shmq load "$q" "$dir"/file
  local last=$pid
  start shmq get "$q" --all --timeout 30s >> "$dir"/out
  wait "$last"
  shmq shutdown "$q"
  wait "$pid"
  uniq "$dir"/out | cmp - <(seq -f '%0100.0f' $items)
  [ "$(wc -l < "$dir"/out)" -le $((items + rounds)) ]
  [ ! -e "$dir"/file."$q".loading ]
}

# The command is killed at its $1-th system call of the kind $2. False: it had not so many.
killed_at() {
  local call=$1 kind=$2
  shift 2
  local ended=0
  traced -o /dev/null -e trace="$kind" -e inject="$kind":signal=KILL:when="$call" "$@" || ended=$?
  ((ended == 0 || ended == 137)) || echo "ended with $ended" >> "$dir"/unexpected
  ((ended == 137))
}

# Drains are killed at their first, second, third ... call, until one is not.
drain_killed_at_each() {
  local kind=$1 call=1
  shift
  while killed_at $call "$kind" "$@" 2> "$dir"/err; do
    call=$((call + 1))
    ((call < 1000))
  done
  ((call > 2))
  [ ! -e "$dir"/unexpected ]
  shmq load "$q" "$dir"/file
  shmq get "$q" --all | cmp - <(seq 200)
}

@test "a drain killed at each call to io_uring" {
  [ "$(cat /proc/sys/kernel/io_uring_disabled 2> /dev/null || echo 0)" = 0 ] || skip "no io_uring"
  shmq create "$q" --max-leases 16
  seq 200 | shmq put "$q"
  drain_killed_at_each io_uring_enter shmq drain "$q" -o "$dir"/file
}

@test "a drain killed at each write and each fdatasync, without io_uring" {
  for kind in pwrite64 fdatasync; do
    shmq rm "$q" 2> /dev/null || true
    rm -f "$dir"/file
    shmq create "$q" --max-leases 16
    seq 200 | shmq put "$q"
    drain_killed_at_each $kind "$WITHOUT_URING" shmq drain "$q" -o "$dir"/file
  done
}

# Sleeps with the file open: it has found the file held.
waits_for_file() {
  [[ $(ls -l /proc/"$1"/fd) == *"$dir/file"* && $(< /proc/"$1"/stat) == *") S "* ]]
}

# The command, begun while somebody holds the file, waits and then ends well.
waits_and_works() {
  start flock --no-fork "$dir"/file sleep 60
  local holder=$pid
  eventually eval '! flock --nonblock "$dir"/file true'
  start "$@"
  eventually waits_for_file "$pid"
  kill_hard "$holder"
  wait "$pid"
}

# What a killed drain had on its way to the disk may hold the file a little longer than it lived.
@test "a file that is held for a moment: a drain, and a load, wait until it is free" {
  shmq create "$q"
  shmq put "$q" one
  waits_and_works shmq drain "$q" -o "$dir"/file
  waits_and_works shmq load "$q" "$dir"/file
  [ "$(shmq get "$q" --all)" = one ]
}
