# SPDX-License-Identifier: Apache-2.0
load helper

setup_file() {
  command -v zsh > /dev/null || skip "zsh is not here"
}

# What zsh lists after the line $1 and two tabs, in a terminal of its own.
listed() {
  zsh -f "$BATS_TEST_DIRNAME"/list.zsh "$1" "$BATS_TEST_DIRNAME"/../../tools/completion \
    "$BATS_FILE_TMPDIR"/completions
}

@test "zsh completion offers the commands" {
  listed 'shmq ' > "$dir"/listed
  cat "$dir"/listed
  for command in $(shmq --help | sed -n 's/^  \([a-z]\+\)  .*/\1/p') help; do
    grep -q "^$command  *-- " "$dir"/listed
  done
}

@test "zsh completion offers every option that help lists" {
  for command in $(shmq --help | sed -n 's/^  \([a-z]\+\)  .*/\1/p'); do
    listed "shmq $command -" > "$dir"/listed
    cat "$dir"/listed
    for option in $(shmq "$command" --help | grep -E '^  (-|    --)' | grep -oE '^ +-[^=]*' | grep -oE -e ' --?[a-z0-9-]+'); do
      echo "$command $option"
      grep -qE -e "(^| )$option( |$)" "$dir"/listed
    done
  done
}

@test "zsh completion offers the names of queues" {
  shmq create "$q-a"
  shmq create "$q-b"
  for line in "shmq get $q" "shmq drain --discard $q" "shmq-stat $q" "shmq farm --results $q"; do
    listed "$line" > "$dir"/listed
    cat "$dir"/listed
    grep -q "^$q-a  *$q-b" "$dir"/listed
  done
}
