# SPDX-License-Identifier: Apache-2.0
load helper

# The item that comes out of the queue is the file $1.
comes_out_as() {
  shmq get "$q" -0 --timeout 0 > "$dir"/out
  truncate -s -1 "$dir"/out
  cmp "$1" "$dir"/out
}

@test "empty items, from everywhere" {
  shmq create "$q"
  works shmq put "$q" ""
  printf '\n\n' | shmq put "$q"
  printf '\0' | shmq put "$q" -0
  works shmq put "$q" --file /dev/null
  stat_is .qsize 5
  shmq get "$q" --all | cmp - <(printf '\n\n\n\n\n')
}

@test "every byte there is, and newlines and NULs among them" {
  shmq create "$q"
  for byte in {0..255}; do
    printf "\\x$(printf %x "$byte")"
  done > "$dir"/all
  [ "$(wc -c < "$dir"/all)" -eq 256 ]
  works shmq put "$q" --file "$dir"/all
  comes_out_as "$dir"/all
}

@test "random bytes of many sizes" {
  shmq create "$q" --item-max 64K
  for size in 1 7 8 9 63 64 65 4095 4096 4097 65535; do
    head -c "$size" /dev/urandom > "$dir/$size"
    shmq put "$q" --file "$dir/$size"
  done
  for size in 1 7 8 9 63 64 65 4095 4096 4097 65535; do
    comes_out_as "$dir/$size"
  done
}

@test "an item of exactly item_max, and one byte more" {
  shmq create "$q"
  head -c 4096 /dev/urandom > "$dir"/fits
  head -c 4097 /dev/urandom > "$dir"/more
  works shmq put "$q" --file "$dir"/fits
  refused 1 "larger than the 4096 bytes" shmq put "$q" --file "$dir"/more
  comes_out_as "$dir"/fits
  refused 3 "empty" shmq get "$q" --timeout 0
}

@test "an argument, a line and a NUL-ended item of exactly item_max, and one byte more" {
  shmq create "$q" --item-max 10
  works shmq put "$q" 0123456789
  refused 1 "item 1 is larger" shmq put "$q" 0123456789X
  echo 0123456789 | shmq put "$q"
  printf 0123456789 | shmq put "$q"
  printf '0123456789\0' | shmq put "$q" -0
  refused 1 "item 1 is larger" bash -c "echo 0123456789X | shmq put $q"
  refused 1 "item 1 is larger" bash -c "printf 0123456789X | shmq put $q"
  works shmq get "$q" --all
  [ "$output" = $'0123456789\n0123456789\n0123456789\n0123456789' ]
}

@test "items before one that is too large are put, and counted" {
  shmq create "$q" --item-max 10
  refused 1 "item 3 is larger than the 10 bytes allowed" shmq put "$q" a b 0123456789X d
  [[ $stderr == *"(2 items put)" ]]
  refused 1 "(3 items put)" bash -c "printf 'a\nb\nc\n0123456789X\ne\n' | shmq put $q"
  stat_is .qsize 5
}

@test "a line without an end is refused as soon as it is too large" {
  shmq create "$q"
  refused 1 "item 1 is larger" shmq put "$q" < /dev/zero
}

@test "an item of a megabyte, which no read and no write takes at once" {
  shmq create "$q" --item-max 1M --capacity 4M --max-leases 2
  head -c 1048576 /dev/urandom > "$dir"/large
  shmq put "$q" --file - < <(cat "$dir"/large)
  shmq get "$q" -0 | cat > "$dir"/out
  truncate -s -1 "$dir"/out
  cmp "$dir"/large "$dir"/out
  tr -d '\n' < "$dir"/large > "$dir"/line
  cat "$dir"/line | shmq put "$q"
  comes_out_as "$dir"/line
}

@test "ten thousand lines of many lengths" {
  shmq create "$q" --capacity 16M
  awk 'BEGIN { srand(1); for (i = 0; i < 10000; i++) { line = i ":"
    for (n = int(rand() * rand() * 2000); n > 0; n -= 10) line = line "0123456789"; print line } }' \
    > "$dir"/in
  shmq put "$q" < "$dir"/in
  stat_is .qsize 10000
  shmq get "$q" --all | cmp - "$dir"/in
}

@test "items that hold newlines keep apart with -0" {
  shmq create "$q"
  seq 5000 | sed 's/5/\n/g' | tr '\n' '\0' | sed 's/1/\n/g' > "$dir"/in
  shmq put "$q" -0 < "$dir"/in
  shmq get "$q" --all -0 | cmp - "$dir"/in
}
