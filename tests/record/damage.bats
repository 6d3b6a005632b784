# SPDX-License-Identifier: Apache-2.0
load record.bash

# Each line of flips.py says that the file was refused, and where.
all_refused() {
  awk -v starts="0 ${starts[*]}" 'BEGIN { count = split(starts, start) }
    {
      for (i = 1; i < count && $1 >= start[i + 1]; i++);
      text = $1 < 8 ? "not a file that drain -o wrote" : "damaged at offset " start[i] "[;:]"
      if ($2 != 1 || $3 != "shmq" || $0 !~ text) { print; bad = 1 }
    }
    END { exit bad }'
}

# Runs a command on $dir/bad, a copy of $dir/file with a bit turned in every $1-th byte by turns. (It
# runs so often that leaks, whose search takes half of the time, are looked for elsewhere.)
flips_are_refused() {
  local step=$1
  shift
  ASAN_OPTIONS=detect_leaks=0 "$BATS_TEST_DIRNAME"/flips.py "$step" "$dir"/file "$dir"/bad "$@" > "$dir"/said
  [ "$(wc -l < "$dir"/said)" -eq $((($(file_size "$dir"/file) + step - 1) / step)) ]
  all_refused < "$dir"/said
}

@test "a bit that turned, in any byte, is refused with the offset" {
  shmq create "$q"
  make_small_file
  flips_are_refused 1 shmq load "$q" "$dir"/bad
  flips_are_refused 5 shmq drain "$q" -o "$dir"/bad # reads it as load does
  [ "$(stat_of '[.put, .qsize]')" = '[5,0]' ]
}

@test "a file cut anywhere holds the items that are whole, and can be gone on with" {
  shmq create "$q"
  make_small_file
  shmq create "$q-other"
  local size=${starts[-1]} length start whole
  for ((length = header_size + 1; length < size; length += 3)); do
    head -c $length "$dir"/file > "$dir"/torn
    find_start $length
    whole=0
    while ((starts[whole] < start)); do whole=$((whole + 1)); done
    ends shmq load "$q-other" "$dir"/torn
    [ "$output" = "$whole items put" ]
    [[ $stderr == *"no end"* ]]
    shmq drain "$q-other" --discard
    works shmq drain "$q" -o "$dir"/torn
    [ "$(file_size "$dir"/torn)" -eq $((start + head_size)) ]
    works shmq load "$q-other" "$dir"/torn
    [ "$output" = "$whole items put" ]
    shmq drain "$q-other" --discard
  done
}

@test "a file cut within its header is refused" {
  shmq create "$q"
  make_small_file
  for length in 1 8 16 319; do
    head -c $length "$dir"/file > "$dir"/torn
    refused 1 "$dir/torn: " shmq load "$q" "$dir"/torn
    refused 1 "$dir/torn: " shmq drain "$q" -o "$dir"/torn
  done
}

# As a write leaves it that did not come to pass, though a later one did.
@test "a hole behind what is known to be on disk is a torn tail" {
  shmq create "$q"
  make_small_file
  local end=${starts[5]} last=${starts[4]}
  truncate -s "$end" "$dir"/file
  zero "$dir"/file "$last" $((end - last))
  ends shmq load "$q" "$dir"/file
  [ "$output" = "4 items put" ]
  shmq drain "$q" --discard
  works shmq drain "$q" -o "$dir"/file
  [ "$(file_size "$dir"/file)" -eq $((last + head_size)) ]
}

@test "a hole before what is known to be on disk is damage" {
  shmq create "$q"
  make_small_file
  for record in 0 2 4; do
    cp "$dir"/file "$dir"/bad
    zero "$dir"/bad "${starts[record]}" $((starts[record + 1] - starts[record]))
    refused 1 "damaged at offset ${starts[record]};" shmq load "$q" "$dir"/bad
    refused 1 "damaged at offset ${starts[record]};" shmq drain "$q" -o "$dir"/bad
  done
}

@test "records that stand elsewhere, or come from another file, are damage" {
  shmq create "$q"
  put_sizes 16 16
  shmq drain "$q" -o "$dir"/file
  local first=$header_size length
  length=$(length_of 16)
  { head -c $((first + length)) "$dir"/file; tail -c +$((first + 1)) "$dir"/file; } > "$dir"/bad
  refused 1 "damaged at offset $((first + length));" shmq load "$q" "$dir"/bad
  shmq load "$q" "$dir"/file
  shmq drain "$q" -o "$dir"/other
  { head -c $first "$dir"/file; tail -c +$((first + 1)) "$dir"/other; } > "$dir"/bad
  refused 1 "damaged at offset $first;" shmq load "$q" "$dir"/bad
}

@test "what is no such file" {
  shmq create "$q"
  seq 1000 > "$dir"/text
  refused 1 "not a file that drain -o wrote" shmq load "$q" "$dir"/text
  refused 1 "not a file that drain -o wrote" shmq drain "$q" -o "$dir"/text
  seq 1000 | cmp - "$dir"/text
  : > "$dir"/empty
  refused 1 "not a file that drain -o wrote" shmq load "$q" "$dir"/empty
  refused 1 "No such file" shmq load "$q" "$dir"/none
  refused 1 "not a regular file" shmq load "$q" "$dir"
  refused 1 "not a regular file" shmq drain "$q" -o /dev/null
}
