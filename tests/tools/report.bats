# SPDX-License-Identifier: Apache-2.0
# What stat and ls have in common: columns, sorting, further keys, Prometheus.
load helper

columns() {
  shmq stat "$1" -o x 2>&1 | sed 's/.*there are //; s/, /\n/g'
}

@test "-o: the columns that are asked for, in their order" {
  shmq create "$q-a" --maxsize 7
  shmq create "$q-b"
  shmq put "$q-b" x y
  works shmq stat "$q-b" "$q-a" -o qsize,name,maxsize
  [ "$(tr -s ' ' <<< "$output")" = "$(printf '%s\n' 'QSIZE NAME MAXSIZE' " 2 $q-b -" " 0 $q-a 7")" ]
  works shmq ls -o name,empty
  grep -Eq "^$q-a +yes$" <<< "$output"
  grep -Eq "^$q-b +no$" <<< "$output"
}

@test "-o: every column there is" {
  shmq create "$q"
  works shmq stat "$q" -o "$(columns "$q" | paste -sd,)"
  [ "${#lines[@]}" -eq 2 ]
}

@test "-o and --sort: columns that there are not" {
  shmq create "$q"
  for command in "stat $q" ls; do
    refused 2 "-o nonsense: there is no such column; there are name, qsize" \
      shmq $command -o name,nonsense
    refused 2 "there is no such column" shmq $command -o ""
    refused 2 "there is no such column" shmq $command -o name,
    refused 2 "--sort -nonsense: there is no such column" shmq $command --sort -nonsense
    refused 2 "only one column" shmq $command --sort name,qsize
    refused 2 "only one of --json, --prometheus and -o" shmq $command --json --prometheus
    refused 2 "only one of --json, --prometheus and -o" shmq $command --json -o name
  done
}

@test "--sort: upwards, downwards, by name; the same in JSON" {
  is_old() { shmq stat "$1" --json | jq -e '.[0].oldest_waiting > 50000000'; }
  for n in 2 10 1; do
    shmq create "$q-$n"
    seq "$n" | shmq put "$q-$n"
    eventually is_old "$q-$n" # so that their ages differ
  done
  sorted() {
    shmq stat "$q-2" "$q-10" "$q-1" "$@" | sed -n "s/^$q-\([0-9]*\).*/\1/p" | xargs
  }
  [ "$(sorted -o name)" = "2 10 1" ]
  [ "$(sorted -o name --sort qsize)" = "1 2 10" ]
  [ "$(sorted -o name --sort -qsize)" = "10 2 1" ]
  [ "$(sorted -o name --sort=-oldest_waiting)" = "2 10 1" ]
  [ "$(sorted -o name --sort name)" = "1 10 2" ]
  [ "$(sorted --sort -name)" = "2 10 1" ]
  shmq stat "$q-2" "$q-10" "$q-1" --json --sort qsize | jq -e 'map(.qsize) == [1, 2, 10]'
  shmq ls -o name --sort -qsize | grep "^$q" | sed "s/$q-//" | xargs | grep -x "10 2 1"
}

@test "--watch -o: rates from the second table on" {
  shmq create "$q"
  start shmq stat "$q" -o name,put,put_rate --watch 20ms > "$dir"/out
  eventually test -s "$dir"/out
  seq 1000 | shmq put "$q"
  eventually grep -Eq "^$q +1000 +[1-9][0-9]*\.[0-9]$" "$dir"/out
  kill_hard "$pid"
  [[ $(sed -n 2p "$dir"/out) =~ ^$q\ +0\ +-$ ]]
}

# (It wakes now and then, and looks around.)
shows_its_thread() {
  shmq stat "$q" --json > "$dir"/out
  jq -e --argjson pid "$pid" '.[0] | .format == 1 and .free == .capacity and .oldest_waiting == 0
    and (.processes[0] | .oldest_lease == 0) and (.threads | length == 1 and (.[0]
    | .pid == $pid and .tid == $pid and .name == "shmq" and .alive
    and .activity == "waits_for_item" and .since > 0 and .inside == null and .got == 0
    and .unfinished == 0))' "$dir"/out
}

