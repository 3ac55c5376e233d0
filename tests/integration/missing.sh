#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No run ends with exit status 0 when a result is missing: what is given up is in a dead-letter file, or the run has failed.
# modes: release
source "$(dirname "$0")/lib"

# poison RETRIES: five tuples, of which each that is a multiple of 2 fails whenever it is executed.
poison() {
        cat >"$dir/t.yaml" <<Y
name: poison
config: { topology.spout.max.retries: $1, topology.spout.retry.delay.ms: 1 }
spouts: [{ id: n, component: generate, properties: { count: 5, fields: { key: uniform 7 7, seq: seq, check: seq } } }]
bolts:
  - { id: pass, component: $build/tests/components/faulty.so, properties: { poison: 7, poison_every: 2 } }
  - { id: out, component: write, properties: { path: $dir/out } }
streams: [{ from: n, to: pass, grouping: { type: shuffle } }, { from: pass, to: out, grouping: { type: global } }]
Y
}
# ends STATUS ARGS...: a run in $dir that ends so.
ends() {
        local wanted=$1 status=0
        shift
        (cd "$dir" && timeout 60 "$squall" run "$@" t.yaml) >"$dir/json" 2>"$dir/err" || status=$?
        cat "$dir/err"
        [ $status = "$wanted" ]
}
letters() { [ "$(wc -l 2>/dev/null <"$dir/poison.dead-letters.jsonl" || echo 0)" = "$1" ]; }

