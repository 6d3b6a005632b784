# SPDX-License-Identifier: Apache-2.0
load record.bash

@test "bad calls" {
  shmq create "$q"
  refused 2 "no file is named" shmq load "$q"
  refused 2 "one argument too many" shmq load "$q" file more
  refused 2 "usage: shmq load" shmq load
  refused 2 "expected a time" shmq load "$q" file --timeout 5
  refused 2 "--follow: only with -o" shmq drain "$q" --follow
  refused 2 "-o: not with" shmq drain "$q" -o "$dir"/file --discard
  refused 2 "-o: not with" shmq drain "$q" -o "$dir"/file -0
  refused 1 "no such queue" shmq load "$q-none" "$dir"/file
  refused 1 "no such queue" shmq drain "$q-none" -o "$dir"/file
  [ ! -e "$dir"/file ]
}

@test "a file that cannot be made" {
  shmq create "$q"
  shmq put "$q" one
  refused 1 "No such file" shmq drain "$q" -o "$dir"/none/file
  refused 1 "Is a directory" shmq drain "$q" -o "$dir"
  [ "$(stat_of '[.qsize, .done]')" = '[1,0]' ]
}

# A file may not grow beyond some KiB; the same way, a disk is full.
@test "a file that may not grow: what is not in it stays in the queue" {
  shmq create "$q" --capacity 8M
  seq 100000 | shmq put "$q"
  for limit in 1 20 300; do
    refused 1 "File too large" bash -c "ulimit -f $limit; shmq drain $q -o $dir/file"
    [[ $stderr == *"$dir/file: "* ]]
    stat_is .leased 0
  done
  refused 1 "File too large" bash -c "ulimit -f 500; '$WITHOUT_URING' shmq drain $q -o $dir/file"
  works shmq drain "$q" -o "$dir"/file
  works shmq load "$q" "$dir"/file
  shmq get "$q" --all | cmp - <(seq 100000)
}

@test "a full disk" {
  [ "$(id -u)" -eq 0 ] && unshare -m true || skip "only root can mount a small disk"
  shmq create "$q" --capacity 8M
  seq 50000 | shmq put "$q"
  mkdir "$dir"/disk
  refused 1 "No space left on device" unshare -m bash -c \
    "mount -t tmpfs -o size=1M none $dir/disk; shmq drain $q -o $dir/disk/file
     status=\$?; cp $dir/disk/file $dir/file; exit \$status"
  works shmq drain "$q" -o "$dir"/file
  works shmq load "$q" "$dir"/file
  shmq get "$q" --all | cmp - <(seq 50000)
}

# What the kernel still has of it would otherwise pass for written.
@test "a disk that fails to make the items durable: they stay in the queue, and not in the file" {
  shmq create "$q"
  shmq put "$q" one two
  refused 1 "Input/output error" env ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null \
    -e trace=fdatasync -e inject=fdatasync:error=EIO "$WITHOUT_URING" shmq drain "$q" -o "$dir"/file
  [ "$(file_size "$dir"/file)" -eq $header_size ]
  [ "$(stat_of '[.qsize, .leased, .done]')" = '[2,0,0]' ]
}

@test "the file of another queue, or of an earlier one of that name" {
  shmq create "$q"
  shmq create "$q-other"
  shmq put "$q" one
  shmq drain "$q" -o "$dir"/file
  shmq put "$q-other" two
  refused 1 "it holds items of the queue $q; take another file" shmq drain "$q-other" -o "$dir"/file
  shmq rm "$q"
  shmq create "$q"
  shmq put "$q" three
  refused 1 "an earlier queue of that name; take another file" shmq drain "$q" -o "$dir"/file
  [ "$(stat_of .qsize)" = 1 ]
}

@test "a file that others write to" {
  shmq create "$q"
  start shmq drain "$q" -o "$dir"/file --follow
  shmq put "$q" one
  eventually stat_is .done 1
  refused 1 "in use by another drain" shmq drain "$q" -o "$dir"/file
  refused 1 "a drain is writing to it" shmq load "$q" "$dir"/file
}

@test "an item that the queue does not take: nothing is put" {
  shmq create "$q-large" --item-max 100
  shmq create "$q" --item-max 50
  shmq put "$q-large" short "$(head -c 60 /dev/zero | tr '\0' x)" short
  shmq drain "$q-large" -o "$dir"/file
  refused 1 "item 2 has 60 bytes, and $q takes 50" shmq load "$q" "$dir"/file
  stat_is .put 0
}

@test "a load into a queue that is shut down, or is shut down meanwhile" {
  shmq create "$q" --maxsize 1
  shmq create "$q-source"
  shmq put "$q-source" a b c
  shmq drain "$q-source" -o "$dir"/file
  start shmq load "$q" "$dir"/file
  eventually stat_is .full true
  shmq shutdown "$q"
  local ended=0
  wait "$pid" || ended=$?
  [ $ended -eq 4 ]
  run -4 --separate-stderr shmq load "$q" "$dir"/file
  [[ ${stderr_lines[1]} == *"shut down"*"(1 of 3 items put"* ]]
}

@test "the note of a load is kept for its file and its queue alone" {
  shmq create "$q" --maxsize 1
  shmq create "$q-source"
  shmq put "$q-source" a b c
  shmq drain "$q-source" -o "$dir"/file
  refused 3 "full" shmq load "$q" "$dir"/file --timeout 0
  cp "$dir"/file "$dir"/kept
  rm "$dir"/file
  shmq drain "$q-source" -o "$dir"/file
  refused 1 "it is of another file" shmq load "$q" "$dir"/file
  cp "$dir"/kept "$dir"/file
  shmq rm "$q"
  shmq create "$q"
  refused 1 "an earlier queue" shmq load "$q" "$dir"/file
  echo nonsense > "$dir"/file."$q".loading
  refused 1 "not the note" shmq load "$q" "$dir"/file
  rm "$dir"/file."$q".loading
  works shmq load "$q" "$dir"/file
  [ "$(shmq get "$q" --all | xargs)" = "a b c" ]
}

@test "who may only read the queue drains and loads nothing" {
  local as="setpriv --reuid 65534 --regid 65534 --clear-groups"
  $as shmq --version > /dev/null || skip "cannot be another user here"
  shmq create "$q" --mode 0644
  shmq put "$q" one
  shmq drain "$q" -o "$dir"/file
  shmq put "$q" one
  chmod 644 "$dir"/file
  refused 1 "no permission" $as shmq drain "$q" -o /dev/null
  refused 1 "no permission" $as shmq load "$q" "$dir"/file
  [ "$(stat_of '[.qsize, .done]')" = '[1,1]' ]
}

@test "what others have in hand is not drained" {
  shmq create "$q" --max-leases 1 --capacity 4M
  start_stuck_get
  refused 3 "in hand" shmq drain "$q" -o "$dir"/file
}
