#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Savepoints: made while tuples flow, begun from by `submit` and `run`, with another parallelism, damaged, in the way, and cut short by kill -9. The
# counts are those of `count` and `write`, held against what one run alone comes to.
# SQUALL_TUPLES: how many are counted.
# alone
# modes: release asan
source "$(dirname "$0")/supervised"
mkdir -m 700 "$dir/state"
: "${SQUALL_TUPLES:=400000}"

# yaml NAME RATE FILE [PARALLELISM]
yaml() {
        cat <<YAML
name: $1
spouts: [ { id: gen, component: generate, properties: { count: $SQUALL_TUPLES, $2 seed: 7, fields: { k: uniform 1 5000 } } } ]
bolts:
  - { id: count, component: count, parallelism: ${4:-2}, properties: { by: [k], emit: end } }
  - { id: sink, component: write, properties: { path: "$dir/$3", mode: append } }
streams:
  - { from: gen, to: count, grouping: { type: fields, args: [k] } }
  - { from: count, to: sink, grouping: { type: global } }
YAML
}
slow="rate: $((SQUALL_TUPLES / 10)),"
yaml counts "$slow" counts.tsv >"$dir/counts.yaml"
yaml counts "" counts.tsv >"$dir/fast.yaml"
yaml counts "" counts.tsv 3 >"$dir/wider.yaml"
yaml counts "" want.tsv >"$dir/want.yaml"
"$squall" run "$dir/want.yaml" >/dev/null 2>&1
is_exact() { sort "$dir/counts.tsv" | cmp - <(sort "$dir/want.tsv") && [ -s "$dir/want.tsv" ]; }
keys() { "$squall" savepoint show "$1" --json | tr '{' '\n' | sed -n 's/.*"keys":\([0-9]*\),.*/\1/p' | awk '{ n += $1 } END { print n + 0 }'; }
emitted() { "$squall" status counts --json | tr '{' '\n' | sed -n 's/.*"id":"gen",.*"emitted":\([0-9]*\),.*/\1/p'; }
flows() { [ "$(emitted)" -gt 20000 ]; }
submit() {
        rm -f "$dir/counts.tsv"
        "$squall" submit "$@" --wait >/dev/null && until_true flows
}
fails_with() { # STATUS TEXT COMMAND...
        local status=$1 text=$2
        shift 2
        "$@" >"$dir/said" 2>&1
        [ $? = "$status" ] && grep -q "$text" "$dir/said"
}

start
submit "$dir/counts.yaml"
pids=$(workers | sort)
check "a savepoint is made while tuples flow" "$squall" savepoint counts "$dir/first"
check "and has keys and positions" test "$(keys "$dir/first")" -gt 0
check "and the workers are those of before" test "$(workers | sort)" = "$pids"
check "one is not made over another" fails_with 2 "is there already" "$squall" savepoint counts "$dir/first"
settles() { [ ! -e "$dir/state/topologies/.next-counts" ]; }
until_true settles
check "one in a folder that cannot be is not made, and that is said" fails_with 1 "cannot make the savepoint" \
        "$squall" savepoint counts "$dir/no/such/folder"
until_true is_in_state counts running
check "by default it lies below the state directory, and its path is printed" \
        eval 'until_true eval "p=\$(\"$squall\" savepoint counts 2>/dev/null)" && [ -f "$p/manifest" ] && [ "${p%/*}" = "$dir/state/savepoints" ]'
"$squall" kill counts --wait 0 >/dev/null

submit "$dir/counts.yaml" --from "$dir/first"
"$squall" update counts "$dir/fast.yaml" >/dev/null
until_true is_in_state counts finished
check "submit --from goes on from it: every tuple counts once" is_exact
"$squall" kill counts >/dev/null

rm -f "$dir/counts.tsv"
"$squall" run "$dir/wider.yaml" --from "$dir/first" >/dev/null 2>&1
check "so does run --from, with another parallelism" is_exact

