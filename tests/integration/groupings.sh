#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every grouping deals the tuples out as its name says: 3,000 numbers through it to three tasks, each of which says which one it is.
source "$(dirname "$0")/lib"

expect() {
        if [ "$2" = "$3" ]; then
                echo "ok - $1"
        else
                echo "not ok - $1: expected $2, got $3"
                failures=1
        fi
}

# deal GROUPING [squall arguments]: the lines "n task" of a run.
deal() {
        local grouping=$1 direct=false
        shift
        [[ $grouping == *direct* ]] && direct=true
        cat >"$dir/t.yaml" <<EOF
name: groupings
spouts:
  - { id: numbers, component: generate, properties: { count: 3000, fields: { n: seq } } }
bolts:
  - { id: first, component: $build/tests/components/whoami.so, properties: { direct: $direct } }
  - { id: second, component: $build/tests/components/whoami.so, parallelism: 3 }
  - { id: out, component: write, properties: { path: $dir/out } }
streams:
  - { from: numbers, to: first, grouping: { type: shuffle } }
  - { from: first, to: second, grouping: $grouping }
  - { from: second, to: out, grouping: { type: global } }
EOF
        "$squall" run "$dir/t.yaml" "$@" 2>"$dir/log" || { cat "$dir/log" >&2; return 1; }
        cat "$dir/out"
}

lines() { wc -l | tr -d ' '; }
numbers() { cut -f1 | sort -nu | lines; }
tasks() { cut -f2 | sort -u | tr '\n' ' '; }
# The most tasks that one number reached.
spread() { sort -u | cut -f1 | uniq -c | awk '$1 > m { m = $1 } END { print m + 0 }'; }
# Numbers that came after a larger one to the same task: the order between two tasks is kept.
disorder() { awk '$1 < last[$2] { n++ } { last[$2] = $1 } END { print n + 0 }'; }

for grouping in shuffle none local-or-shuffle fields partial-key global direct all; do
        args='' total=3000 all_tasks='0 1 2 '
        [ $grouping = fields ] || [ $grouping = partial-key ] && args=', args: [n]'
        [ $grouping = all ] && total=9000
        [ $grouping = global ] && all_tasks='0 '
        for mode in at-most-once at-least-once; do
                deal "{ type: $grouping$args }" -c topology.delivery=$mode >"$dir/got" || failures=1
                expect "$grouping, $mode: every tuple arrives as often as it should" $total "$(lines <"$dir/got")"
                expect "$grouping, $mode: no number is missing" 3000 "$(numbers <"$dir/got")"
                expect "$grouping, $mode: the right tasks get some" "$all_tasks" "$(tasks <"$dir/got")"
                expect "$grouping, $mode: the order between two tasks is kept" 0 "$(disorder <"$dir/got")"
        done
done

deal '{ type: direct }' >"$dir/got"
expect "direct: each tuple reaches the task that was named" 0 "$(awk '$1 % 3 != $2' "$dir/got" | lines)"
# In one process, for it passes over tasks that lag behind, and on a busy machine one does.
deal '{ type: shuffle }' --inline >"$dir/got"
expect "shuffle: the tasks get equal shares" "3 of 1000" "$(cut -f2 "$dir/got" | sort | uniq -c | awk '$1 == 1000' | lines) of 1000"
deal '{ type: local-or-shuffle }' -c topology.workers=3 >"$dir/got"
expect "local-or-shuffle: the task of the same worker gets all" 1 "$(tasks <"$dir/got" | wc -w | tr -d ' ')"
deal '{ type: fields, args: [n] }' >"$dir/got"
cp "$dir/got" "$dir/before"
deal '{ type: fields, args: [n] }' >"$dir/got"
expect "fields: the same key goes to the same task in another run" "$(sort "$dir/before" | cksum)" "$(sort "$dir/got" | cksum)"
expect "fields: a key has one task" 1 "$(spread <"$dir/got")"

# ZeroMQ drops subscriptions beyond its bound, and each source of a broadcast takes some: the topology would wait for ever.
for workers in 1 50; do
        cat >"$dir/many.yaml" <<EOF
name: many
config: { topology.channel.batches: 1, topology.workers: $workers }
spouts:
  - { id: numbers, component: generate, parallelism: 15, properties: { count: 300, fields: { n: seq } } }
bolts:
  - { id: first, component: identity, parallelism: 15 }
  - { id: second, component: identity, parallelism: 15 }
  - { id: out, component: write, properties: { path: $dir/out } }
streams:
  - { from: numbers, to: first, grouping: { type: all } }
  - { from: first, to: second, grouping: { type: all } }
  - { from: second, to: out, grouping: { type: global } }
EOF
        timeout 100 "$squall" run "$dir/many.yaml" >"$dir/said" 2>&1 || cat "$dir/said"
        expect "all: many tasks broadcast to many, with the shortest queues, in $workers workers" $((300 * 15 * 15)) "$(lines <"$dir/out")"
done
exit $failures
