#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What helps while a component is written: recording and replay, --watch.
# modes: release
source "$(dirname "$0")/lib"

topology() { # GENERATE'S PROPERTIES
        cat >"$dir/t.yaml" <<Y
name: develop
spouts: [{ id: words, component: generate, properties: { $1 } }]
bolts:
  - { id: copy, component: identity, parallelism: 2 }
  - { id: count, component: count, properties: { by: word, emit: ${EMIT:-end} } }
  - { id: out, component: write, properties: { path: $dir/out } }
streams:
  - { from: words, to: copy, grouping: { type: all } }
  - { from: copy, to: count, grouping: { type: fields, args: [word] } }
  - { from: count, to: out, grouping: { type: global } }
Y
}

records() {
        topology "count: 200, fields: { word: words 1 }"
        rm -rf "$dir/kept" && timeout 60 "$squall" run --record "$dir/kept" "$dir/t.yaml" && (cd "$dir/kept" && ls) >"$dir/files" || return
        diff "$dir/files" <(printf '%s\n' copy.0 copy.1 count.0 out.0 plan)
}
check "--record keeps what reaches every task of the bolts" records
replays() {
        "$squall" test --replay "$dir/kept" count >"$dir/replayed" || return
        diff <(sed 's/count\/0 default {"word":"\(.*\)","count":\(.*\)}/\1\t\2/' "$dir/replayed" | sort) <(sort "$dir/out")
}
check "a replay emits what the topology emitted, to the end" replays
broadcast() { [ "$("$squall" test --replay "$dir/kept" copy | wc -l)" = 400 ]; }
check "what came by broadcast is replayed to each task" broadcast
json() { "$squall" test --replay "$dir/kept" --json count | head -n 1 | grep -q '^{"task":"count/0","stream":"default","tuple":{"word":"'; }
check "--replay --json prints an object a line" json
taken() { ! "$squall" run --record "$dir/kept" "$dir/t.yaml" 2>"$dir/said" && cat "$dir/said" && grep -q 'File exists' "$dir/said"; }
check "a recording is never written into another" taken
none() { ! "$squall" test --replay "$dir" 2>"$dir/said" && grep -q 'squall run --record DIR FILE makes a recording' "$dir/said"; }
check "a folder without a recording is refused" none

crashing() {
        ${CC:-cc} -g -DCRASHES -shared -fPIC -Iruntime -o "$dir/mistaken.so" tests/mistakes/mistaken.c || return
        cat >"$dir/t.yaml" <<Y
name: crashing
config: { topology.spout.max.retries: 0 }
spouts: [{ id: words, component: file, properties: { path: words.txt } }]
bolts:
  - { id: split, component: split }
  - { id: mistaken, component: ./mistaken.so, properties: { limit: 1 } }
streams:
  - { from: words, to: split, grouping: { type: shuffle } }
  - { from: split, to: mistaken, grouping: { type: shuffle } }
Y
        printf 'all is fine\nand then boom\n' >"$dir/words.txt"
        rm -rf "$dir/kept" && (cd "$dir" && timeout 60 "$squall" run --record "$dir/kept" "$dir/t.yaml" >"$dir/said" 2>&1)
        "$squall" test --replay "$dir/kept" mistaken >"$dir/said" 2>&1
        [ $? = 139 ] && grep -qF 'crash: tuple from "split", stream "default": {"word":"boom"}' "$dir/said"
}
check "a crash comes again in a replay" crashing

has() { grep -q "$1" "$dir/said"; }
watches() {
        rm -f "$dir/out"
        EMIT=change topology "count: 0, rate: 1000, fields: { word: const first }"
        timeout -k 5 60 "$squall" run --watch "$dir/t.yaml" >"$dir/said" 2>&1 &
        local pid=$!
        until_true grep -q first "$dir/out" || return
        sed -i 's/emit: change/emit: chnge/' "$dir/t.yaml" && until_true has 'the change does not check; what runs runs on' || return
        sed -i 's/emit: chnge/emit: change/; s/first/second/' "$dir/t.yaml" && until_true has 'changed, starting again' && until_true grep -q second "$dir/out" || return
        cat "$dir/said"
        pkill -INT -P $pid -f -- --watch
        wait $pid
        [ $? = 130 ]
}
check "--watch starts again after a change that checks, and only then" watches
exit $failures
