#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `squall trace`: tuples through every hop, under each delivery, in a supervisor and in `squall run`, without a trace in the results.
# modes: release asan
source "$(dirname "$0")/supervised"

# Each line becomes two words, each of which two tasks of `each` get by a broadcast: 1 + 2 + 2 x 2 hops behind the spout. While one task
# stands still there are trees of the others: it does not stop the spout.
cat >"$dir/flow.yaml" <<'YAML'
name: flow
config: { topology.max.spout.pending: 100000 }
spouts: [{ id: gen, component: generate, properties: { rate: 500, fields: { line: 'const red green' } } }]
bolts:
  - { id: split, component: split, parallelism: 2 }
  - { id: count, component: count, parallelism: 2, properties: { by: word } }
  - { id: each, component: 'null', parallelism: 2 }
streams:
  - { from: gen, to: split, grouping: { type: shuffle } }
  - { from: split, to: count, grouping: { type: fields, args: [word] } }
  - { from: count, to: each, grouping: { type: all } }
YAML
trace() { timeout 60 "$squall" trace "$@" 2>"$dir/said" </dev/null; }
# whole NAME: of each tree that is shown as JSON all is there, in its order, and the parts of its time add up.
whole() {
        trace "$1" --limit 3 --json >"$dir/trees" && python3 - "$dir/trees" <<'PYTHON'
import json, sys
trees = [json.loads(line) for line in open(sys.argv[1])]
assert len(trees) == 3
for tree in trees:
    spans = tree["spans"]
    assert tree["whole"], tree
    tasks = [span["task"].split("/")[0] for span in spans]
    lines = tasks.count("split")
    assert tasks[0] == "gen" and lines >= 1, tasks
    assert tasks.count("count") == 2 * lines and tasks.count("each") == 4 * lines, tasks
    for span in spans[1:]:
        parent = spans[span["parent"]]
        end = parent["at_us"] + parent["executed_us"] + sum(parent.get(p + "_us", 0) for p in ("gathered", "network", "queued"))
        assert abs(end - span["at_us"]) < 0.01, (parent, span)
        assert span["from"] == parent["task"] and span["verdict"] == "ack"
    assert {span["tuple"]["word"] for span in spans if span["task"].startswith("count")} == {"red", "green"}
PYTHON
}
is_waterfall() { trace flow --limit 1 >"$dir/out" && grep -qE '^gen/0 +[0-9.]+ (us|ms|s), [0-9]+ hops$' "$dir/out" && grep -qE '^    split/[01] .*#$' "$dir/out" && awk 'length($0) > 80 { exit 1 }' "$dir/out"; }
is_perfetto() {
        trace flow --limit 2 --perfetto "$dir/flow.json" && python3 - "$dir/flow.json" <<'PYTHON'
import json, sys
events = json.load(open(sys.argv[1]))["traceEvents"]
kinds = [event["ph"] for event in events]
assert kinds.count("s") == kinds.count("f") >= 2 * 7 and kinds.count("b") == kinds.count("e") == 3 * kinds.count("s")
assert kinds.count("X") == kinds.count("s") + 2
names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
assert names[0] == "gen/0" and len(names) == 7
PYTHON
}

# One task hears of it, and can be heard, only after all others are: what they follow until then is not shown.
others_are_traced() { [ "$(ls "$XDG_RUNTIME_DIR"/squall/top-*/p[0-9]* 2>/dev/null | wc -l)" = 6 ]; }
is_whole_with_one_late() {
        local late=$(pid flow split/1) tracer
        kill -STOP "$late"
        whole flow &
        tracer=$!
        until_true others_are_traced
        kill -CONT "$late"
        wait $tracer
}
is_told_who_is_missing() {
        local late=$(pid flow split/1) status
        kill -STOP "$late"
        trace flow --limit 1 >"$dir/out"
        status=$?
        kill -CONT "$late"
        [ $status = 0 ] && grep -q 'split/1 is not heard, and is missing here' "$dir/said"
}

start
for delivery in at-most-once at-least-once exactly-once; do
        "$squall" submit --wait --name flow "$dir/flow.yaml" -c topology.delivery=$delivery >>"$dir/err" 2>&1
        check "$delivery: a task that hears of it late leaves the first trees whole" is_whole_with_one_late
        check "$delivery: trees come whole, each hop where the one before it ends" whole flow
        nothing_lost() { "$squall" status flow --json >"$dir/status" && ! grep -qE '"(gaps|malformed|failed|lost|fenced)":[1-9]' "$dir/status"; }
        check "$delivery: nothing was lost over it" nothing_lost
        if [ $delivery = at-least-once ]; then
                check "as text it is a waterfall of 80 columns" is_waterfall
                check "as a file it is what Perfetto reads" is_perfetto
                check "a file that cannot be written is an error" exits_with 1 timeout 60 "$squall" trace flow --limit 1000 --perfetto /dev/full
                check "who is not heard is named" is_told_who_is_missing
                check "a worker that dies leaves later trees whole" eval 'kill -KILL $(pid flow count/0) && until_true whole flow'
        fi
        "$squall" kill flow --wait 0 >>"$dir/err" 2>&1
        gone() { [ -z "$(state flow)" ]; }
        until_true gone
done
check "a topology that is not there is refused" exits_with 2 "$squall" trace flown

"$squall" run "$dir/flow.yaml" >"$dir/ran" 2>&1 &
runs=$!
found() { "$squall" status flow --json >"$dir/status" 2>&1; }
until_true found
check "what runs in the foreground is traced, too" until_true whole flow
kill -INT $runs
wait $runs
stop
