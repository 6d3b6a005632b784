# SPDX-License-Identifier: Apache-2.0
# What the tests of shmq farm share, beside what those of all tools do.

source "$BATS_TEST_DIRNAME"/../tools/helper.bash

# Commands inherit this: whoever is left of a test's farms can be found by it.
export FARM_TEST=farm-test-$$

# Is the process a living child of this one?
is_child() {
  [[ $(cat /proc/"$1"/stat 2> /dev/null) == *") "[^ZX]" $BASHPID "* ]]
}

# The number of a process that has ended may be somebody else's by now.
teardown() {
  for pid in "${started[@]}"; do
    ! is_child "$pid" || kill -KILL "$pid"
  done
  rm -f /dev/shm/shmq."$q"*
}

# The farm runs to its end within a minute. $output is what it printed on standard output, $stderr
# on standard error.
farm() {
  run --separate-stderr timeout 60 shmq farm "$@"
  echo "status $status, standard error: $stderr"
}

# The same; it ends with 0 and says nothing.
farm_works() {
  farm "$@"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
}

# Starts a farm in the background, its process in $pid.
start_farm() {
  FARM_TEST=$q start shmq farm "$@"
}

# Waits for the process $1 to end; its status in $ended.
wait_for() {
  ended=0
  wait "$1" || ended=$?
}

# The children of the process $1 whose name is $2, one a line.
children() {
  local all child name
  { read -r -a all < /proc/"$1"/task/"$1"/children; } 2> /dev/null || true
  for child in "${all[@]}"; do
    { read -r name < /proc/"$child"/comm; } 2> /dev/null || continue
    [[ $name != "$2" ]] || echo "$child"
  done
}

workers_of() {
  children "$1" shmq-worker
}

has_workers() {
  [ "$(workers_of "$1" | wc -l)" -eq "$2" ]
}

# Processes of this test's farms, zombies aside: their environment is empty.
left_over() {
  grep -slazF "FARM_TEST=$q" /proc/[0-9]*/environ 2> /dev/null || true
}

nobody_left() {
  [ -z "$(left_over)" ]
}

# Do files hold so many lines, in all?
has_lines() {
  local count=$1
  shift
  [ "$(cat "$@" 2> /dev/null | wc -l)" -ge "$count" ]
}

# Nothing is left to do, and nothing was lost: $1 items were finished, whatever came of them.
queue_is_finished() {
  shmq recover "$q" > "$dir"/recovered
  [ "$(stat_of '[.qsize, .leased, .unfinished, .done]')" = "[0,0,0,$1]" ]
}

is_full() {
  [ "$(stat_of .full "$1")" = true ]
}
