# SPDX-License-Identifier: Apache-2.0
load farm

# Processor time of a farm and its workers so far, in nanoseconds.
time_of() {
  local process total=0 time
  for process in "$1" $(workers_of "$1"); do
    read -r time _ < /proc/"$process"/schedstat
    total=$((total + time))
  done
  echo $total
}

@test "-j MIN..MAX grows with the backlog and shrinks when workers are idle" {
  shmq create "$q"
  start_farm "$q" -j 1..4 --idle 100ms -- sh -c 'until [ -e '"$dir"'/go ]; do sleep 0.01; done'
  eventually has_workers "$pid" 1
  shmq put "$q" 1
  eventually stat_is .leased 1
  [ "$(workers_of "$pid" | wc -l)" -eq 1 ]
  seq 5 | shmq put "$q"
  eventually has_workers "$pid" 4
  eventually stat_is .leased 4
  touch "$dir"/go
  eventually stat_is .done 6
  eventually has_workers "$pid" 1
  shmq put "$q" last
  eventually stat_is .done 7
  shmq shutdown "$q"
  wait_for "$pid"
  [ "$ended" -eq 0 ]
}

@test "more workers than the queue has place for" {
  shmq create "$q"
  seq 100 | shmq put "$q"
  farm "$q" -j 300 --until-empty -- true
  [ "$status" -eq 0 ]
  queue_is_finished 100
}

@test "more workers and retries than leases" {
  shmq create "$q" --max-leases 2
  seq 30 | shmq put "$q"
  farm_works "$q" -j 4 --until-empty --retries 1 --backoff 1ms -- \
    sh -c '[ $(($1 % 3)) -ne 0 ] || [ -e '"$dir"'/$1 ] || { touch '"$dir"'/$1; exit 1; }' sh {}
  queue_is_finished 30
}

@test "an idle farm of 8 workers uses less than 1 % of a processor" {
  [ -n "${SHMQ_LONG:-}" ] || skip "a measurement: with SHMQ_LONG=1, on a quiet machine"
  shmq create "$q"
  start_farm "$q" -j 8 -- true
  eventually has_workers "$pid" 8
  sleep 1
  local before after
  before=$(time_of "$pid")
  sleep 5
  after=$(time_of "$pid")
  echo "idle: $(((after - before) / 50000)) thousandths of a percent"
  [ $((after - before)) -lt 50000000 ]
}

@test "--progress says how far it is" {
  shmq create "$q"
  seq 100 | shmq put "$q"
  farm "$q" -j 2 --until-empty --progress -- sh -c '[ $1 -ne 7 ]' sh {}
  [[ ${stderr_lines[-2]} == "99 finished, 1 failed, 0 in hand, 0 waiting, "*"/s, "*" left" ]]
  seq 100 | shmq put "$q"
  script -qec "shmq farm $q -j 2 --until-empty --progress -- true" /dev/null > "$dir"/bar
  grep -qF '[########################] 100 finished, 0 failed, 0 in hand, 0 waiting' "$dir"/bar
}
