# SPDX-License-Identifier: Apache-2.0
# What the tests of the tools share. Each test has queues of its own, named after $q, which are
# removed with its processes when it ends.

bats_require_minimum_version 1.5.0
: "${SHMQ_BIN_DIR:?the folder of the built programs}"
PATH=$SHMQ_BIN_DIR:$PATH

setup() {
  q=bats-$$-$BATS_TEST_NUMBER
  dir=$BATS_TEST_TMPDIR
  started=()
}

teardown() {
  [ ${#started[@]} -eq 0 ] || kill -KILL "${started[@]}" 2> /dev/null || true
  rm -f /dev/shm/shmq."$q"*
}

# The command ends with status $1 and says why in exactly one line, which holds the text $2.
refused() {
  local wanted=$1 text=$2
  shift 2
  run --separate-stderr timeout 60 "$@"
  echo "status $status, standard error: $stderr"
  [ "$status" -eq "$wanted" ]
  [ -z "$output" ]
  [ "${#stderr_lines[@]}" -eq 1 ]
  [[ $stderr == shmq*:\ * ]]
  [[ $stderr == *"$text"* ]]
}

# The command ends well and without a word on standard error; $output is what it printed.
works() {
  run --separate-stderr timeout 60 "$@"
  echo "status $status, standard error: $stderr"
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
}

# Runs the command in the background, its process in $pid. Without <&0 the shell would give it no
# standard input; 3 is how bats knows that a test has ended.
start() {
  "$@" <&0 3>&- &
  pid=$!
  started+=("$pid")
}

# Tries the command until it succeeds, for half a minute.
eventually() {
  local deadline=$((SECONDS + 30))
  until "$@"; do
    if ((SECONDS >= deadline)); then
      echo "never came true: $*"
      return 1
    fi
    sleep 0.01
  done
}

# One figure of a queue, as in: stat_of .qsize
stat_of() {
  shmq stat --json "${2:-$q}" | jq -c ".[0] | $1"
}

# Is the figure $1 of the queue $2?
stat_is() {
  [ "$(stat_of "$1")" = "$2" ]
}

# Ends the process $1 as the test would not: at once. Waits for it, so that it is gone.
kill_hard() {
  kill -KILL "$1"
  wait "$1" || true
}

# Starts a get of 100,000 lines that gets stuck: nobody reads the pipe it prints into. Its process
# is in $pid. The queue needs a capacity of 4M.
start_stuck_get() {
  mkfifo "$dir"/pipe
  exec {pipe}<> "$dir"/pipe
  seq 100000 | shmq put "$q"
  start shmq get "$q" --all > "$dir"/pipe
  eventually is_stuck "$pid"
}

# Does the process sleep with an item in hand? Then it waits for a reader, and will for ever.
is_stuck() {
  stat_is .leased 1 && [[ $(< /proc/"$1"/stat) == *") S "* ]]
}

# What is in the pipe, whose writer is gone.
read_pipe() {
  exec {reader}< "$dir"/pipe {pipe}>&-
  cat <&"$reader"
}
