#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: sh tools/demo.sh [-s SEED] [FOLDER...]
# Install what is missing (Debian), build in build/, and run the demo on real files.
set -eu

packages='gcc libc6-dev make cmake pkg-config libssl-dev libpopt-dev libjansson-dev
  liburing-dev zlib1g-dev libmicrohttpd-dev libncurses-dev'

fail() {
  printf 'demo.sh: %s\n' "$*" >&2
  exit 2
}

build() {
  printf 'building\n'
  quietly cmake -S "$root" -B "$root/build" -DCMAKE_BUILD_TYPE=Release -DSHMQ_DEMO=ON \
    -DSHMQ_URING=OFF ||
    fail 'cmake failed'
  quietly cmake --build "$root/build" --parallel "$(nproc)" || fail 'the build failed'
}

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tools/debian.sh"
if command -v dpkg >/dev/null; then
  install_packages
fi
build
exec "$root/build/tools/demo/shmq-demo" "$@"
