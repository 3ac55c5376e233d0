#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `squall top`: a table in a pipe, a screen in a terminal, right in any size.
# modes: release
source "$(dirname "$0")/supervised"

cat >"$dir/t.yaml" <<'YAML'
name: table
spouts: [{ id: gen, component: generate, properties: { rate: 500, fields: { n: seq } } }]
bolts:
  - { id: pass, component: filter, parallelism: 3, properties: { where: 'true' } }
  - { id: sink, component: 'null' }
streams:
  - { from: gen, to: pass, grouping: { type: shuffle } }
  - { from: pass, to: sink, grouping: { type: shuffle } }
YAML
start
"$squall" submit --wait "$dir/t.yaml" >>"$dir/err" 2>&1

check "--once lists the topologies" eval '"$squall" top --once | grep -q "^table *running *5 "'
check "and one topology's components" until_true eval '"$squall" top table --once | grep -q "^pass  *3 *[45][0-9][0-9] "'
check "so it is in a pipe" eval '"$squall" top table | grep -q "^bottleneck: "'
check "--json is what status prints" eval '"$squall" top table --json | grep -q "^{\"topology\":\"table\",.*\"components\":"'
check "a name that is not there is refused" exits_with 2 "$squall" top tabel --once

if ! command -v tmux >/dev/null; then
        echo "ok - top on a terminal # skip no tmux (Debian: tmux)"
        exit $failures
fi
terminal() { LC_ALL=C.UTF-8 tmux -S "$dir/tmux" -f /dev/null "$@"; }
screen() { terminal capture-pane -p -t top >"$dir/screen" 2>/dev/null && cat "$dir/screen"; }
shows() { screen | grep -q -- "$1"; }
on_exit terminal kill-server
terminal new-session -d -s top -x 80 -y 24 "exec env -u NO_COLOR '$squall' top" || exit 1
check "it begins with all topologies" until_true shows "^table *running"
terminal send-keys -t top Enter
check "Enter shows a topology's components" until_true shows "^component *tasks *tuples/s"
check "with its bottleneck in the second line" until_true eval 'screen | sed -n 2p | grep -q "^bottleneck: none: it keeps up"'
check "with what is done a second" until_true shows "^pass *3 *[45][0-9][0-9] "
check "and a curve" until_true shows "[▁▂▃▄▅▆▇█]"
is_whole() { screen | awk -v rows="$1" 'END { exit NR != rows }' && screen | tail -n 1 | grep -q "Enter into"; }
check "a terminal of 80 x 24 is filled and no more" is_whole 24
terminal resize-window -t top -x 132 -y 30
check "a wider one has more columns" until_true shows "pending.*cpu *rss"
check "and is filled" until_true is_whole 30
terminal resize-window -t top -x 40 -y 8
check "a small one has the last line where it is" until_true is_whole 8
terminal resize-window -t top -x 80 -y 24
terminal send-keys -t top / sin Enter
check "a filter leaves what has it in its name" until_true eval 'shows "^sink " && ! shows "^pass "'
terminal send-keys -t top Escape
check "Escape takes it away" until_true shows "^pass "
terminal send-keys -t top Down Enter
check "Enter shows the tasks of the component" until_true shows "^pass/2 *running"
terminal send-keys -t top r
check "r turns the order round" until_true eval '[ "$(screen | grep -o "^pass/[0-9]" | tr -d "\n")" = pass/2pass/1pass/0 ]'
kill -KILL "$(pid table pass/2)"
check "a death is shown" until_true shows "^last death: pass/2 [0-9]* s ago: killed by signal 9"
terminal send-keys -t top Enter
check "Enter shows a task's log" until_true shows "the log of pass/"
terminal send-keys -t top q
check "q ends it" until_true eval '! terminal has-session -t top'
exit $failures
