#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# run.sh [--asan] [--tsan] [--valgrind] [--clang] [--aarch64] [--long] [--build] [--format]
# run.sh --lint | --coverage | --fuzz [SECONDS] | --afl [SECONDS]
#
# Installs what is missing (Debian packages), builds, and runs all tests.
#   --asan    with the address and undefined-behaviour sanitizers, in build-asan/
#   --tsan    with the thread sanitizer, in build-tsan/: the tests that have threads
#   --valgrind with its memcheck, in build-valgrind/: the unit and process tests that it can follow
#   --clang   with clang, in build-clang/
#   --aarch64 for that processor, emulated by qemu, in build-aarch64/: what needs the library alone
#   --long    storms of a thousand kills, too
#   --build   build only
#   --format  check the sources' format only
#   --lint    gcc's -fanalyzer, clang-tidy and cppcheck, in build-lint/
#   --coverage of lib/ by the tests of the library, in build-coverage/
#   --fuzz    each target of tests/fuzz/ for so many seconds (180), with clang, in build-fuzz/
#   --afl     the same with AFL++, in build-afl/
# SHMQ_SEED=N repeats the run that printed N.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
packages='build-essential cmake pkg-config libcriterion-dev libpopt-dev libjansson-dev
  liburing-dev zlib1g-dev libmicrohttpd-dev libncurses-dev libssl-dev libcurl4-openssl-dev
  systemtap-sdt-dev python3 bats jq strace zsh curl tmux procps spin'
