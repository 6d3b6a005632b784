# SPDX-License-Identifier: Apache-2.0
# What the tests of drain -o and load share, beside what those of all tools do.

source "$BATS_TEST_DIRNAME"/../tools/helper.bash

header_size=320
head_size=24

# Items of these sizes, random bytes, as files in $dir/items, put in this order.
put_sizes() {
  local size number=1000
  mkdir -p "$dir"/items
  for size; do
    number=$((number + 1))
    head -c "$size" /dev/urandom > "$dir"/items/$number
  done
  shmq put "$q" --file "$dir"/items/*
}

# Gets as many items as there are in $dir/items, and compares them.
got_the_items() {
  local item
  for item in "$dir"/items/*; do
    shmq get "$q" --timeout 0 > "$dir"/got
    printf '\n' | cat "$item" - | cmp - "$dir"/got
  done
  stat_is .qsize 0
}

# What a record with an item of size $1 takes up.
length_of() {
  echo $((head_size + ($1 + 7) / 8 * 8))
}

file_size() {
  stat -c %s "$1"
}

# Writes a small file with items of 0, 1, 8, 13 and 40 bytes to $dir/file. Sets starts[] to the
# offsets of its records, the last of which is its end.
make_small_file() {
  local size
  put_sizes 0 1 8 13 40
  works shmq drain "$q" -o "$dir"/file
  [ "$output" = "5 items written" ]
  starts=($header_size)
  for size in 0 1 8 13 40; do
    starts+=($((starts[-1] + $(length_of "$size"))))
  done
  [ "$(file_size "$dir"/file)" -eq $((starts[-1] + head_size)) ]
}

# Sets $start to where the record begins in which the byte $1 stands.
find_start() {
  local at
  start=0
  for at in "${starts[@]}"; do
    ((at > $1)) || start=$at
  done
}

# Writes $3 zeros at the offset $2 of the file $1.
zero() {
  dd if=/dev/zero of="$1" bs=1 seek="$2" count="$3" conv=notrunc status=none
}

# The leak sanitizer, where the tools are built with it, does not work under ptrace.
traced() {
  ASAN_OPTIONS=detect_leaks=0 strace -f -qq "$@"
}

# Ends without a fault, though it may say something.
ends() {
  run --separate-stderr timeout 60 "$@"
  echo "status $status, standard error: $stderr"
  [ "$status" -eq 0 ]
}
