#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `squall run --inline`: the same results as with workers, in one thread, every time the same.
source "$(dirname "$0")/lib"

wordcount() { OUT=$1 timeout 60 "$squall" run --inline topologies/wordcount/wordcount.yaml; }
counts() {
        wordcount "$dir/a" || return
        diff <(awk -F '\t' '$2 > n[$1] { n[$1] = $2 } END { for (w in n) print n[w], w }' "$dir/a" | sort) \
                <(tr -s ' \t\r\n' '\n' <topologies/wordcount/kjv.txt | grep . | sort | uniq -c | awk '{ print $1, $2 }' | sort) | head
        [ "${PIPESTATUS[0]}" = 0 ]
}
check "the words of the book are counted" counts
same() { wordcount "$dir/a" && wordcount "$dir/b" && cmp "$dir/a" "$dir/b"; }
check "two runs write the same bytes" same
groupings() {
        cat >"$dir/t.yaml" <<Y
name: groupings
spouts: [{ id: n, component: generate, parallelism: 2, properties: { count: 500 } }]
bolts:
  - { id: all, component: identity, parallelism: 3 }
  - { id: one, component: identity }
  - { id: keyed, component: count, parallelism: 3, properties: { by: seq, emit: end } }
  - { id: out, component: write, properties: { path: $dir/out } }
streams:
  - { from: n, to: all, grouping: { type: all } }
  - { from: n, to: one, grouping: { type: global } }
  - { from: all, to: keyed, grouping: { type: fields, args: [seq] } }
  - { from: one, to: keyed, grouping: { type: partial-key, args: [seq] } }
  - { from: keyed, to: out, grouping: { type: local-or-shuffle } }
Y
        timeout 60 "$squall" run --inline "$dir/t.yaml" || return
        [ "$(awk '{ n += $2; k[$1] } END { print n, length(k) }' "$dir/out")" = "2000 500" ]
}
check "every grouping deals out what it should" groupings
agreeing() {
        cat >"$dir/agreeing.yaml" <<Y
name: agreeing
spouts: [{ id: n, component: generate, properties: { count: 100, fields: { n: seq } } }]
bolts:
  - { id: all, component: $build/tests/components/whoami.so, parallelism: 3, properties: { agreed: true } }
  - { id: out, component: write, properties: { path: $dir/agreed } }
streams:
  - { from: n, to: all, grouping: { type: all } }
  - { from: all, to: out, grouping: { type: global } }
Y
        timeout 60 "$squall" run --inline "$dir/agreeing.yaml" || return
        [ "$(cut -f 2 "$dir/agreed" | sort | uniq -c | awk '{ print $1, $2 }')" = "300 0" ]
}
check "the tasks of a component agree, as in processes of their own" agreeing
summary() {
        timeout 60 "$squall" run --inline --json "$dir/t.yaml" 2>/dev/null | grep -q '"id":"all","kind":"bolt","tasks":3,"emitted":1500,"executed":1500,"acked":1500,"failed":0'
}
check "the summary has the numbers of every component" summary
for_a_time() {
        sed -i 's/count: 500/count: 0, rate: 2000/' "$dir/t.yaml"
        timeout 60 "$squall" run --inline --for 300ms "$dir/t.yaml" && [ -s "$dir/out" ]
}
check "--for drains an endless topology" for_a_time
one_thread() {
        timeout 60 "$squall" run --inline --for 20s "$dir/t.yaml" 2>"$dir/stderr" &
        local deadline=$((SECONDS + 15)) pid
        until pid=$(pgrep -P $! -f -- "--inline") && [ -n "$pid" ] && [ "$(ls "/proc/$pid/task" | wc -l)" -ge 1 ] && [ -e "$dir/out" ]; do [ $SECONDS -lt $deadline ] || return 1; done
        [ -z "$(pgrep -P "$pid")" ] && kill -INT "$pid"
        wait $!
        [ $? = 130 ]
}
check "there is no process besides, and Ctrl-C drains it" one_thread
failing() {
        sed -i "s|path: $dir/out|path: $dir/none/out|" "$dir/t.yaml"
        ! timeout 60 "$squall" run --inline "$dir/t.yaml" 2>"$dir/said" && cat "$dir/said" && grep -q "squall: out/0: .*$dir/none/out" "$dir/said"
}
check "a task that cannot go on ends it with its cause" failing
# By chance, but the same chance every time: of 100,000 in two tasks a tenth, of neighbours a hundredth, whoever is twelve ahead,
# and so of what two seeds take; each within four deviations.
sampled() { # RATE SEED OUT
        cat >"$dir/s.yaml" <<Y
name: sampled
config: { topology.delivery: at-most-once }
spouts: [{ id: n, component: generate, properties: { count: 100000, fields: { n: seq } } }]
bolts:
  - { id: some, component: sample, parallelism: 2, properties: { rate: $1, seed: $2 } }
  - { id: out, component: write, properties: { path: $3 } }
streams:
  - { from: n, to: some, grouping: { type: shuffle } }
  - { from: some, to: out, grouping: { type: global } }
Y
        timeout 60 "$squall" run --inline "$dir/s.yaml" >/dev/null 2>&1 && sort -n -o "$3" "$3"
}
by_chance() {
        sampled 0.1 1 "$dir/one" && sampled 0.1 2 "$dir/two" || return
        awk 'function near(what, n, p) { if ((n - 1e5 * p) ^ 2 > 16 * 1e5 * p * (1 - p)) { print what ": " n " of " 1e5 * p; bad = 1 } }
                FNR == 1 { file++ }
                { taken[file, $1]; n[file]++; for (i in ahead) both[file, i] += (file, $1 - i) in taken; same += file == 2 && (1, $1) in taken }
                BEGIN { split("", ahead); ahead[1]; ahead[2]; ahead[12] }
                END { for (f = 1; f <= 2; f++) { near("all", n[f], 0.1); for (i in ahead) near("those " i " ahead", both[f, i], 0.01) }
                        near("of both seeds", same, 0.01); exit bad }' "$dir/one" "$dir/two"
}
check "a sample by chance is as large as it says, and none of its tuples tells of another" by_chance
exit $failures
