#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# lint.sh FOLDER: lib/ and tools/ under gcc's -fanalyzer, clang-tidy and cppcheck, and gcc's warnings
# on bench/ and the demo, with FOLDER to build in. Fails on what is not in known-findings.txt;
# docs/checks.md explains what is. (The tests are built without warnings by every run of run.sh.)
# (sh tests/run.sh --lint installs the tools and calls this.)
set -eu

folder=$1
cd "$(dirname "$0")/.."
here=$(pwd)

fail() {
  echo "lint: $*" >&2
  exit 1
}

sources() {
  find lib tools -name '*.c' ! -path 'tools/demo/*'
}

# A finding is "TOOL FILE CHECK": lines move.
findings_of() {
  sed -nE "s,^($here/)?(lib/\./|lib/farm/\./)?([^: ]+):[0-9]+:[0-9]+: (warning|error|portability|performance): .*\[(-W)?([^],]+)[^]]*\]\$,$1 \3 \6,p" \
    "$folder/$1.log" "$folder/$1"-*.log 2>/dev/null || true
}

# compile LOG FOLDER TARGETS OPTION...: what does not build has no findings.
compile() {
  log=$1
  build=$2
  targets=$3
  shift 3
  # shellcheck disable=SC2086 # the targets are words
  cmake -S . -B "$build" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON "$@" >"$log" &&
    cmake --build "$build" --clean-first --parallel "$(nproc)" --target $targets >>"$log" 2>&1 ||
    fail "see $log"
}

# Each file once, and not for the static libraries too; clang-tidy takes every command that it finds.
analyze() {
  compile "$folder/gcc.log" "$folder" 'shmq_tool shmq_farm_shared shmq_uring_shared' \
    -DCMAKE_C_FLAGS=-fanalyzer
  jq 'unique_by(.file) | map(.command |= sub("-fanalyzer"; ""))' "$folder/compile_commands.json" \
    >"$folder/once.json"
  mv "$folder/once.json" "$folder/compile_commands.json"
}

compile_benchmarks() {
  compile "$folder/gcc-bench.log" "$folder/bench" all -DSHMQ_TOOLS=OFF -DSHMQ_DEMO=ON -DSHMQ_BENCH=ON
}

# A file at a time: with several, one file's findings depend on the file before. 123: findings.
tidy() {
  sources | xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p "$folder" >"$folder/clang-tidy.log" \
    2>/dev/null || [ $? -eq 123 ] || fail "clang-tidy does not run"
}

check() {
  cppcheck -q --enable=warning,performance,portability --std=c11 --library=gnu -D_GNU_SOURCE \
    -I lib -I lib/include -I tools lib tools 2>"$folder/cppcheck.log" || fail "cppcheck does not run"
}

known() {
  grep -v '^#' tests/known-findings.txt | LC_ALL=C sort -u
}

report=$folder/findings.txt
mkdir -p "$folder"
analyze
compile_benchmarks
tidy
check
for tool in gcc clang-tidy cppcheck; do
  findings_of $tool
done | LC_ALL=C sort -u >"$report"
known | LC_ALL=C comm -13 "$report" - | sed 's/^/lint: known, and not found: /'
new=$(known | LC_ALL=C comm -23 "$report" -)
[ -z "$new" ] || fail "new findings; mend them, or explain them in docs/checks.md:
$new"
echo "lint: nothing new; $(wc -l <"$report") known findings"
