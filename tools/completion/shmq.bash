# SPDX-License-Identifier: Apache-2.0
# bash completion of shmq and shmq-stat: commands, options, names of queues.

_shmq_commands='create ls stat top exporter put get peek drain load farm shutdown recover rm help'

_shmq_columns='name qsize maxsize empty full shut_down oldest_waiting oldest_lease unfinished
  leased returned put got done redelivered abandoned dead_lettered discarded put_rate got_rate
  done_rate capacity used free item_max putters_waiting getters_waiting joiners_waiting
  processes threads'

_shmq_queues() {
  local path
  for path in /dev/shm/shmq.*; do
    [[ -e $path ]] && echo "${path#/dev/shm/shmq.}"
  done
}

_shmq_options() {
  local own=
  case $1 in
    create)
      own='--capacity --maxsize --item-max --max-leases --max-attempts --lease-timeout --mode
        --if-missing'
      ;;
    ls) own='--json --prometheus -o --sort' ;;
    stat) own='--json --prometheus -o --sort --watch' ;;
    top) own='--interval' ;;
    exporter) own='--listen' ;;
    put) own='--timeout -0 --file' ;;
    get) own='-n --all --timeout -0' ;;
    peek) own='-0' ;;
    drain) own='-o --output --follow --discard -0' ;;
    load) own='--timeout' ;;
    farm)
      own='-j -n -0 --coprocess --timeout --retries --backoff --rate --until-empty --idle
        --results --keep-order --tag --progress --joblog --dry-run'
      ;;
    shutdown) own='--now' ;;
    rm) own='--force' ;;
  esac
  echo "$own --help --version"
}

# Is the word before the cursor an option that waits for its value?
_shmq_wants_value() {
  case $1 in
    --capacity | --maxsize | --item-max | --max-leases | --max-attempts | --lease-timeout) ;;
    --mode | --watch | --interval | --listen | --timeout | -n | -o | --output | --sort | =) ;;
    -j | --retries | --backoff | --rate | --idle | --results | --joblog) ;;
    *) return 1 ;;
  esac
}

# What may stand as an argument. $1: the command; $2: how many it has already.
_shmq_arguments() {
  case $1:$2 in
    ls:* | create:* | top:* | exporter:*) ;;
    help:0) echo "$_shmq_commands" ;;
    stat:* | *:0) _shmq_queues ;;
  esac
}

# Offers those of the words in $1 that begin like the one at the cursor.
_shmq_offer() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "${COMP_WORDS[COMP_CWORD]}")
}

_shmq_offer_files() {
  compopt -o filenames 2> /dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
}

# Of columns with commas between them, the last.
_shmq_offer_column() {
  local word=${COMP_WORDS[COMP_CWORD]} before=
  [[ $word != *,* ]] || before=${word%,*},
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$_shmq_columns" -- "${word##*,}")
}

# The value of an option, which is the word before the cursor.
_shmq_offer_values() {
  case $1 in
    --results) _shmq_offer "$(_shmq_queues)" ;;
    --sort) _shmq_offer_column ;;
    -o) if [[ ${COMP_WORDS[1]} == drain ]]; then _shmq_offer_files; else _shmq_offer_column; fi ;;
    --joblog | --output) _shmq_offer_files ;;
  esac
}

# After -- comes what farm runs: a command, and its arguments.
_shmq_offer_command() {
  local word=${COMP_WORDS[COMP_CWORD]}
  if [[ ${COMP_WORDS[COMP_CWORD - 1]} == -- ]]; then
    mapfile -t COMPREPLY < <(compgen -c -- "$word")
  else
    _shmq_offer_files
  fi
}

# How many arguments stand before the cursor, from word $1 on.
_shmq_given() {
  local i given=0
  for ((i = $1; i < COMP_CWORD; i++)); do
    [[ ${COMP_WORDS[i]} == -* ]] || _shmq_wants_value "${COMP_WORDS[i - 1]}" || given=$((given + 1))
  done
  echo "$given"
}

_shmq_complete() {
  local command=$1 given
  given=$(_shmq_given "$2")
  if [[ $command == farm && " ${COMP_WORDS[*]:0:COMP_CWORD} " == *' -- '* ]]; then
    _shmq_offer_command
  elif _shmq_wants_value "${COMP_WORDS[COMP_CWORD - 1]}"; then
    _shmq_offer_values "${COMP_WORDS[COMP_CWORD - 1]}"
  elif [[ ${COMP_WORDS[COMP_CWORD]} == -* ]]; then
    _shmq_offer "$(_shmq_options "$command")"
  elif [[ $command == put && $given -gt 0 ]]; then
    [[ " ${COMP_WORDS[*]} " == *' --file '* ]] && _shmq_offer_files
  elif [[ $command == load && $given -eq 1 ]]; then
    _shmq_offer_files
  else
    _shmq_offer "$(_shmq_arguments "$command" "$given")"
  fi
}

_shmq() {
  COMPREPLY=()
  if [[ ${COMP_WORDS[0]##*/} == shmq-stat ]]; then
    _shmq_complete stat 1
  elif ((COMP_CWORD == 1)); then
    _shmq_offer "$_shmq_commands --help --version"
  else
    _shmq_complete "${COMP_WORDS[1]}" 2
  fi
}

complete -F _shmq shmq shmq-stat