submit "$dir/counts.yaml"
check "kill --savepoint keeps all, and ends it" "$squall" kill counts --savepoint --to "$dir/last"
check "without a result, for it is not at its end" test ! -s "$dir/counts.tsv" -a -z "$(state counts)"
rm -f "$dir/counts.tsv"
"$squall" run "$dir/fast.yaml" --from "$dir/last" >/dev/null 2>&1
check "and what begins from that savepoint comes to the right end" is_exact

submit "$dir/counts.yaml"
kill -KILL "$(pid counts count/0)"
until_true eval '"$squall" status counts --json | grep -q "\"keys_lost\":[1-9]"'
until_true "$squall" savepoint counts "$dir/short"
check "a savepoint says what is missing from it" eval '"$squall" savepoint show "$dir/short" | grep -q "were lost before it was made"'
rm -f "$dir/counts.tsv"
"$squall" kill counts --wait 0 >/dev/null
check "and what begins from it does not end as if all were there" fails_with 1 "failed" "$squall" run "$dir/fast.yaml" --from "$dir/short"

# ---- what it cannot begin from ----

sed 's/id: count,/id: tally,/; s/to: count,/to: tally,/; s/from: count,/from: tally,/' "$dir/fast.yaml" >"$dir/renamed.yaml"
check "keys of a bolt that is not there are refused" fails_with 2 "keys of the bolt 'count', which the topology does not have" \
        "$squall" run "$dir/renamed.yaml" --from "$dir/first"
sed 's/id: gen,/id: gen, parallelism: 2,/' "$dir/fast.yaml" >"$dir/spouts.yaml"
check "a spout of another number of tasks, too" fails_with 2 "the spout 'gen' has another number of tasks" \
        "$squall" submit "$dir/spouts.yaml" --from "$dir/first"
cp -r "$dir/first" "$dir/damaged"
printf x | dd of="$dir/damaged/count.0" bs=1 seek=100 conv=notrunc 2>/dev/null
check "a damaged file is named" fails_with 1 "damaged/count.0 is damaged" "$squall" savepoint show "$dir/damaged"
check "and not begun from" fails_with 2 "damaged/count.0 is damaged" "$squall" submit "$dir/fast.yaml" --from "$dir/damaged"
rm "$dir/damaged/count.0"
check "nor is one with a file missing" fails_with 2 "damaged/count.0 is not there" "$squall" run "$dir/fast.yaml" --from "$dir/damaged"
rm "$dir/damaged/count.1"
mkfifo "$dir/damaged/count.1" "$dir/damaged/count.0"
check "a pipe in the place of a file is not waited for" fails_with 1 "damaged/count.0 is damaged" timeout 5 "$squall" savepoint show "$dir/damaged"
sed 's/id: count,/id: tally,/; s/to: count,/to: tally,/; s/from: count,/from: tally,/; s/name: counts/name: tallies/' "$dir/counts.yaml" >"$dir/tallies.yaml"
"$squall" submit "$dir/tallies.yaml" --wait >/dev/null && "$squall" kill tallies --savepoint --to "$dir/tallies" >/dev/null
cp -r "$dir/first" "$dir/swapped"
cp "$dir/tallies/plan" "$dir/swapped"
check "nor is the plan of another topology taken for its own" fails_with 1 "swapped/plan is of another topology" "$squall" savepoint show "$dir/swapped"
check "which would begin without its keys" fails_with 2 "swapped/plan is of another topology" "$squall" run "$dir/tallies.yaml" --from "$dir/swapped"
sed 's/type: fields, args: \[k\]/type: global/' "$dir/counts.yaml" >"$dir/global.yaml"
"$squall" submit "$dir/global.yaml" --name other --wait >/dev/null && "$squall" kill other --savepoint --to "$dir/other" >/dev/null
cp "$dir/other/plan" "$dir/swapped"
check "nor one of the same components and parallelism, with other groupings" fails_with 1 "swapped/plan is of another topology" "$squall" savepoint show "$dir/swapped"
check "what is no savepoint is said to be none" fails_with 2 "is not a savepoint, and holds no epochs" "$squall" run "$dir/fast.yaml" --from "$dir/state"
check "nothing of all that was submitted" test -z "$(state counts)"

