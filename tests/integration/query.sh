#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `squall query`: keyed state of a topology that runs, and of its newest snapshot, held against what is known to have gone in.
source "$(dirname "$0")/supervised"
mkdir -m 700 "$dir/state"

# 4,000 tuples, and then the topology goes on with nothing to do.
awk 'BEGIN { for (i = 1; i <= 4000; i++) print "{\"k\":" i % 40 ",\"w\":\"" (i % 2 ? "odd" : "even") "\",\"v\":" i "}" }' >"$dir/in.jsonl"
cat >"$dir/asked.yaml" <<YAML
name: asked
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 100 }
spouts: [ { id: in, component: file, properties: { path: in.jsonl, format: jsonl, fields: [k, w, v], follow: true } } ]
bolts:
  - { id: pass, component: filter, properties: { where: 'true' } }
  - { id: count, component: count, parallelism: 2, properties: { by: [k, w] } }
  - { id: top, component: top, properties: { n: 3, by: v } }
  - { id: win, component: window, properties: { size: 1d, by: [w], compute: { n: count, total: sum v, p: p50 v } } }
  - { id: own, component: $build/tests/components/epochs.so }
  - { id: sink, component: "null" }
streams:
  - { from: in, to: pass, grouping: shuffle }
  - { from: pass, to: count, grouping: { type: fields, args: [k] } }
  - { from: pass, to: top, grouping: { type: global } }
  - { from: pass, to: win, grouping: { type: global } }
  - { from: pass, to: own, grouping: { type: global } }
  - { from: count, to: sink, grouping: shuffle }
  - { from: win, to: sink, grouping: shuffle }
YAML
start
query() { "$squall" query asked "$@"; }
# is ROW ARGUMENT...: the only row that comes, whichever task has it
is() {
        local row=$1 got
        shift
        got=$(query "$@" 2>&1 | sed 's/,"task":[0-9]*//')
        [ "$got" = "$row" ] || { echo "$got"; return 1; }
}
rows() { query "$@" 2>/dev/null | wc -l; }
all_in() { query win odd | grep -q '"n":2000' && query win even | grep -q '"n":2000' && [ "$(query count 7 odd | sed 's/.*"count":\([0-9]*\).*/\1/')" = 100 ]; }
"$squall" submit "$dir/asked.yaml" --wait >/dev/null

check "the tasks answer while the topology runs" until_true all_in
check "a key of several fields is given by each" is '{"key":{"k":7,"w":"odd"},"state":{"count":100}}' count 7 odd
check "all keys come, from all tasks" test "$(rows count)" = 40
check "no more than asked for, and that there are more is said" says "there are more keys" query count -n 39
check "as many as asked for" test "$(rows count -n 39)" = 39
check "each by the task that owns it, and once" eval '[ "$(query count | sed "s/,\"state.*//" | sort -u | wc -l)" = 40 ] && query count | grep -q "task\":0" && query count | grep -q "task\":1"'
check "\`top\` shows its value and its rank" is '{"key":{"k":0,"w":"even"},"state":{"v":4000,"rank":1}}' top 0 even
check "what has no rank shows none" is '{"key":{"k":5,"w":"odd"},"state":{"v":3965}}' top 5 odd
check "\`window\` shows what its window comes to so far" \
        eval 'query win odd | grep -Eq "\"start\":\"[^\"]*Z\",\"end\":\"[^\"]*Z\",\"n\":2000,\"total\":4000000,\"p\":[0-9.]+}"'
check "without .show a key is its fields, and its state bytes" is '{"key":{"k":7,"w":"odd","v":7},"state":"0100000000000000"}' own 7 odd 7
check "without a component it says how many keys each task has" eval '"$squall" query asked | grep -q "{\"component\":\"win\",\"task\":0,\"keys\":2}" && [ "$("$squall" query asked | wc -l)" = 5 ]'
check "a key that is not there is told of, with 1" exits_with 1 query count 7 even
check "a component that is not there, too, with 2" exits_with 2 query cuont
check "and one that keeps nothing" says "keeps no keyed state" query pass
check "and a topology that is not there" says "no topology 'aksed' (did you mean" "$squall" query aksed count

check "the newest snapshot comes to the same" until_true eval '[ "$(query count --epoch last | sort)" = "$(query count | sort)" ]'
check "of one key, too" until_true is '{"key":{"k":7,"w":"odd"},"state":{"count":100}}' count 7 odd --epoch last
check "with its windows" until_true eval 'query win even --epoch last | grep -q "\"n\":2000,\"total\":4002000"'
check "and bytes" until_true is '{"key":{"k":7,"w":"odd","v":7},"state":"0100000000000000"}' own 7 odd 7 --epoch last
# Each epoch is removed as soon as the next one is there.
sed 's/^name: .*/name: fleeting/; s/interval.ms: 100/interval.ms: 10, topology.checkpoint.keep: 1/' "$dir/asked.yaml" >"$dir/fleeting.yaml"
"$squall" submit "$dir/fleeting.yaml" --wait >/dev/null
fleeting() { "$squall" query fleeting count --epoch last; }
until_true eval '[ "$(fleeting | wc -l)" = 40 ]'
whole() { for n in 1 2 3 4 5 6 7 8 9 10; do [ "$(fleeting | wc -l)" = 40 ] || return 1; done; }
check "a snapshot that is removed while it is looked into is seen whole" whole
"$squall" kill fleeting --wait 0 >/dev/null

