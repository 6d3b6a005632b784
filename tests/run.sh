#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [--asan] [--clang] [--aarch64] [--long] [--build] [--format]
#
# Installs what is missing (Debian packages), builds, and runs all tests.
#   --asan    with the address and undefined-behaviour sanitizers, in build-asan/
#   --clang   with clang, in build-clang/
#   --aarch64 for that processor, emulated by qemu, in build-aarch64/: what needs the library alone
#   --long    storms of a thousand kills, too
#   --build   build only
#   --format  check the sources' format only
# SHMQ_SEED=N repeats the run that printed N.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
packages='build-essential cmake pkg-config libcriterion-dev libpopt-dev libjansson-dev
  liburing-dev zlib1g-dev libssl-dev libcurl4-openssl-dev systemtap-sdt-dev python3 bats jq strace zsh'
folder=build
options='-DCMAKE_BUILD_TYPE=Release -DSHMQ_WERROR=ON -DSHMQ_TESTS=ON'
configuration=''
selection=''
task=test

fail() {
  echo "run.sh: $*" >&2
  exit 1
}

read_arguments() {
  for argument; do
    case $argument in
      --asan)
        folder=build-asan
        options="$options -DSHMQ_SANITIZE=address,undefined"
        ;;
      --clang)
        folder=build-clang
        packages="$packages clang"
        options="$options -DCMAKE_C_COMPILER=clang"
        ;;
      --aarch64)
        folder=build-aarch64
        packages='build-essential cmake pkg-config gcc-aarch64-linux-gnu libc6-dev-arm64-cross
          qemu-user-static bats'
        options="$options -DSHMQ_TOOLS=OFF -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64
          -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc
          -DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64-static"
        selection='--label-regex ^(unit|process|crash)$'
        ;;
      --long)
        configuration='--build-config long'
        packages="$packages fakeroot"
        ;;
      --build) task=build ;;
      --format)
        task=format
        packages=clang-format
        ;;
      *) fail "unknown option $argument" ;;
    esac
  done
}

is_installed() {
  dpkg -s "$1" 2>/dev/null | grep -q '^Status: install ok installed'
}

install_missing() {
  missing=''
  for package in $packages; do
    is_installed "$package" || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  [ "$(id -u)" -eq 0 ] || fail "needs these packages; as root: apt-get install$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q </dev/null
  # shellcheck disable=SC2086 # the packages are words
  apt-get install -q -y --no-install-recommends $missing </dev/null
}

check_format() {
  find lib tools tests bench -name '*.[ch]' -o -name '*.cpp' | xargs clang-format -n -Werror
}

build() {
  # shellcheck disable=SC2086 # the options are words
  cmake -S . -B "$folder" $options
  cmake --build "$folder" --parallel "$(nproc)"
}

run_tests() {
  # shellcheck disable=SC2086
  ctest --test-dir "$folder" --output-on-failure --no-tests=error --parallel "$(nproc)" $configuration \
    $selection
}

read_arguments "$@"
cd "$root"
install_missing
case $task in
  format) check_format ;;
  build) build ;;
  test)
    build
    run_tests
    ;;
esac
