# SPDX-License-Identifier: Apache-2.0
# list.zsh LINE FOLDER DUMP: type LINE and two tabs into a zsh whose completions are in FOLDER; print
# what it lists. A key bound to a mark ends the listing. To find all completions takes long: they are
# kept in the file DUMP from the first call on.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= PS2= TERM=dumb; fpath=($2 \$fpath); autoload -U compinit; compinit -C -d $3"
zpty -w shell "stty columns 400 rows 1000; mark() { zle -I; print 'M'ARK }; zle -N mark; bindkey '^X' mark"
zpty -w shell "print 'REA'DY"
zpty -r -m shell output '*READY*'
zpty -w -n shell "$1"$'\t\t\x18'
zpty -r -m shell output '*MARK*'
print -r -- ${output//$'\r'/} | grep -v MARK
zpty -d shell
