#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# At least once: a run that is told to end right behind the death of a spout has done what that had emitted, or has failed.
# modes: release
source "$(dirname "$0")/lib"

# Each number goes to a file at once, and by a slow bolt to another one: what is in the first was emitted.
topology() {
        cat >"$dir/t.yaml" <<Y
name: owed
config: { topology.max.spout.pending: 20 }
spouts: [$1]
bolts:
  - { id: seen, component: write, properties: { path: $dir/seen } }
  - { id: slow, component: sleep, properties: { ms: 20 } }
  - { id: done, component: write, properties: { path: $dir/done } }
streams:
  - { from: n, to: seen, grouping: { type: shuffle } }
  - { from: n, to: slow, grouping: { type: shuffle } }
  - { from: slow, to: done, grouping: { type: shuffle } }
Y
}
lines() { [ "$(wc -l <"$dir/$1")" -ge "$2" ]; }
worker() { pgrep -P $run -f "owed $1/0"; }
start() {
        rm -f "$dir/seen" "$dir/done"
        (cd "$dir" && exec "$squall" run --json t.yaml) >"$dir/json" 2>"$dir/err" &
        run=$!
        until_true lines seen 30 && until_true lines done 5
}
ends_with() {
        local status=0
        wait $run || status=$?
        [ $status = "$1" ] || { echo "exit status $status"; return 1; }
}
none_is_missing() { [ -z "$(comm -23 <(sort -u "$dir/seen") <(sort -u "$dir/done"))" ]; }
restarts() { kill -KILL "$(worker n)" && until_true grep -q 'n/0: back' "$dir/err"; }

topology '{ id: n, component: generate, properties: { fields: { n: seq } } }'
start
restarts
kill -INT $run
check "a run that is told to end right behind the restart of a spout drains" ends_with 130
check "and has done what the dead one had emitted" none_is_missing
start
kill -INT $run
until_true grep -q draining "$dir/err"
restarts
check "one whose spout dies in the drain drains, too" ends_with 130
check "and has done what that had emitted" none_is_missing

exit $failures
