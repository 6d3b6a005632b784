#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: sh tools/demo.sh [-s SEED] [FOLDER...]
# Install what is missing (Debian), build in build/, and run the demo on real files.
set -eu

packages='gcc libc6-dev make cmake pkg-config libssl-dev libpopt-dev libjansson-dev'

fail() {
  printf 'demo.sh: %s\n' "$*" >&2
  exit 2
}

# Run a command quietly; its output matters only if it fails.
quietly() {
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 40 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

missing_packages() {
  for package in $packages; do
    dpkg -s "$package" 2>/dev/null | grep -q '^Status: .* ok installed' || printf '%s ' "$package"
  done
}

install_packages() {
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  [ "$(id -u)" -eq 0 ] || fail "please install as root: $missing"
  printf 'installing: %s\n' "$missing"
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-get update || fail 'apt-get update failed'
  # shellcheck disable=SC2086 # a list of words
  quietly apt-get install -y --no-install-recommends $missing || fail "cannot install: $missing"
}

build() {
  printf 'building\n'
  quietly cmake -S "$root" -B "$root/build" -DCMAKE_BUILD_TYPE=Release -DSHMQ_DEMO=ON ||
    fail 'cmake failed'
  quietly cmake --build "$root/build" --parallel "$(nproc)" || fail 'the build failed'
}

root=$(cd "$(dirname "$0")/.." && pwd)
if command -v dpkg >/dev/null; then
  install_packages
fi
build
exec "$root/build/tools/demo/shmq-demo" "$@"
