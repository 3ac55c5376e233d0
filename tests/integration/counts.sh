#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the summary counts over all incarnations is what was done, though workers are killed -9 in the middle of it.
# modes: release asan
source "$(dirname "$0")/lib"

# topology DIES: a bolt that keeps its own tally in $dir/tally, and is killed before the 1500th tuple of its first DIES incarnations.
topology() {
        rm -f "$dir/tally"
        cat >"$dir/t.yaml" <<YAML
name: counts
spouts: [{ id: gen, component: generate, properties: { count: 10000, fields: { n: seq } } }]
bolts: [{ id: tally, component: $build/tests/components/tally.so, properties: { path: $dir/tally, dies_at: 1500, dies: $1 } }]
streams: [{ from: gen, to: tally, grouping: { type: shuffle } }]
YAML
}
# ends STATUS ARGS...: a run that ends so.
ends() {
        local wanted=$1 status=0
        shift
        (cd "$dir" && timeout 60 "$squall" run --json "$@" t.yaml) >"$dir/json" 2>"$dir/err" || status=$?
        [ $status = "$wanted" ] || { cat "$dir/err"; echo "exit status $status"; return 1; }
}
counted() { tr '{' '\n' <"$dir/json" | sed -n "s/.*\"id\":\"$1\",.*\"$2\":\([0-9]*\).*/\1/p"; }
is_exact() {
        local want=$(stat -c %s "$dir/tally") got=$(counted tally executed)
        [ "$got" = "$want" ] || { echo "executed $got, tally $want"; return 1; }
}

topology 3
check "a bolt that is killed three times processes everything" ends 0
check "what was executed is exact" is_exact
check "and more than once, for it was replayed" eval '[ "$(counted tally executed)" -gt 10000 ] && [ "$(counted tally restarts)" = 3 ]'
topology 3
check "so it is where all tasks share a worker" eval 'ends 0 -c topology.workers=1 && is_exact'

# ---- a run that fails: the reader of its output goes, and all its workers are killed in the middle of their work ----

topology 0
sed -i "s/count: 10000/count: 1000000/
        s|^bolts: \[|&{ id: out, component: write, properties: { path: '-' } }, |
        s/^streams: \[/&{ from: gen, to: out, grouping: { type: global } }, /" "$dir/t.yaml"
(timeout 60 "$squall" run "$dir/t.yaml" 2>"$dir/err"; echo $? >"$dir/status") |
        until_true [ -s "$dir/tally" ]
# summary ID: of its row, what was emitted and executed
summary() { tr -d , <"$dir/err" | awk -v id="$1" '$1 == id { print $4 + $5 }'; }
check "a run whose output nobody reads fails" eval '[ "$(cat "$dir/status")" = 1 ] && grep -q "failed after" "$dir/err"'
check "its summary says what its spout has emitted" eval '[ "$(summary gen)" -gt 0 ]'
check "and what a bolt has executed, but for the tuple in which it was killed" eval '
        want=$(stat -c %s "$dir/tally") got=$(summary tally); echo "$got of $want"; [ "$want" -gt 0 ] && [ $((want - got)) -ge 0 ] && [ $((want - got)) -le 1 ]'
exit $failures
