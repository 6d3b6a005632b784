# SPDX-License-Identifier: Apache-2.0
load helper

man=$BATS_TEST_DIRNAME/../../docs/man
completion=$BATS_TEST_DIRNAME/../../tools/completion/shmq.bash

# The commands that the overview lists.
commands() {
  shmq --help | sed -n 's/^  \([a-z]\+\)  .*/\1/p'
}

# The options that a command's help lists, one a line.
options_of() {
  shmq "$1" --help | sed -nE 's/^  (-.), (--[a-z-]+).*/\1\n\2/p; s/^      (--[a-z-]+).*/\1/p;
    s/^  (-[a-z0-9])( .*)?$/\1/p; s/^  (-[a-z0-9])=.*/\1/p'
}

# Makes $COMPREPLY what completion offers at the end of the words.
complete_words() {
  COMP_WORDS=("$@")
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _shmq || true
}

@test "help goes to standard output and ends with 0" {
  works shmq --help
  [[ $output == "Usage: shmq COMMAND"* ]]
  [ "$(shmq -h)" = "$(shmq --help)" ]
  [ "$(shmq help)" = "$(shmq --help)" ]
  for command in $(commands); do
    works shmq "$command" --help
    [[ $output == "Usage: shmq $command "* ]]
    [[ $output == *"Example: "*"shmq $command "* ]]
    [ "$(shmq help "$command")" = "$output" ]
    [ "$(shmq "$command" -h)" = "$output" ]
  done
  works shmq-stat --help
  [[ $output == "Usage: shmq-stat "* ]]
}

@test "the version is that of the header" {
  local header=$BATS_TEST_DIRNAME/../../lib/include/shmq.h version
  version=$(awk '/define SHMQ_VERSION_/ { printf "%s%s", dot, $3; dot = "." }' "$header")
  works shmq --version
  [ "$output" = "shmq $version" ]
  works shmq-stat --version
  [ "$output" = "shmq $version" ]
}

@test "the overview lists every command" {
  [ "$(commands | xargs)" = "create ls stat top exporter put get peek drain load farm shutdown recover rm" ]
}

@test "each command has a man page with its options, exit status and examples" {
  for command in $(commands); do
    page=$man/shmq-$command.1
    grep -q '^.SH EXIT STATUS' "$page"
    grep -q '^.SH EXAMPLES' "$page"
    grep -Fq "shmq\\-$command (1)" "$man"/shmq.1
    for option in $(options_of "$command"); do
      [[ $option == -h || $option == --help || $option == --version ]] && continue
      echo "$command $option"
      grep -Fq -e "${option//-/\\-}" "$page"
    done
  done
}

@test "the man pages are clean" {
  if command -v mandoc; then
    mandoc -Tlint "$man"/*
  elif command -v groff; then
    [ -z "$(groff -man -ww -z "$man"/* 2>&1)" ]
  else
    skip "neither mandoc nor groff is here"
  fi
}

@test "completion offers the commands" {
  source "$completion"
  complete_words shmq ""
  [ "$(printf '%s\n' "${COMPREPLY[@]}" | grep -v -e -- -e help | sort)" = "$(commands | sort)" ]
  complete_words shmq re
  [ "${COMPREPLY[*]}" = recover ]
  complete_words shmq help pe
  [ "${COMPREPLY[*]}" = peek ]
}

@test "completion offers exactly the options that help lists" {
  source "$completion"
  for command in $(commands); do
    complete_words shmq "$command" -
    echo "$command: ${COMPREPLY[*]}"
    [ "$(printf '%s\n' "${COMPREPLY[@]}" | sort)" = "$(options_of "$command" | grep -vx -e -h | sort)" ]
  done
  complete_words shmq-stat -
  [ "$(printf '%s\n' "${COMPREPLY[@]}" | sort)" = "$(options_of stat | grep -vx -e -h | sort)" ]
}

@test "completion offers the names of queues" {
  source "$completion"
  shmq create "$q-a"
  shmq create "$q-b"
  for command in stat put get peek drain load farm shutdown recover rm; do
    complete_words shmq "$command" "$q"
    [ "${COMPREPLY[*]}" = "$q-a $q-b" ]
  done
  complete_words shmq get --timeout 5s -n 3 "$q"
  [ "${COMPREPLY[*]}" = "$q-a $q-b" ]
  complete_words shmq stat "$q-a" "$q-b"
  [ "${COMPREPLY[*]}" = "$q-b" ]
  complete_words shmq-stat "$q-a"
  [ "${COMPREPLY[*]}" = "$q-a" ]
}

@test "completion offers the columns" {
  source "$completion"
  complete_words shmq stat "$q" -o ""
  shmq create "$q"
  [ "$(shmq stat "$q" -o x 2>&1 | sed 's/.*there are //; s/,//g')" = "${COMPREPLY[*]}" ]
  complete_words shmq ls --sort qs
  [ "${COMPREPLY[*]}" = qsize ]
  complete_words shmq-stat "$q" -o name,qs
  [ "${COMPREPLY[*]}" = name,qsize ]
}

@test "completion offers nothing where there is nothing to offer" {
  source "$completion"
  shmq create "$q-a"
  for words in "create $q" "ls $q" "get $q-a $q" "get --timeout $q" "put $q-a $q" "top $q" "exporter $q" \
    "exporter --listen $q"; do
    complete_words shmq $words
    [ ${#COMPREPLY[@]} -eq 0 ]
  done
}

@test "completion offers files to put --file, drain -o and load" {
  source "$completion"
  touch "$dir/a file"
  complete_words shmq put --file "$q" "$dir/a"
  [ "${COMPREPLY[*]}" = "$dir/a file" ]
  complete_words shmq load "$q" "$dir/a"
  [ "${COMPREPLY[*]}" = "$dir/a file" ]
  complete_words shmq drain "$q" -o "$dir/a"
  [ "${COMPREPLY[*]}" = "$dir/a file" ]
}
