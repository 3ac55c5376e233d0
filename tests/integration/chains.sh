#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Which event time has what a bolt emits (the table in docs/time.md), seen by windows of a second behind it. And nothing of it
# is late there, for what holds tuples back holds the watermark back as well: with more rows, in order, and no lateness.
source "$(dirname "$0")/lib"

printf 'at_a,k,x\n0,k,1\n3,k,2\n50,k,3\n120,q,4\n' >"$dir/few.a"
printf 'at_b,k,y\n2,k,1\n40,k,2\n' >"$dir/few.b"
for side in a b; do
        awk -v side=$side 'BEGIN { srand(side == "a" ? 7 : 4242); print "at_" side ",k," (side == "a" ? "x" : "y")
                for (i = 0; i < 600; i++) print (at += int(3 * rand())) "," "k" int(60 * rand()) "," i }' >"$dir/many.$side"
done
# topology ROWS MIDDLE STREAM: the file
topology() {
        local two=unused
        [[ $2 != *"component: join"* ]] || two=middle
        cat <<YAML
name: chains
config: { topology.delivery: exactly-once }
spouts:
  - { id: a, component: file, properties: { path: $dir/$1.a, format: csv, fields: { at_a: int, k: str, x: int } }, event-time: { field: at_a, format: s } }
  - { id: b, component: file, properties: { path: $dir/$1.b, format: csv, fields: { at_b: int, k: str, y: int } }, event-time: { field: at_b, format: s } }
bolts:
  - { id: middle, $2 }
  - { id: behind, component: window, properties: { size: 1s, compute: { n: count } } }
  - { id: out, component: write, properties: { path: $dir/out.tsv } }
  - { id: late, component: write, properties: { path: $dir/late.tsv } }
$([ $two = middle ] || echo "  - { id: unused, component: null }")
streams:
  - { from: a, to: middle, grouping: { type: fields, args: [k] } }
  - { from: b, to: $two, grouping: { type: fields, args: [k] } }
  - { from: middle, to: behind, streamId: ${3:-default}, grouping: { type: global } }
  - { from: behind, to: out, grouping: { type: global } }
  - { from: behind, to: late, streamId: late, grouping: { type: global } }
YAML
}
# has SECONDS MIDDLE [STREAM]: the times of what comes out for the few rows, in whole seconds; none is late
has() {
        local found
        topology few "$2" "${3:-}" >"$dir/chain.yaml"
        rm -f "$dir"/*.tsv
        "$squall" run --inline "$dir/chain.yaml" >"$dir/said" 2>&1 || { cat "$dir/said"; return 1; }
        found=$(awk '{ split($1, part, /[T:Z]/); for (i = 0; i < $3; i++) print 60 * part[3] + part[4] }' "$dir/out.tsv" | sort -n | xargs)
        [ "$found" = "$1" ] || { echo "expected: $1; found: $found"; return 1; }
        topology many "$2" "${3:-}" >"$dir/chain.yaml"
        rm -f "$dir"/*.tsv
        "$squall" run --inline "$dir/chain.yaml" >"$dir/said" 2>&1 || { cat "$dir/said"; return 1; }
        [ -s "$dir/out.tsv" ] && [ ! -s "$dir/late.tsv" ] || { wc -l "$dir/out.tsv" "$dir/late.tsv"; return 1; }
}
near='component: join, properties: { by: k, between: [-5s, 10s], stamp: met'
check "what passes tuples on leaves them their times" has "0 3 50 120" 'component: filter, properties: { where: x > 0 }'
check "so does reorder" has "0 3 50 120" 'component: reorder, properties: { by: [k] }'
check "so does dedupe" has "0 3 50 120" 'component: dedupe, properties: { by: [x], within: 10s }'
check "so does throttle" has "0 3 50 120" 'component: throttle, properties: { rate: 1000000 }'
check "a window has the time of its end, which is not in it" has "9 59 129" 'component: window, properties: { size: 10s, by: [k], compute: { c: count } }'
check "so has a session" has "7 54 124" 'component: window, properties: { gap: 5s, by: [k], compute: { c: count } }'
check "a window that went out early has it, too" has "9 9 59 129" 'component: window, properties: { size: 10s, early: 2 tuples, by: [k], compute: { c: count } }'
check "what is joined within a window has the time of its end" has "9 9" 'component: join, properties: { by: k, size: 10s }'
check "so has what found no partner there, however long the join waits" has "49 59 129" 'component: join, properties: { by: k, size: 10s, lateness: 40s }' unmatched
check "so has a joined session" has "7 7 44 54 124" 'component: join, properties: { by: k, gap: 5s, type: full, lateness: 7s }'
check "of two rows that are joined by an interval the later time counts" has "2 3" "$near }"
check "a row that found no partner, and goes out with nulls, has its own time" has "2 3 50 120" "$near, type: left, lateness: 3s }"
check "so it is with those of each side" has "2 3 40 50 120" "$near, type: full }"
check "and with those on the stream of their own" has "40 50 120" "$near }" unmatched
check "a row that is joined with a table has its own time" has "0 3 50 120" 'component: join, properties: { by: k, table: b, type: left }'
check "whichever of the two the file names first" has "2 40" 'component: join, properties: { by: k, table: a, type: left }'
check "also when it has waited for that of the table" has "0 3 50 120" 'component: join, properties: { by: k, table: b, type: left, wait: 100s }'
# refuses WHAT MIDDLE
refuses() {
        topology few "$2" >"$dir/chain.yaml"
        ! "$squall" check "$dir/chain.yaml" >"$dir/said" 2>&1 && grep -qF "$1" "$dir/said" || { cat "$dir/said"; return 1; }
}
check "what is joined by an interval without a stamp has no event time, and the error says what to write" refuses 'stamp: NAME' \
        'component: join, properties: { by: k, between: [-5s, 10s] }'
check "so has a window of tuples, whatever its fields are called" refuses 'event time' \
        'component: window, properties: { size: 2 tuples, compute: { at_a: last at_a } }'
check "a lateness by the time of day is refused for what it is" refuses 'nothing is late' \
        'component: window, properties: { size: 2s, time: wall, lateness: 1s, compute: { n: count } }'
check "a stamp that is called as another field is refused" refuses "calls" 'component: join, properties: { by: k, between: [-5s, 10s], stamp: x }'
check "so is one of what is joined within a window" refuses "\`end\`" 'component: join, properties: { by: k, size: 5s, stamp: met }'
exit $failures