sed 's/by: \[k\]/by: [k, k2]/; s/fields: { k:/fields: { k2: uniform 1 3, k:/' "$dir/fast.yaml" >"$dir/by.yaml"
check "counts are not taken for those of keys of more fields" fails_with 1 "its counts are of keys of 1 fields, and .by. names 2" \
        "$squall" run "$dir/by.yaml" --from "$dir/first"

# ---- one key in several tasks ----

# Without `by` each task has a window of its own, though the tuples are dealt out by a field.
totals_yaml() {
        cat <<YAML
name: totals
spouts: [ { id: gen, component: generate, properties: { count: 60000, rate: $1, seed: 7, fields: { k: uniform 1 5000 } } } ]
bolts:
  - { id: total, component: window, parallelism: $2, properties: { size: 1000000 tuples, compute: { n: count } } }
  - { id: sink, component: write, properties: { path: "$dir/totals.tsv", mode: append } }
streams:
  - { from: gen, to: total, grouping: { type: fields, args: [k] } }
  - { from: total, to: sink, grouping: { type: global } }
YAML
}
totals_yaml 12000 3 >"$dir/totals.yaml"
totals_yaml 1000000 3 >"$dir/same.yaml"
totals_yaml 1000000 1 >"$dir/narrower.yaml"
all_have_one() { [ "$("$squall" status totals --json | tr '{' '\n' | grep -c '"task":"total/.*"executed":[1-9]')" = 3 ]; }
totals() { awk '{ n += $1 } END { print NR + 0, n + 0 }' "$dir/totals.tsv"; }
"$squall" submit "$dir/totals.yaml" --wait >/dev/null
until_true all_have_one
check "two tasks with one key are not put together by a rebalance" fails_with 1 "several tasks had one key" "$squall" rebalance totals --component total=1
until_true is_in_state totals running
until_true eval '"$squall" savepoint totals "$dir/totals" >/dev/null 2>&1'
until_true is_in_state totals finished
check "and the tasks of before go on with what they had" test "$(totals)" = "3 60000"
"$squall" kill totals >/dev/null
rm "$dir/totals.tsv"
check "nor by a savepoint" fails_with 1 "several tasks had one key" "$squall" run "$dir/narrower.yaml" --from "$dir/totals"
"$squall" run "$dir/same.yaml" --from "$dir/totals" >/dev/null 2>&1
check "which goes on with as many tasks" test "$(totals)" = "3 60000"
sed 's/compute:/by: [k], compute:/' "$dir/same.yaml" >"$dir/by.yaml"
check "nor are windows taken for those of other keys" fails_with 1 "is of windows with other settings" "$squall" run "$dir/by.yaml" --from "$dir/totals"
# Panes of windows that were fired once only are put together for good.
cat >"$dir/sums.yaml" <<YAML
name: sums
spouts: [ { id: gen, component: generate, properties: { rate: 2000, fields: { at: seq, v: uniform 0 9 } }, event-time: { field: at, format: s } } ]
bolts:
  - { id: sums, component: window, properties: { size: 1m, slide: 1s, compute: { sum: sum v } } }
  - { id: sink, component: write, properties: { path: "$dir/sums.tsv" } }
streams:
  - { from: gen, to: sums, grouping: { type: global } }
  - { from: sums, to: sink, grouping: { type: global } }
YAML
"$squall" submit "$dir/sums.yaml" --wait >/dev/null
until_true test -s "$dir/sums.tsv"
"$squall" savepoint sums "$dir/sums" >/dev/null 2>&1
"$squall" kill sums >/dev/null
sed 's/slide:/lateness: 5s, slide:/' "$dir/sums.yaml" >"$dir/later.yaml"
check "nor do windows whose panes were put together get a lateness" fails_with 1 "is of windows with other settings" "$squall" run "$dir/later.yaml" --from "$dir/sums"

# ---- exactly once, after a part of the topology has ended ----

ended_yaml() { # RATE TASKS SINKS
        cat <<YAML
name: ended
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 200 }
spouts:
  - { id: few, component: generate, properties: { count: 90, fields: { k: uniform 1 9 } } }
  - { id: gen, component: generate, properties: { count: 20000, $1 fields: { k: seq } } }
bolts:
  - { id: pass, component: filter, parallelism: $2, properties: { where: "true" } }
  - { id: tally, component: count, parallelism: $2, properties: { by: [k], emit: end } }
  - { id: sink, component: write, properties: { path: "$dir/few.tsv" } }
  - { id: all, component: write, parallelism: $3, properties: { path: "$dir/all.tsv", visible: commit } }
streams:
  - { from: few, to: pass, grouping: SHUFFLE }
  - { from: pass, to: tally, grouping: { type: fields, args: [k] } }
  - { from: tally, to: sink, grouping: { type: global } }
  - { from: gen, to: all, grouping: SHUFFLE }
YAML
}
ended_yaml "rate: 2000," 2 2 >"$dir/ended.yaml"
ended_yaml "" 3 2 >"$dir/more.yaml"
ended_yaml "" 2 3 >"$dir/sinks.yaml"
"$squall" submit "$dir/ended.yaml" --wait >/dev/null
until_true test -s "$dir/few.tsv"
until_true test -s "$dir/all.tsv"
pids=$(workers | sort)
check "while it runs that is refused, too, with what to do" fails_with 2 "leave it at 2, or give the bolt another id" "$squall" rebalance ended -p all=3
check "and by an update" fails_with 2 "the bolt 'all' cannot change, 2 to 3" "$squall" update ended "$dir/sinks.yaml"
check "before anything is stopped" test "$(workers | sort)" = "$pids"
"$squall" kill ended --savepoint --to "$dir/ended" >/dev/null
cp "$dir/few.tsv" "$dir/few.want"
ended_yaml "rate: 2000," 2 2 | sed 's/name: ended/name: unseen/; s/ms: 200/ms: 60000/; s/\.tsv/.unseen/' >"$dir/unseen.yaml"
"$squall" submit "$dir/unseen.yaml" --wait >/dev/null
check "where no epoch tells, no task of the new plan is made for it" fails_with 1 "the update was not done: the parallelism of the bolt 'all' cannot change" \
        "$squall" rebalance unseen -p all=3
check "and it goes on as it was" until_true is_in_state unseen running
"$squall" kill unseen --wait 0 >/dev/null
check "tasks that each keep what they have staged are refused as another number" \
        fails_with 2 "the bolt 'all' has another number of tasks, and each of them keeps values" "$squall" run "$dir/sinks.yaml" --from "$dir/ended"
check "those of a bolt that had ended, with keys or without, may be another number" "$squall" run "$dir/more.yaml" --from "$dir/ended"
check "and do not end a second time" cmp "$dir/few.tsv" "$dir/few.want"
check "while the others have it all" test "$(sort -n "$dir/all.tsv" | uniq | wc -l) $(wc -l <"$dir/all.tsv")" = "20000 20000"

# ---- kill -9 of the supervisor ----

submit "$dir/counts.yaml"
for round in 1 2 3 4 5; do
        "$squall" savepoint counts "$dir/torn-$round" >/dev/null 2>&1 &
        asks=$!
        nap "0.0$((round * 2))"
        kill_supervisor
        kill $asks 2>/dev/null
        wait $asks 2>/dev/null
        start
        until_true is_in_state counts running
        [ ! -e "$dir/torn-$round" ] || "$squall" savepoint show "$dir/torn-$round" >/dev/null || echo "torn-$round" >>"$dir/bad"
done
check "a supervisor that is killed over a savepoint leaves a whole one or none" test ! -e "$dir/bad"
kill_supervisor
mkdir "$dir/state/savepoints/counts-20261126T224400Z.new" "$dir/state/savepoints/mine.new"
start
until_true is_in_state counts running
check "and what was left of one of its own name is swept by the next" \
        test ! -e "$dir/state/savepoints/counts-20261126T224400Z.new" -a -e "$dir/state/savepoints/mine.new"
until_true eval '"$squall" update counts "$dir/fast.yaml" >/dev/null 2>&1'
until_true is_in_state counts finished
check "and no count is lost or doubled" is_exact
"$squall" kill counts >/dev/null
stop
check "in the end no process is left" until_true no_worker
exit $failures