check "a component that keeps nothing has nothing there either" says "keeps no keyed state" query pass --epoch last

# Nothing changes any more: what there is stays on disk, and next to nothing is written.
number() { "$squall" status asked --json | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
sparing() { local all=$(number bytes) written=$(number written_bytes); [ "${all:-0}" -gt 20000 ] && [ "$written" -gt 0 ] && [ $((written * 4)) -lt "$all" ] && [ "$(number recorded_bytes)" -le "$written" ]; }
check "\`status\` shows how much an epoch holds, and how little of it was written" until_true sparing
check "so it does in words" eval '"$squall" status asked | grep -Eq "^epochs: epoch [0-9]+, .* old, made in .* ms, [0-9.]+ ([kM]B|bytes) \([0-9.]+ ([kM]B|bytes?) written, [0-9.]+ ([kM]B|bytes?) of them on their way\)$"'

stopped=$(pid asked count/0)
kill -STOP "$stopped"
check "who does not answer is named" says "count/0 does not answer" query count 7 odd
kill -CONT "$stopped"
kill -KILL "$(pid asked count/0)"
check "after a death it answers with what it goes on from" until_true is '{"key":{"k":7,"w":"odd"},"state":{"count":100}}' count 7 odd

# ---- without exactly-once ----
sed 's/^config:.*//; s/^name: .*/name: plain/' "$dir/asked.yaml" >"$dir/plain.yaml"
"$squall" submit "$dir/plain.yaml" --wait >/dev/null
check "state is shown under any delivery" until_true eval '"$squall" query plain win odd | grep -q "\"n\":2000"'
check "without epochs there is no snapshot, and that is said" says "there is no snapshot of 'plain' yet" "$squall" query plain count --epoch last

all_of() { "$squall" query "$@" --all 2>"$dir/all.err" | sed 's/,"task.*//' | sort; }
check "all keys of one instant come from an epoch that is made for it" \
        eval '[ "$(all_of plain count)" = "$("$squall" query plain count | sed "s/,\"task.*//" | sort)" ] && [ "$(all_of plain count | wc -l)" = 40 ]'
check "and nothing of that stays" eval '[ -z "$(find "$dir/state/savepoints" -mindepth 1)" ]'
check "of an exactly-once topology from its newest one" eval '[ "$(all_of asked count)" = "$(all_of plain count)" ] && [ "$(all_of asked own | wc -l)" = 4000 ]'

# ---- under load: whoever asks does not hold up the tuples ----
cat >"$dir/load.yaml" <<YAML
name: load
spouts: [ { id: in, component: generate, properties: { count: 0, seed: 3, fields: { k: uniform 1 200000 } } } ]
bolts:
  - { id: count, component: count, properties: { by: [k], emit: end } }
  - { id: sink, component: "null" }
streams:
  - { from: in, to: count, grouping: { type: fields, args: [k] } }
  - { from: count, to: sink, grouping: shuffle }
YAML
"$squall" submit "$dir/load.yaml" --wait >/dev/null
many() { [ "$("$squall" query load count -n 20000 2>/dev/null | sort -u | wc -l)" = 20000 ]; }
check "many keys come in pages" until_true many
check "and one, of a bolt under full load" until_true "$squall" query load count 4711
"$squall" kill load --wait 0 >/dev/null

for name in asked plain; do "$squall" kill "$name" --wait 0 >/dev/null; done
until_true no_worker
stop

# ---- what a query left that was killed ----
bash -c 'exit 0' & gone=$!
wait $gone
mkdir -p "$dir/state/savepoints/.query-$gone/1" "$dir/state/savepoints/.query-$$" "$dir/state/savepoints/kept"
start
check "a supervisor that starts removes what a killed query left, and nothing else" \
        eval '[ "$(ls -A "$dir/state/savepoints" | sort | tr "\n" " ")" = ".query-$$ kept " ]'
rmdir "$dir/state/savepoints/.query-$$"
stop

# ---- in the foreground ----
foreground() { "$squall" run "$dir/$1.yaml" >>"$dir/err" 2>&1 & run=$!; until_true "$squall" query "$1" count -n 1; }
foreground asked
check "the tasks of a run in the foreground answer, too" until_true all_in
check "its newest epoch as well" until_true is '{"key":{"k":7,"w":"odd"},"state":{"count":100}}' count 7 odd --epoch last
check "and all keys of one instant" until_true eval '[ "$(all_of asked count | wc -l)" = 40 ] && [ "$(all_of asked own | wc -l)" = 4000 ]'
kill -INT $run; wait $run
foreground plain
check "one without epochs has no snapshot, and says so" says "there is no snapshot of 'plain' yet" "$squall" query plain count --epoch last
check "nor can one be made" says "'plain' runs in the foreground, and makes no epochs" "$squall" query plain count --all
stopped=$(pid plain count/0)
kill -STOP "$stopped"
check "who does not answer there is named" says "count/0 does not answer" "$squall" query plain count 7 odd
kill -KILL $run
wait $run 2>/dev/null
kill -CONT "$stopped" 2>/dev/null
check "a worker that was stopped meanwhile ends, too" until_true eval '! [ -e /proc/$stopped ]'
exit $failures
