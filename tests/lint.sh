#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# lint.sh FOLDER: lib/ and tools/ under gcc's -fanalyzer, clang-tidy and cppcheck, with FOLDER to
# build in. Fails on what is not in known-findings.txt; docs/checks.md explains what is.
# (sh tests/run.sh --lint installs the tools and calls this.)
set -eu

folder=$1
cd "$(dirname "$0")/.."
here=$(pwd)

sources() {
  find lib tools -name '*.c' ! -path 'tools/demo/*'
}

# A finding is "TOOL FILE CHECK": lines move.
findings_of() {
  sed -nE "s,^($here/)?(lib/\./|lib/farm/\./)?([^: ]+):[0-9]+:[0-9]+: (warning|error|portability|performance): .*\[(-W)?([^],]+)[^]]*\]\$,$1 \3 \6,p"
}

analyze() {
  cmake -S . -B "$folder" -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DCMAKE_C_FLAGS=-fanalyzer >/dev/null
  cmake --build "$folder" --clean-first --parallel "$(nproc)" 2>&1 | findings_of gcc
  sed -i 's/-fanalyzer//' "$folder/compile_commands.json"
}

# A file at a time: with several, one file's findings depend on the file before.
tidy() {
  sources | xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p "$folder" 2>/dev/null | findings_of clang-tidy
}

check() {
  cppcheck -q --enable=warning,performance,portability --std=c11 --library=gnu -D_GNU_SOURCE \
    -I lib -I lib/include -I tools lib tools 2>&1 | findings_of cppcheck
}

report=$folder/findings.txt
mkdir -p "$folder"
{ analyze && tidy && check; } | LC_ALL=C sort -u >"$report"
if new=$(grep -v '^#' tests/known-findings.txt | LC_ALL=C sort -u | LC_ALL=C comm -23 "$report" -) &&
  [ -z "$new" ]; then
  echo "lint: nothing new; $(wc -l <"$report") known findings"
else
  printf 'lint: new findings; mend them, or explain them in docs/checks.md:\n%s\n' "$new" >&2
  exit 1
fi
