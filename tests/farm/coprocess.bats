# SPDX-License-Identifier: Apache-2.0
load farm

@test "a coprocess answers each item with a line" {
  shmq create "$q"
  seq 2000 | shmq put "$q"
  shmq farm "$q" -j 3 --until-empty --coprocess -- \
    sh -c 'echo >> "$1"; exec perl -ne "$2"' sh "$dir"/started '$| = 1; print 2 * $_, "\n"' > "$dir"/out
  sort -n "$dir"/out | cmp - <(seq 2 2 4000)
  [ "$(wc -l < "$dir"/started)" -le 3 ]
}

@test "one that dies loses the item it had, and no other" {
  shmq create "$q"
  seq 500 | shmq put "$q"
  farm "$q" -j 2 --until-empty --coprocess -- \
    perl -ne '$| = 1; exit 7 if $_ % 100 == 50; print'
  [ "$status" -eq 1 ]
  [ "$(wc -l <<< "$output")" -eq 495 ]
  shmq get "$q.dead" --all > "$dir"/dead
  [ "$(jq -s 'map(.item | tonumber) | sort' -c "$dir"/dead)" = '[50,150,250,350,450]' ]
  [ "$(jq -s 'map(.reason) | unique' -c "$dir"/dead)" = '["exit status 7"]' ]
  queue_is_finished 500
}

@test "one that does not answer in time is ended" {
  shmq create "$q"
  seq 20 | shmq put "$q"
  FARM_TEST=$q farm "$q" -j 2 --until-empty --coprocess --timeout 3s -- \
    sh -c 'while read x; do [ $x -ne 13 ] || sleep 1000; echo $x; done'
  [ "$status" -eq 1 ]
  [ "$(shmq get "$q.dead" | jq -r '.item + ": " + .reason')" = \
    "13: timed out after 3 s, killed by signal 9 (Killed)" ]
  sort -n <<< "$output" | cmp - <(seq 20 | grep -vx 13)
  nobody_left
}

@test "one that ends, or reads nothing, without an answer" {
  shmq create "$q"
  shmq put "$q" one
  farm "$q" --until-empty --coprocess -- true
  [ "$(shmq get "$q.dead" | jq -r .reason)" = "the coprocess ended without an answer" ]
  shmq put "$q" one
  farm "$q" --until-empty --coprocess -- sh -c 'exec <&-; sleep 0.1'
  [ "$(shmq get "$q.dead" | jq -r .reason)" = "the coprocess ended without an answer" ]
}

@test "large items and large answers, both ways at once" {
  shmq create "$q" --item-max 1M --capacity 16M
  for i in {1..8}; do
    yes $i | head -c 300000 | tr -d '\n' | shmq put "$q" --file -
  done
  shmq farm "$q" -j 2 --until-empty --keep-order --coprocess -- cat | cmp - <(
    for i in {1..8}; do
      yes $i | head -c 300000 | tr -d '\n'
      echo
    done)
}

@test "items that hold what ends items" {
  shmq create "$q"
  shmq put "$q" $'a\nb' c
  farm "$q" -j 1 --until-empty --coprocess -- cat
  [ "$output" = c ]
  [ "$(shmq get "$q.dead" | jq -r .reason)" = "holds a newline, which ends items; see -0" ]
  shmq put "$q" $'a\nb' c
  shmq farm "$q" -j 1 --until-empty --coprocess -0 -- cat | cmp - <(printf 'a\nb\0c\0')
}

@test "results of a coprocess" {
  shmq create "$q"
  shmq create "$q-r"
  seq 100 | shmq put "$q"
  shmq farm "$q" -j 2 --until-empty --coprocess --results "$q-r" -- sed -u 's/^/x/'
  [ "$(shmq get "$q-r" --all | jq -s 'map(.output == "x" + .item and .exit == 0) | all and length == 100')" = true ]
}

@test "it is told when the farm ends" {
  shmq create "$q"
  shmq put "$q" one
  farm_works "$q" -j 1 --until-empty --coprocess -- \
    sh -c 'while read x; do echo $x; done; echo good bye > '"$dir"'/end'
  [ "$(< "$dir"/end)" = "good bye" ]
}

# Three stages, joined by queues; each ends when the one before it does.
@test "10,000 results of a pipeline equal those of a plain loop" {
  shmq create "$q-1" --capacity 8M
  shmq create "$q-2" --maxsize 1000
  shmq create "$q-3" --maxsize 1000
  seq 10000 | shmq put "$q-1"
  shmq shutdown "$q-1"
  {
    shmq farm "$q-1" -j 2 --coprocess -- perl -ne '$| = 1; print 3 * $_, "\n"' | shmq put "$q-2"
    shmq shutdown "$q-2"
  } &
  {
    shmq farm "$q-2" -j 3 --coprocess -- perl -ne '$| = 1; print 7 + $_, "\n"' | shmq put "$q-3"
    shmq shutdown "$q-3"
  } &
  timeout 60 shmq farm "$q-3" -j 2 --coprocess -- perl -ne '$| = 1; print $_ % 1009, "\n"' > "$dir"/out
  wait
  sort -n "$dir"/out | cmp - <(for ((i = 1; i <= 10000; i++)); do echo $(((3 * i + 7) % 1009)); done | sort -n)
}

@test "a pipeline of commands, in order" {
  shmq create "$q-1"
  shmq create "$q-2" --maxsize 10
  seq 100 | shmq put "$q-1"
  shmq shutdown "$q-1"
  {
    shmq farm "$q-1" -j 3 --keep-order -- expr {} '*' 3 | shmq put "$q-2"
    shmq shutdown "$q-2"
  } &
  timeout 60 shmq farm "$q-2" -j 3 --keep-order -- expr {} + 7 > "$dir"/out
  wait
  cmp "$dir"/out <(seq 10 3 307)
}