@test "--json: every column is a key, and the further ones are there" {
  shmq create "$q"
  start shmq get "$q"
  eventually shows_its_thread
  for key in $(columns "$q" | grep -v _rate); do
    jq -e --arg key "$key" '.[0] | has($key)' "$dir"/out
  done
}

@test "--json: what waits has an age, what is in hand has one" {
  shmq create "$q"
  shmq put "$q" a b
  stat_is '.oldest_waiting > 0 and .oldest_lease == 0' true
  start shmq farm "$q" -j 1 -- sleep 10
  eventually stat_is '.leased == 1 and .oldest_lease > 0 and .oldest_waiting > 0' true
  stat_is '[.processes[] | select(.leased == 1 and .oldest_lease > 0)] | length' 1
}

@test "--prometheus is what Prometheus expects" {
  command -v promtool || skip "promtool is not here (package prometheus)"
  shmq create "$q-a"
  shmq create "$q-b" --maxsize 3
  shmq put "$q-a" x y
  shmq stat "$q-a" "$q-b" --prometheus > "$dir"/out
  works promtool check metrics < "$dir"/out
  shmq ls --prometheus > "$dir"/out
  works promtool check metrics < "$dir"/out
}

@test "--prometheus says what --json says" {
  shmq create "$q-a"
  shmq create "$q-b" --maxsize 3
  shmq put "$q-a" x y z
  shmq get "$q-a"
  shmq stat "$q-a" "$q-b" --prometheus > "$dir"/out
  value() {
    sed -n "s/^$1{queue=\"$2\"} //p" "$dir"/out
  }
  [ "$(value shmq_waiting_items "$q-a")" = 2 ]
  [ "$(value shmq_put_items_total "$q-a")" = 3 ]
  [ "$(value shmq_deliveries_total "$q-a")" = 1 ]
  [ "$(value shmq_done_items "$q-a")" = 1 ]
  [ "$(value shmq_waiting_items_limit "$q-b")" = 3 ]
  [ "$(value shmq_empty "$q-b")" = 1 ]
  [ "$(value shmq_capacity_bytes "$q-b")" = 1048576 ]
  [ "$(value shmq_oldest_waiting_item_age_seconds "$q-b")" = 0.000 ]
  [[ $(value shmq_oldest_waiting_item_age_seconds "$q-a") =~ ^[0-9]+\.[0-9]{3}$ ]]
  [ "$(grep -c "^shmq_up{queue=\"$q-[ab]\"} 1$" "$dir"/out)" -eq 2 ]
  [ "$(grep -c '^# TYPE ' "$dir"/out)" -eq "$(grep -c '^# HELP ' "$dir"/out)" ]
}

@test "ls --prometheus: a queue that cannot be read is not up" {
  echo garbage > /dev/shm/shmq."$q-bad"
  shmq create "$q-good"
  shmq ls --prometheus > "$dir"/out
  grep -x "shmq_up{queue=\"$q-bad\"} 0" "$dir"/out
  grep -x "shmq_up{queue=\"$q-good\"} 1" "$dir"/out
  [ "$(grep -c "\"$q-bad\"" "$dir"/out)" -eq 1 ]
}

@test "the segment is opened and mapped for reading, and no lock is taken" {
  command -v strace || skip "strace is not here"
  shmq create "$q"
  start shmq get "$q"
  eventually stat_is .getters_waiting 1
  ASAN_OPTIONS=detect_leaks=0 strace -f -o "$dir"/trace shmq stat "$q" > /dev/null
  grep -q "shmq\.$q" "$dir"/trace
  ! grep "shmq\.$q" "$dir"/trace | grep -E 'O_RDWR|O_WRONLY'
  ! grep MAP_SHARED "$dir"/trace | grep PROT_WRITE
  ! grep -E 'F_OFD_SETLK|F_SETLK|futex|mprotect\(.*PROT_WRITE.*shm' "$dir"/trace
  ! grep -E 'pwrite|ftruncate|fallocate|process_vm_writev' "$dir"/trace
}

@test "stat works on a queue whose users are stopped" {
  shmq create "$q"
  start shmq get "$q"
  eventually stat_is .getters_waiting 1
  kill -STOP "$pid"
  works shmq stat "$q"
  stat_is '.processes[0].alive' true
  kill -CONT "$pid"
}
