#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: sh bench/run.sh [OPTION or SCENARIO of shmq-bench...]
#        sh bench/run.sh kills [OPTION of shmq-bench-kills...]
# Install the peers (Debian), build in build-bench/, and measure. Without arguments: everything,
# with results in build-bench/results/.
set -eu

packages='gcc g++ libc6-dev ninja-build cmake pkg-config git libpopt-dev libjansson-dev liburing-dev
  libboost-dev libdpdk-dev libzmq3-dev libnng-dev libck-dev python3 jq gnuplot-nox fonts-dejavu-core'

fail() {
  printf 'run.sh: %s\n' "$*" >&2
  exit 2
}

build() {
  printf 'building\n'
  quietly cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSHMQ_BENCH=ON \
    -DSHMQ_TOOLS=OFF || fail 'cmake failed'
  quietly cmake --build "$build" || fail 'the build failed'
}

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tools/debian.sh"
build=$root/build-bench
if command -v dpkg >/dev/null; then
  install_packages
fi
build
if [ "${1-}" = kills ]; then
  shift
  exec "$build/bench/shmq-bench-kills" "$@"
fi
if [ $# -eq 0 ]; then
  mkdir -p "$build/results"
  set -- --json "$build/results/results.json" --plots "$build/results"
fi
exec "$build/bench/shmq-bench" "$@"
