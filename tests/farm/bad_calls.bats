# SPDX-License-Identifier: Apache-2.0
load farm

# Refused with status $1 and one line that holds the text $2; the queue did not notice.
farm_refused() {
  refused "$1" "$2" shmq farm "${@:3}"
  [ "$(stat_of '[.qsize, .got]')" = '[1,0]' ]
}

setup() {
  q=bats-$$-$BATS_TEST_NUMBER
  dir=$BATS_TEST_TMPDIR
  started=()
  shmq create "$q"
  shmq put "$q" one
}

@test "no queue, no command" {
  farm_refused 2 "no queue is named"
  farm_refused 2 "no queue is named" -j 3
  farm_refused 2 "no command is given" "$q"
  farm_refused 2 "no command is given" "$q" -j 3 --
}

@test "a queue that is not there, or is no queue's name" {
  farm_refused 1 "no such queue" "$q-none" -- true
  farm_refused 2 "not a queue's name" a/b -- true
  farm_refused 1 "$q-none: there is no such queue" "$q" --results "$q-none" -- true
}

@test "a command that does not exist, or is none" {
  farm_refused 1 "no-such-command: there is no such command" "$q" -- no-such-command {}
  farm_refused 1 "$dir/none: there is no such command" "$q" -- "$dir"/none {}
  touch "$dir"/file
  farm_refused 1 "$dir/file: Permission denied" "$q" -- "$dir"/file
  farm_refused 1 "$dir: Permission denied" "$q" -- "$dir"
}

@test "a command that cannot be executed after all gives its item back" {
  echo no program > "$dir"/file
  chmod +x "$dir"/file
  refused 1 "$dir/file: Exec format error" shmq farm "$q" -j 3 -- "$dir"/file
  [ "$(stat_of '[.qsize, .leased, .done]')" = '[1,0,0]' ]
  refused 1 "$dir/file: Exec format error" shmq farm "$q" -j 3 --coprocess -- "$dir"/file
  [ "$(stat_of '[.qsize, .leased, .done]')" = '[1,0,0]' ]
}

@test "numbers that make no sense" {
  for j in 0 -1 x 3.. ..3 5..4 1...3 2000 "" 99999999999999999999; do
    farm_refused 2 "-j $j: expected" "$q" -j "$j" -- true
  done
  for rate in 0/s 10 10/x /s -1/s inf/s nan/s 1e99/s x; do
    farm_refused 2 "--rate $rate: expected" "$q" --rate "$rate" -- true
  done
  farm_refused 2 "at least 1" "$q" -n 0 -- true
  farm_refused 2 "at least 1ms" "$q" --timeout 0 -- true
  farm_refused 2 "expected a time" "$q" --backoff 5 -- true
  farm_refused 2 "at most 1000" "$q" --retries 1001 -- true
}

@test "options that do not go together" {
  farm_refused 2 "leave out -n" "$q" -n 2 --coprocess -- cat
  farm_refused 2 "leave out {}" "$q" --coprocess -- echo {}
  farm_refused 2 "-0" "$q" -0 -- cat
  farm_refused 2 "-0" "$q" -0 -n 2 -- echo {}
  farm_refused 2 "--results prints nothing" "$q" --results "$q-r" --tag -- true
  farm_refused 2 "--results prints nothing" "$q" --results "$q-r" --keep-order -- true
  farm_refused 2 "the results would become items" "$q" --results "$q" -- true
  farm_refused 2 "--idle" "$q" -j 3 --idle 3s -- true
  farm_refused 2 "--dry-run" "$q" --dry-run --coprocess -- cat
}

@test "a job log that cannot be written" {
  farm_refused 1 "$dir/none/log: No such file" "$q" --joblog "$dir"/none/log -- true
  refused 1 "/dev/full: No space left on device" shmq farm "$q" --joblog /dev/full -- true
  [ "$(stat_of '[.qsize, .leased, .done]')" = '[1,0,0]' ]
}

@test "no place for temporary files" {
  TMPDIR=$dir/none refused 1 "temporary file: No such file" shmq farm "$q" -- true
  [ "$(stat_of '[.qsize, .leased, .done]')" = '[1,0,0]' ]
}

@test "results that do not fit, or are not taken" {
  shmq create "$q-r" --item-max 10
  refused 1 "does not fit" shmq farm "$q" --results "$q-r" -- true
  shmq create "$q-s"
  shmq shutdown "$q-s"
  refused 4 "$q-s: the queue is shut down" shmq farm "$q" --results "$q-s" -- true
  [ "$(stat_of '[.qsize, .leased, .done]')" = '[1,0,0]' ]
}

@test "closed standard streams" {
  shmq farm "$q" --until-empty -- cat >&- 2>&- <&- || true
  shmq check 2> /dev/null || true
  works shmq recover "$q"
  [ "$(stat_of '.leased')" = 0 ]
}
