#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A supervisor finds workers that a squall of another version has started: it leaves them at work, and says what to do.
source "$(dirname "$0")/supervised"

version=$("$squall" --version | awk '{ print $2 }')
mkdir "$dir/other"
for program in squall squall-worker; do
        sed "s/${version//./\\.}/${version//?/9}/g" "$build/$program" >"$dir/other/$program" && chmod +x "$dir/other/$program"
done
ln -s "$build/spouts" "$build/bolts" "$dir/other"
other=$dir/other/squall

cat >"$dir/steady.yaml" <<'YAML'
name: steady
spouts: [{ id: gen, component: generate, properties: { rate: 1000, fields: { n: seq } } }]
bolts: [{ id: sink, component: write, properties: { path: steady.tsv, mode: append } }]
streams: [{ from: gen, to: sink, grouping: { type: global } }]
YAML
lines() { wc -l <"$dir/steady.tsv"; }
more_lines() { [ "$(lines)" -gt "$1" ]; }
no_gap() { sort -nu "$dir/steady.tsv" | awk '$1 != NR - 1 { print "missing: " NR - 1; exit 1 }'; }

squall=$other start
"$squall" submit "$dir/steady.yaml" --wait >/dev/null
until_true more_lines 0
before=$(workers)
kill_supervisor
start
check "workers of another version are not taken over" until_true is_in_state steady waiting
check "which is said" says "is version ${version//?/9} (component" "$squall" status steady
check "with what to do" says "stop what runs with the squall that has started it" "$squall" status steady
check "they work on" eval '[ "$(workers)" = "$before" ] && until_true more_lines $(($(lines) + 1000))'
kill_supervisor
check "their own squall takes them over" eval 'squall=$other start && until_true is_in_state steady running && [ "$(workers)" = "$before" ]'
check "and stops them" eval '"$other" supervisor --stop && no_worker'
check "then the new one goes on" eval 'start && until_true is_in_state steady running && until_true more_lines $(($(lines) + 1000))'
stop
check "and nothing was lost" no_gap
exit $failures