poison 3
check "a run that gives tuples up ends with 0" ends 0
check "and has each in NAME.dead-letters.jsonl of the working directory" letters 2
check "and says how many, and where" grep -qF "n: gave up 2 tuples after topology.spout.max.retries; 2 of them in $dir/poison.dead-letters.jsonl" "$dir/err"
rm -f "$dir"/*.jsonl
check "so does a run without workers" ends 0 --inline
check "with the same letters" letters 2
rm -f "$dir"/*.jsonl
check "a run that cannot write its dead letters ends with 1" ends 1 --json -c topology.dead.letter.path=/dev/full
check "and its JSON says failed, given up and not dead-lettered" grep -qE '"state":"failed".*"given_up":2,"dead_lettered":0' "$dir/json"
check "so does one without workers" ends 1 --inline -c topology.dead.letter.path=/dev/full
poison 3 && sed -i 's/poison_every: 2/poison_every: 1000/' "$dir/t.yaml"
check "a run that gives nothing up ends with 0" ends 0
check "and leaves no dead-letter file" test ! -e "$dir/poison.dead-letters.jsonl"

# ---- what belongs to no tuple tree ----

# results DELIVERY: seven counts, emitted by `finish`, for a device that takes nothing.
results() {
        cat >"$dir/t.yaml" <<Y
name: results
config: { topology.delivery: $1 }
spouts: [{ id: n, component: generate, properties: { count: 700, fields: { n: uniform 1 7 } } }]
bolts: [{ id: count, component: count, properties: { by: [n], emit: end } }, { id: out, component: write, properties: { path: /dev/full } }]
streams: [{ from: n, to: count, grouping: { type: shuffle } }, { from: count, to: out, grouping: { type: global } }]
Y
}
for delivery in at-least-once at-most-once; do
        results $delivery
        check "$delivery: a run whose results a sink cannot write ends with 1" ends 1 --json
        check "$delivery: and says where, how many and why" grep -qE 'out/0: .*lost .*No space left on device|out: lost 7 tuples' "$dir/err"
        check "$delivery: and its JSON says so" grep -qE '"state":"failed".*"id":"out".*"lost":7' "$dir/json"
done
poison 3
check "at most once, a run with tuples that their bolt fails ends with 1" ends 1 --json -c topology.delivery=at-most-once
check "and counts them as lost" grep -q '"id":"pass".*"lost":2' "$dir/json"

# ---- finish, and the state that it is to emit ----

# finishes FAILS DELIVERY: five tuples, for a bolt whose finish fails as often.
finishes() {
        cat >"$dir/t.yaml" <<Y
name: finishes
config: { topology.delivery: $2 }
spouts: [{ id: n, component: generate, properties: { count: 5, fields: { key: uniform 7 7, seq: seq, check: seq } } }]
bolts:
  - { id: pass, component: $build/tests/components/faulty.so, properties: { finish_fails: $1 } }
  - { id: out, component: write, properties: { path: $dir/out } }
streams: [{ from: n, to: pass, grouping: { type: shuffle } }, { from: pass, to: out, grouping: { type: global } }]
Y
}
finishes 3 at-least-once
check "a finish that goes well when it is called again ends with 0" ends 0 --json
check "in the same worker, which has what it is to emit" eval 'grep -q "\"restarts\":0" "$dir/json" && ! grep -q "\"restarts\":[1-9]" "$dir/json"'
finishes 1000000 at-least-once
check "a finish that never goes well ends with 1" ends 1 --json
check "and says which, and why" grep -q "pass/0: .*finish: told to fail in finish" "$dir/err"
check "so does one without workers" ends 1 --inline
finishes 1000000 at-most-once
check "and at most once" ends 1 --json

# A worker that is killed takes along what its keys have counted, and no replay brings that back.
cat >"$dir/keys.yaml" <<Y
name: keys
spouts: [{ id: n, component: generate, properties: { count: 3000, rate: 1000, fields: { n: uniform 1 7 } } }]
bolts: [{ id: count, component: count, properties: { by: [n] } }, { id: out, component: write, properties: { path: $dir/out } }]
streams: [{ from: n, to: count, grouping: { type: fields, args: [n] } }, { from: count, to: out, grouping: { type: global } }]
Y
cp "$dir/keys.yaml" "$dir/t.yaml"
has_counted() { [ "$(wc -l <"$dir/out")" -gt 100 ]; }
# killed COMPONENT: in the middle of the run. The exit status of the run.
killed() {
        local status=0 run
        rm -f "$dir/out"
        (cd "$dir" && exec timeout 60 "$squall" run --json t.yaml) >"$dir/json" 2>"$dir/err" &
        run=$!
        until_true has_counted
        kill -9 "$(pgrep -P "$(pgrep -P $run)" -f "keys $1/0")"
        wait $run || status=$?
        echo $status
}
check "a run whose keyed state was lost with a worker ends with 1" test "$(killed count)" = 1
check "and says how many keys of which component" grep -q "count: lost the state of 7 keys with a worker" "$dir/err"
check "and its JSON says so" grep -qE '"state":"failed".*"id":"count".*"keys_lost":7' "$dir/json"
check "a worker without any costs nothing" test "$(killed out)" = 0

# ---- under the daemon ----

poison 2
export XDG_RUNTIME_DIR=$dir/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
"$squall" supervisor --state-dir "$dir/state" >"$dir/err" 2>&1 &
daemon=$!
end_daemon() { kill $daemon; }
on_exit end_daemon
state_is() { "$squall" list | grep -qw "$1"; }
until_true eval '"$squall" list'
check "a topology that gives tuples up is submitted" "$squall" submit "$dir/t.yaml"
check "and finishes" until_true state_is finished
check "its letters are in the state directory" test "$(wc -l <"$dir/state/poison.dead-letters.jsonl")" = 2
check "and status says how many, and where" eval '"$squall" status poison | grep -qF "n: gave up 2 tuples; 2 of them in $dir/state/poison.dead-letters.jsonl"'
"$squall" kill poison >"$dir/err" 2>&1
check "and stay when it is killed" test -s "$dir/state/poison.dead-letters.jsonl"
sed -i 's/config: {/config: { topology.dead.letter.path: \/dev\/full,/' "$dir/t.yaml"
check "a topology whose letters cannot be written is submitted" "$squall" submit "$dir/t.yaml"
check "and fails" until_true state_is failed
check "and status says that tuples are missing" eval '"$squall" status poison | grep -q "2 tuples or keys of state were lost, or given up and in no dead-letter file"'

# The supervisor that saw the worker die dies too: the one that adopts the topology knows what it has lost all the same.
sed -i 's/count: 3000/count: 4000/' "$dir/keys.yaml"
rm -f "$dir/out"
status_has() { "$squall" status keys --json | grep -qE "$1"; }
check "a topology with keyed state is submitted" "$squall" submit --wait "$dir/keys.yaml"
until_true has_counted
kill -9 "$("$squall" status keys --json | tr '{' '\n' | sed -n 's#.*"task":"count/0","worker":[0-9]*,"pid":\([0-9]*\).*#\1#p')"
check "the keys of a worker that was killed are counted" until_true status_has '"keys_lost":7'
{ kill -9 $daemon && wait $daemon; } 2>/dev/null
"$squall" supervisor --state-dir "$dir/state" >"$dir/err" 2>&1 &
daemon=$!
until_true eval '"$squall" list >/dev/null'
check "and by the next supervisor" status_has '"keys_lost":7'
check "which knows that the topology has failed" until_true eval '"$squall" list | grep -q "^keys *failed"'
check "and why" eval '"$squall" status keys | grep -q "7 tuples or keys of state were lost"'
# ---- what cannot be read ----

printf '{"a":1}\nno JSON\n' >"$dir/in.jsonl"
cat >"$dir/t.yaml" <<Y
name: unread
spouts: [{ id: n, component: file, properties: { path: $dir/in.jsonl, format: jsonl, fields: { a: int } } }]
bolts: [{ id: out, component: "null" }]
streams: [{ from: n, to: out, grouping: { type: global } }]
Y
check "a run that leaves records out ends with 0" ends 0
check "and has each in NAME.dead-letters.jsonl" grep -q '"record":"no JSON"' "$dir/unread.dead-letters.jsonl"
check "and says how many, and where" grep -qF "n: left out 1 record (the log above says why); in $dir/unread.dead-letters.jsonl" "$dir/err"

exit $failures
