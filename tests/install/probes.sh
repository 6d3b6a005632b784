#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# probes.sh LIBRARY: has it the probes that docs/tracing.md lists, no others, and each at all its
# places with arguments of one kind, as perf demands?
set -eu

library=$1
page=$(dirname "$0")/../../docs/tracing.md

listed() {
  sed -n 's/^| `\([a-z]*\)` | .*/\1/p' "$page" | sort
}

# A probe and its arguments, without the registers that they are in.
probes() {
  readelf --notes --wide "$library" |
    awk '/Provider:/ { ours = $NF == "shmq" } $1 == "Name:" { name = $2 }
      $1 == "Arguments:" && ours { gsub(/@%?[a-z0-9]+/, "@"); $1 = name; print }' | sort -u
}

test "$(listed | wc -l)" -eq 9
probes
test "$(probes | cut -d' ' -f1)" = "$(listed)"