folder=build
options='-DCMAKE_BUILD_TYPE=Release -DSHMQ_WERROR=ON -DSHMQ_TESTS=ON'
configuration=''
selection=''
task=test
seconds=180
targets=''
fuzz_targets='open operate units record'

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
      --tsan)
        # It does not know full fences, nor that fork handlers make a mutex anew: docs/checks.md.
        [ $task = build ] || task=reports
        folder=build-tsan
        options="$options -DSHMQ_TOOLS=OFF -DSHMQ_SANITIZE=thread -DCMAKE_C_FLAGS=-Wno-tsan"
        selection='--tests-regex ^(unit/(event_count|os|robust_mutex|slots|wait)|process/(join|leases|threads)|crash/.*threads|executor/waiting|wire/(rings|storm|wait_any)|fuzz/operate)$'
        export TSAN_OPTIONS="report_mutex_bugs=0:detect_deadlocks=0:die_after_fork=0:log_path=$root/$folder/reports/tsan"
        ;;
      --valgrind)
        # docs/checks.md says why some are left out.
        [ $task = build ] || task=reports
        folder=build-valgrind
        packages="$packages valgrind"
        options="$options -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSHMQ_TOOLS=OFF -DSHMQ_URING=OFF
          -DCMAKE_CROSSCOMPILING_EMULATOR=valgrind;-q;--log-file=$root/$folder/reports/%p.log;--fair-sched=yes;--leak-check=full;--show-leak-kinds=definite;--errors-for-leak-kinds=definite;--error-exitcode=9"
        selection='--label-regex ^(unit|process)$ --exclude-regex ^process/(deaths|scribble|timeouts|users)$'
        targets=$(cd "$root/tests" && echo unit/*.c process/*.c | sed 's,/,_,g; s,\.c,,g')
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
      --lint)
        task=lint
        folder=build-lint
        packages="$packages clang-tidy cppcheck"
        ;;
      --coverage)
        task=coverage
        folder=build-coverage
        packages="$packages gcovr"
        options="$options -DSHMQ_TOOLS=OFF"
        # Who leaves by _exit takes its counts with it: exit writes them. And gcc's own fork would
        # drop those of the fork handlers.
        export CFLAGS='--coverage -fprofile-update=atomic -D_exit=exit -fno-builtin-fork'
        selection='--label-regex ^(unit|process|crash|history|wire|executor|fuzz)$'
        ;;
      --fuzz)
        task=fuzz
        folder=build-fuzz
        # shellcheck disable=SC2046,SC2086 # the targets are words
        targets=$(printf 'fuzz_%s ' $fuzz_targets)
        packages="$packages clang libclang-rt-14-dev"
        options="$options -DCMAKE_C_COMPILER=clang -DSHMQ_FUZZ=ON
          -DSHMQ_SANITIZE=fuzzer-no-link,address,undefined"
        ;;
      --afl)
        task=afl
        folder=build-afl
        # shellcheck disable=SC2046,SC2086 # the targets are words
        targets=$(printf 'fuzz_%s ' $fuzz_targets)
        packages="$packages afl++ clang libclang-rt-14-dev"
        options="$options -DCMAKE_C_COMPILER=afl-clang-fast -DSHMQ_FUZZ=ON
          -DSHMQ_SANITIZE=address,undefined"
        ;;
      [0-9]*) seconds=$argument ;;
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
  patiently='-q -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300'
  # shellcheck disable=SC2086 # the options and the packages are words
  apt-get $patiently update </dev/null
  # shellcheck disable=SC2086
  apt-get $patiently install -y --no-install-recommends $missing </dev/null
}

check_format() {
  find lib tools tests bench -name '*.[ch]' -o -name '*.cpp' | xargs clang-format -n -Werror
}

build() {
  # shellcheck disable=SC2086 # the options and targets are words
  cmake -S . -B "$folder" $options
  cmake --build "$folder" --parallel "$(nproc)" ${targets:+--target $targets}
}

run_tests() {
  # shellcheck disable=SC2086
  ctest --test-dir "$folder" --output-on-failure --no-tests=error --parallel "$(nproc)" $configuration \
    $selection
}

# What a tool says of a process is in a file of its own: nobody may ask how that process ended.
run_with_reports() {
  rm -rf "$folder/reports"
  mkdir "$folder/reports"
  run_tests
  find "$folder/reports" -size 0 -delete
  [ -z "$(ls "$folder/reports")" ] || fail "see $folder/reports"
}

# A process that is killed takes its counts with it.
print_coverage() {
  find "$folder" -name '*.gcda' -delete
  passed=true
  run_tests || passed=false
  # A count that gcov reckons from others may be -1: that branch is left out.
  gcovr --root . --filter lib/ --gcov-ignore-parse-errors --json "$folder/coverage.json" "$folder/lib"
  for part in '--exclude lib/farm/ --exclude lib/uring/' '--filter lib/farm/' '--filter lib/uring/'; do
    # shellcheck disable=SC2086
    gcovr --root . -a "$folder/coverage.json" $part --print-summary
    # shellcheck disable=SC2086
    gcovr --root . -a "$folder/coverage.json" $part --branches
  done
  $passed || fail "tests failed: their counts may be missing"
}

# What is found lies in the folder as crash-* and timeout-*; new inputs, in new/.
fuzz() {
  for target in $fuzz_targets; do
    printf '\n==== %s\n' "$target"
    mkdir -p "$folder/new/$target"
    "$folder/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=30 -verbosity=1 \
      -print_final_stats=1 -artifact_prefix="$folder/" "$folder/new/$target" \
      "tests/fuzz/corpus/$target" 2>"$folder/$target.log" || fail "see $folder/$target.log"
    grep -E 'INITED|DONE|^stat::' "$folder/$target.log"
  done
}

# What is found lies in out/TARGET/default/, in crashes/ and hangs/; new inputs, in queue/. The
# kernel may hand cores to a program, the processors may run at any speed, and others may be bound to
# them: AFL++ minds all three.
fuzz_afl() {
  export AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
  for target in $fuzz_targets; do
    printf '\n==== %s\n' "$target"
    out=$folder/out/$target
    mkdir -p "$out"
    afl-fuzz -V "$seconds" -t 1000 -i "tests/fuzz/corpus/$target" -o "$out" -- \
      "$folder/tests/fuzz/fuzz_$target" >"$out.log" 2>&1 || fail "see $out.log"
    grep -E '^(execs_done|edges_found|total_edges|saved_)' "$out/default/fuzzer_stats"
  done
}

read_arguments "$@"
cd "$root"
install_missing
case $task in
  format) check_format ;;
  build) build ;;
  lint) sh tests/lint.sh "$folder" ;;
  coverage)
    build
    print_coverage
    ;;
  fuzz)
    build
    fuzz
    ;;
  afl)
    build
    fuzz_afl
    ;;
  reports)
    build
    run_with_reports
    ;;
  test)
    build
    run_tests
    ;;
esac
