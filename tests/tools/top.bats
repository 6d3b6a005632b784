# SPDX-License-Identifier: Apache-2.0
# shmq top, in a real terminal: that of tmux.
load helper

terminals=0

terminal() {
  tmux -L "$q-$terminals" -f /dev/null "$@"
}

# Runs a command in a new terminal of $1 columns and $2 lines, whose shell says how it ended. (A
# program whose terminal is gone cannot be searched for leaks: that never ends.) Each terminal has a
# tmux of its own: one that is about to end takes new ones with it.
start_terminal() {
  local columns=$1 lines=$2
  shift 2
  terminals=$((terminals + 1))
  ASAN_OPTIONS=detect_leaks=0 LC_ALL=C.UTF-8 terminal new-session -d -x "$columns" -y "$lines" \
    "trap : INT; printf 'before\n'; $*; echo \"status \$?\"; sleep 600"
}

end_terminal() {
  terminal kill-server 2> /dev/null || true
  rm -f "${TMUX_TMPDIR:-/tmp}/tmux-$UID/$q-$terminals"
}

teardown() {
  end_terminal
  [ ${#started[@]} -eq 0 ] || kill -KILL "${started[@]}" 2> /dev/null || true
  rm -f /dev/shm/shmq."$q"*
}

# Is this extended regular expression in a line of the screen?
shows() {
  terminal capture-pane -p > "$dir"/screen
  grep -Eq -- "$1" "$dir"/screen
}

shows_not() {
  ! shows "$1"
}

# The process of shmq top.
top_pid() {
  pgrep -P "$(terminal list-panes -F '#{pane_pid}')" -x shmq
}

# Puts some items, and looks: again and again, as the burst soon moves out of sight.
shows_a_burst() {
  seq 100 | shmq put "$q"
  sleep 0.2
  shows "^$q .*▁█"
}

@test "top shows the figures of stat --json" {
  shmq create "$q-a"
  shmq create "$q-b" --capacity 4M
  seq 1234 | shmq put "$q-b"
  shmq put "$q-a" x y
  start_terminal 160 200 shmq top --interval 50ms
  eventually shows "^$q-a +$(stat_of .qsize "$q-a") +0 .* 0\.0 "
  eventually shows "^$q-b +$(stat_of .qsize "$q-b") +0 .* 0\.0 "
  shmq get "$q-b" > /dev/null
  eventually shows "^$q-b +1233 "
  shmq rm "$q-a"
  eventually shows_not "^$q-a "
}

@test "top draws sparklines, in ASCII where need be" {
  shmq create "$q"
  start_terminal 160 200 shmq top --interval 50ms
  eventually shows "^$q .*▁▁▁"
  eventually shows_a_burst
  end_terminal
  start_terminal 160 200 LC_ALL=C shmq top --interval 50ms
  eventually shows "^$q .*___"
}

@test "top shows a queue in detail: who holds what, and dead letters" {
  q=0$q # before those of others: the first is chosen
  shmq create "$q" --capacity 4M
  shmq create "$q".dead
  shmq put "$q".dead 1 2 3
  start_stuck_get
  local holder=$pid
  start_terminal 160 200 shmq top --interval 50ms
  eventually shows "^$q "
  terminal send-keys Enter
  eventually shows "^qsize +$(stat_of .qsize) "
  eventually shows "^leased +1 "
  eventually shows "unfinished +$(stat_of .unfinished)( |$)"
  eventually shows "^ +$holder +shmq +alive +1 +1 "
  eventually shows "^ +$holder +shmq +alive +got, last "
  eventually shows "^dead letters: 3 wait in $q.dead$"
  kill_hard "$holder"
  eventually shows "^ +$holder +shmq +dead +1 +1 "
  terminal send-keys Escape
  eventually shows '^NAME +QSIZE '
}

@test "top sorts, and fits any size of terminal" {
  shmq create "$q-a"
  shmq create "$q-b"
  shmq put "$q-b" 1
  start_terminal 160 200 shmq top --interval 50ms
  eventually shows 's sort: name '
  terminal send-keys s
  eventually shows 's sort: -qsize '
  [ "$(grep -Eo "^$q-[ab]" "$dir"/screen | xargs)" = "$q-b $q-a" ]
  terminal send-keys r
  eventually shows 's sort: qsize '
  [ "$(grep -Eo "^$q-[ab]" "$dir"/screen | xargs)" = "$q-a $q-b" ]
  for size in '40 5' '3 2' '1 1' '100 30'; do
    terminal resize-window -x "${size% *}" -y "${size#* }"
    terminal send-keys Enter Down NPage Escape Up PPage
    sleep 0.2
  done
  terminal send-keys Escape
  eventually shows '^q quit  Enter detail  Up/Down choose '
  shows '^NAME +QSIZE '
}

@test "top gives the terminal back when it ends, by q or by a signal" {
  for ending in 'q 0' 'TERM 143' 'INT 130' 'HUP 129'; do
    start_terminal 80 24 shmq top
    eventually shows '^shmq top: '
    shows_not '^before$'
    case $ending in
      q*) terminal send-keys q ;;
      *) kill -"${ending% *}" "$(top_pid)" ;;
    esac
    eventually shows "^status ${ending#* }$"
    shows '^before$'
    [ "$(terminal display-message -p '#{alternate_on} #{cursor_flag}')" = '0 1' ]
    end_terminal
  done
}

@test "top needs a terminal" {
  refused 1 "must be a terminal" shmq top
  start_terminal 80 24 TERM=nonsense shmq top
  eventually shows '^shmq top: this terminal is unknown'
  eventually shows '^status 1$'
}
