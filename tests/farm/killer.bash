#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# killer.bash FARM FILE LINES KILLED SEED
# Kills workers of the farm and their commands at random, until FILE has so many lines or the farm has
# ended. Writes down whom. A program of its own: within a bats test each line takes milliseconds.

farm=$1 file=$2 lines=$3 killed=$4
RANDOM=$5

# Sets children[] to those of the process $1 whose name is $2.
find_children() {
  local all=() child name
  children=()
  { read -r -a all < /proc/"$1"/task/"$1"/children; } 2> /dev/null
  for child in "${all[@]}"; do
    { read -r name < /proc/"$child"/comm; } 2> /dev/null
    [[ $name != "$2" ]] || children+=("$child")
  done
}

find_victims() {
  find_children "$farm" shmq-worker
  victims=("${children[@]}")
  local worker
  for worker in "${victims[@]}"; do
    find_children "$worker" sh
    victims+=("${children[@]}")
  done
}

while kill -0 "$farm" 2> /dev/null && (($(wc -l < "$file") < lines)); do
  find_victims
  if ((${#victims[@]})); then
    victim=${victims[RANDOM % ${#victims[@]}]}
    echo "$victim" >> "$killed"
    kill -KILL "$victim" 2> /dev/null
  fi
  sleep 0.0$((RANDOM % 30 + 10))
done
