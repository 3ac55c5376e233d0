#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Groupings of one's own (SQ_GROUPING): 3,000 numbers through each to three tasks, which say who they are; with every delivery, without workers, and
# in a topology that is rebalanced, updated and loses workers. What a grouping may not do is said, and costs its tuples.
source "$(dirname "$0")/supervised"
chooser=$build/tests/components/chooser.so whoami=$build/tests/components/whoami.so

# topology GROUPING [PROPERTIES OF THE READER]
topology() {
        cat >"$dir/t.yaml" <<EOF
name: custom
spouts:
  - { id: numbers, component: generate, properties: { count: 3000, fields: { n: seq } } }
bolts:
  - { id: who, component: $whoami, parallelism: 3, properties: { ${2:-} } }
  - { id: out, component: write, properties: { path: $dir/out } }
streams:
  - { from: numbers, to: who, grouping: { type: custom, $1 } }
  - { from: who, to: out, grouping: { type: global } }
EOF
}
run() { timeout 100 "$squall" run "$dir/t.yaml" "$@" >"$dir/said" 2>&1; }
# Lines, numbers, and the tasks that got some.
sums() { awk '{ n[$1]; t[$2] } END { s = NR " " length(n); for (i = 0; i < 3; i++) if (i in t) s = s " " i; print s }' "$dir/out"; }
comes_to() { local want=$1; shift; run "$@" || { cat "$dir/said"; return 1; }; [ "$(sums)" = "$want" ] || { sums; return 1; }; }

topology "component: $chooser, args: [n]"
for delivery in at-most-once at-least-once exactly-once; do
        check "by a hash, $delivery: each number comes once, to all tasks" comes_to "3000 3000 0 1 2" -c topology.delivery=$delivery
done
sort "$dir/out" >"$dir/before"
check "it is handed the number of its targets and their tasks" grep -q "3 targets, tasks 1 to 3" "$dir/said"
check "it is cleaned up" grep -q "the group of 3 is cleaned up" "$dir/said"
check "without workers: the same" comes_to "3000 3000 0 1 2" --inline
check "and to the same tasks" eval 'sort "$dir/out" | cmp - "$dir/before"'
check "tasks in one worker: the same" comes_to "3000 3000 0 1 2" -c topology.workers=1
topology "component: first, properties: { tasks: 2 }"
check "several targets: each gets a tuple of its own" comes_to "6000 3000 0 1" -c topology.delivery=at-least-once
topology "component: first, properties: { tasks: 9 }"
check "first: no more than there are" comes_to "9000 3000 0 1 2"
# A task that takes 2 ms for a tuple, and no more of them at a time than it could be handed in turn.
for grouping in least-loaded jitter-aware; do
        topology "component: $grouping" "slow: 2000"
        check "$grouping: each number comes once" comes_to "3000 3000 0 1 2" -c topology.max.spout.pending=60
        check "$grouping: a slow task gets less than the others" eval '[ "$(awk "\$2 == 0" "$dir/out" | wc -l)" -lt 800 ]'
        check "$grouping: without workers, too" comes_to "3000 3000 0 1 2" --inline
done

# wrong WHAT TEXT: every tuple fails, is given up, and stands in the dead letters with what was wrong.
wrong() {
        rm -f "$dir/dead"
        topology "component: $chooser, properties: { wrong: $1 }"
        run -c topology.spout.max.retries=0 -c topology.delivery=at-least-once -c topology.dead.letter.path="$dir/dead"
        [ ! -s "$dir/out" ] && grep -qF "$2" "$dir/said" && [ "$(wc -l <"$dir/dead")" = 3000 ] || { cat "$dir/said"; return 1; }
}
check "a target that is not there is a misuse" wrong beyond "the grouping '$chooser' to \"who\" chose target 3, and there are 3, from 0 on"
check "so is one twice" wrong twice "of 3 twice"
check "and none at all" wrong none "chose 0 targets of 3"
check "and an emit" wrong emits "emit by a grouping, which only chooses"
check "and a field of another type" wrong type 'field "n" of a tuple from "numbers" is int, not str'
fails_at_once() { topology "component: $chooser, properties: { wrong: fails }"; run; [ $? = 1 ] && grep -qF "the grouping '$chooser': no such grouping today" "$dir/said"; }
check "one that cannot prepare ends the topology, with what it said" fails_at_once

# ---- in a supervisor ----

cat >"$dir/long.yaml" <<EOF
name: long
config: { topology.delivery: at-least-once, topology.message.timeout.secs: 60 }
spouts:
  - { id: numbers, component: generate, properties: { count: 0, rate: 1000, fields: { n: seq } } }
bolts:
  - { id: who, component: $whoami, parallelism: 3 }
  - { id: out, component: write, properties: { path: $dir/long } }
streams:
  - { from: numbers, to: who, grouping: { type: custom, component: $chooser, args: [n] } }
  - { from: who, to: out, grouping: { type: global } }
EOF
more() { local n; n=$(wc -l <"$dir/long") && until_true eval '[ "$(wc -l <"$dir/long")" -gt '$((n + 200))' ]'; }
tasks() { tail -n 150 "$dir/long" | cut -f 2 | sort -u | tr -d '\n'; }
start
check "a supervisor takes it over" eval '"$squall" submit "$dir/long.yaml" && until_true test -s "$dir/long" && more'
check "with its own copy of the .so" eval 'ls "$dir"/state/topologies/long/components/*-chooser.so'
check "its reader gets more tasks" eval '"$squall" rebalance long --component who=5 && more && until_true eval "[ \$(tasks) = 01234 ]"'
kill -KILL "$(pid long who/1)" "$(pid long numbers/0)"
check "workers on both sides of it die, and it goes on" eval 'until_true says "\"incarnation\":1" "$squall" status long --json && more'
sed -i "s#component: $chooser, args: \[n\]#component: first, properties: { tasks: 2 }#; s/parallelism: 3/parallelism: 5/" "$dir/long.yaml"
check "an update brings another one" eval '"$squall" update long "$dir/long.yaml" && more && until_true eval "[ \$(tasks) = 01 ]"'
check "a savepoint of the supervisor's stop keeps it" eval 'stop && wait $supervisor; start && more && [ "$(tasks)" = 01 ]'
"$squall" kill long >/dev/null 2>>"$dir/err"
check "no number is missing" eval '[ "$(cut -f 1 "$dir/long" | sort -n | uniq | awk "\$1 != NR - 1 { n++ } END { print n + 0 }")" = 0 ]'
stop
exit $failures
