# SPDX-License-Identifier: Apache-2.0
load farm

# Items are finished by a command that says so in one line, and lets its child do the waiting:
#   ITEM FARM WORKER COMMAND
# Workers and commands are killed at random meanwhile, and two farms. An item may be there twice only if
# somebody who had it in hand was killed.

storm_items=1000
[ -z "${SHMQ_LONG:-}" ] || storm_items=5000

start_storm_farm() {
  FARM_NUMBER=$1 start_farm "$q" -j 4 --until-empty --retries 50 --backoff 5ms -- \
    sh -c 'sleep 0.00$(($1 % 10)); echo "$1 $FARM_NUMBER $PPID $$" >> '"$dir"'/finished' sh {} \
    > "$dir"/out 2>> "$dir"/err
}

# Kills at random until so many are finished, or the farm has ended.
storm_until() {
  "$BATS_TEST_DIRNAME"/killer.bash "$2" "$dir"/finished "$1" "$dir"/killed $RANDOM
}

# Every line of an item but its last must be of a farm, a worker or a command that was killed.
check_repetitions() {
  awk -v farms="$1" '
    FILENAME != "'"$dir"'/finished" { killed[$1] = 1; next }
    before[$1] { split(before[$1], was, " ")
                 if (was[2] > farms && !killed[was[3]] && !killed[was[4]]) { print before[$1] " | " $0; bad = 1 } }
    { before[$1] = $0 }
    END { exit bad }' "$dir"/killed "$dir"/finished
}

@test "a storm of kills: every item is finished, once unless its holder was killed" {
  RANDOM=$((${SHMQ_SEED:-$$} % 32768))
  echo "SHMQ_SEED=$((${SHMQ_SEED:-$$} % 32768))"
  shmq create "$q"
  : > "$dir"/finished
  : > "$dir"/killed
  seq $storm_items | shmq put "$q"
  for farm in 1 2; do
    start_storm_farm $farm
    storm_until $((farm * storm_items / 3)) "$pid"
    kill_hard "$pid"
    eventually nobody_left
  done
  start_storm_farm 3
  storm_until $storm_items "$pid"
  wait_for "$pid"
  echo "killed: $(wc -l < "$dir"/killed), finished: $(wc -l < "$dir"/finished), status $ended"
  tail -n 3 "$dir"/err
  [ "$ended" -eq 0 ]
  cut -d ' ' -f 1 "$dir"/finished | sort -nu | cmp - <(seq $storm_items)
  check_repetitions 2
  queue_is_finished $storm_items
  nobody_left
}
