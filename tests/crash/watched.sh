#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# watched.sh STORM SHMQ [ARGUMENT...]
#
# A storm whose queue is watched all the time, in every way there is: no look may fail, or take
# long, and the storm must find nothing wrong.
set -eu

storm=$1
shmq=$2
shift 2
"$storm" "$@" &
pid=$!
queue=test-storm-$pid
trap 'kill -KILL $pid 2>/dev/null || true; rm -f "/dev/shm/shmq.$queue"' EXIT
looks=0

look_once() {
  timeout 10 "$shmq" stat "$queue" "$@" >/dev/null
}

# May fail only where there is no queue: before the storm has made it, and when it is over.
look() {
  if look_once "$@" 2>/dev/null; then
    looks=$((looks + 1))
  elif [ -e "/dev/shm/shmq.$queue" ] && ! look_once "$@" && [ -e "/dev/shm/shmq.$queue" ]; then
    echo "shmq stat $* fails"
    exit 1
  fi
}

while kill -0 $pid 2>/dev/null; do
  look
  look --json
  look --prometheus
  look -o name,qsize,oldest_waiting,oldest_lease
done
status=0
wait $pid || status=$?
trap - EXIT
echo "$looks looks"
[ "$looks" -gt 0 ] || exit 1
exit $status
