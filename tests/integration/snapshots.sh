#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Keyed state and positions through stops, starts and hand-overs that come too soon, are cut short by kill -9, or find no room: every tuple counts
# once. The counts are those of `count` and `write`, held against what one run alone comes to.
# SQUALL_ROUNDS: stops of each kind; SQUALL_TUPLES: how many are counted.
# alone
# modes: release asan
source "$(dirname "$0")/supervised"
mkdir -m 700 "$dir/state"
on_exit give_back
small=
: "${SQUALL_ROUNDS:=6}" "${SQUALL_TUPLES:=300000}"

give_back() {
        end_all
        wait 2>/dev/null
        [ -z "$small" ] || umount "$small"
}

counts_yaml() {
        cat <<YAML
name: counts
spouts: [ { id: gen, component: generate, properties: { count: $SQUALL_TUPLES, $1 seed: 7, fields: { k: uniform 1 5000 } } } ]
bolts:
  - { id: count, component: count, parallelism: 2, properties: { by: [k], emit: end } }
  - { id: sink, component: write, properties: { path: "$dir/$2", mode: append } }
streams:
  - { from: gen, to: count, grouping: { type: fields, args: [k] } }
  - { from: count, to: sink, grouping: { type: global } }
YAML
}
counts_yaml "rate: 60000," counts.tsv >"$dir/counts.yaml"
counts_yaml "" want.tsv >"$dir/want.yaml"
"$squall" run "$dir/want.yaml" >/dev/null 2>&1
submit() {
        rm -f "$dir/counts.tsv"
        "$squall" submit "$dir/counts.yaml" --wait >/dev/null
}
counts_are_exact() {
        until_true is_in_state counts finished || return 1
        sort "$dir/counts.tsv" | cmp - <(sort "$dir/want.tsv") && [ -s "$dir/want.tsv" ]
        local r=$?
        "$squall" kill counts >/dev/null
        return $r
}

start
submit
for round in $(seq "$SQUALL_ROUNDS"); do
        stop
        start
        nap "0.0$((round % 10))"
done
check "a stop right after a start loses no count" counts_are_exact

submit
for round in $(seq "$SQUALL_ROUNDS"); do
        stop
        start
        nap "0.0$((round % 10))"
        "$squall" rebalance counts --component count=$((1 + round % 4)) >/dev/null 2>&1
done
check "nor does a rebalance" counts_are_exact

# Each other bolt that keeps something, as `count` above: stops, starts and rebalances in the middle of a run change nothing of what it gives.
keeps_yaml() {
        cat <<YAML
name: counts
spouts: [ { id: gen, component: generate, properties: { count: $((SQUALL_TUPLES / 3)), $3 seed: 7, fields: { k: uniform 1 3000, v: uniform 1 100 } } } ]
bolts:
  - { id: count, component: $1, parallelism: 2, properties: { $2 } }
  - { id: sink, component: write, properties: { path: "$dir/$4", mode: append } }
streams:
  - { from: gen, to: count, grouping: { type: fields, args: [k] } }
  - { from: count, to: sink, grouping: { type: global } }
YAML
}
keeps() {
        cp "$dir/counts.yaml" "$dir/counts.yaml.kept"; cp "$dir/want.tsv" "$dir/want.tsv.kept"
        rm -f "$dir/want.tsv"
        keeps_yaml "$1" "$2" "" want.tsv >"$dir/alone.yaml"
        "$squall" run "$dir/alone.yaml" >/dev/null 2>&1
        keeps_yaml "$1" "$2" "rate: 40000," counts.tsv >"$dir/counts.yaml"
        submit
        local round r
        for round in $(seq "$SQUALL_ROUNDS"); do
                stop && start
                nap "0.1$((round % 10))"
                "$squall" rebalance counts --component count=$((1 + round % 4)) >>"$dir/rebalance" 2>&1
        done
        counts_are_exact
        r=$?
        mv "$dir/counts.yaml.kept" "$dir/counts.yaml"; mv "$dir/want.tsv.kept" "$dir/want.tsv"
        return $r
}
check "top keeps the value of each key" keeps top "n: 100000, by: v"
check "window keeps what it has gathered of each key" keeps window \
        "size: 7 tuples, slide: 3 tuples, by: [k], compute: { n: count, sum: sum v, least: min v, p50: p50 v, kinds: distinct v }"

# The whole of a stop takes some 20 ms here: it is cut short at each millisecond of that, and a bit later.
submit
for round in $(seq $((3 * SQUALL_ROUNDS))); do
        kill -TERM $supervisor
        nap "0.0$(printf '%02d' $((round * 2 % 50)))"
        kill_supervisor
        start
done
check "nor does kill -9 of the supervisor anywhere in a stop" counts_are_exact

# The run directory of before, of which the first file has been removed already.
submit
until_true eval '"$squall" status counts --json | grep -q "\"keys\":[1-9]"'
run=$(echo "$XDG_RUNTIME_DIR"/squall/top-*)
cp -a "$run" "$dir/left"
rm "$dir/left/from"
stop
cp -a "$dir/left" "$run"
start
check "nor does a supervisor that is killed while it removes a run directory" counts_are_exact

submit
for round in $(seq $((3 * SQUALL_ROUNDS))); do
        "$squall" rebalance counts --component count=$((1 + round % 4)) >/dev/null 2>&1 &
        nap "0.0$(printf '%02d' $((round * 3 % 80)))"
        kill_supervisor
        kill $! 2>/dev/null
        wait $! 2>/dev/null
        start
done
# A worker that had not finished starting when its supervisor died is killed, and what it was sent comes again: a few tuples may count twice, at
# least once. None is missing, and no key comes out twice.
none_is_missing() {
        until_true is_in_state counts finished || return 1
        awk 'NR == FNR { want[$1] = $2; n++; next } { lines++; if ($2 < want[$1]) short++; more += $2 - want[$1] }
                END { print lines + 0, "lines of", n, short + 0, "short", more + 0, "too many"; exit !(lines == n && !short && more < 3000) }' \
                "$dir/want.tsv" "$dir/counts.tsv"
        local r=$?
        "$squall" kill counts >/dev/null
        return $r
}
check "nor anywhere in a rebalance" none_is_missing

# A worker that stands still keeps the others from writing down what they have counted: the drain takes too long.
rm -f "$dir/counts.tsv"
"$squall" submit "$dir/counts.yaml" --wait -c topology.message.timeout.secs=2 >/dev/null
kept() { "$squall" status counts --json | grep -q '"keys":[1-9]'; }
until_true kept
kill -STOP "$("$squall" status counts | awk 'index($1, "sink/") == 1 { print $3 }')"
stop
start
check "nor does a stop whose drain takes too long" counts_are_exact

# At most once nothing is tracked, and a source goes on from where it was all the same.
seq 20000 >"$dir/numbers"
cat >"$dir/once.yaml" <<YAML
name: once
config: { topology.delivery: at-most-once }
spouts: [ { id: numbers, component: file, properties: { path: "$dir/numbers", rate: 20000 } } ]
bolts: [ { id: sink, component: write, properties: { path: "$dir/once.tsv", mode: append } } ]
streams: [ { from: numbers, to: sink, grouping: { type: shuffle } } ]
YAML
"$squall" submit "$dir/once.yaml" --wait >/dev/null
until_true [ -s "$dir/once.tsv" ]
stop
start
check "at most once, a stop and a start process each tuple once, and all of them" eval 'until_true is_in_state once finished && cmp "$dir/once.tsv" "$dir/numbers"'
"$squall" kill once >/dev/null

# ---- what is damaged or gone ----

positions=$dir/state/topologies/counts/positions
cause() { "$squall" status counts --json | sed -n 's/.*"cause":"\([^"]*\)".*/\1/p'; }
cause_names() { [[ "$(cause)" == *"$1"* ]]; }
flip() { local at; at=$(($(stat -c %s "$1") - 1)); printf '\x55' | dd of="$1" bs=1 seek=$at conv=notrunc 2>/dev/null; }

goes_on() { is_in_state counts running || is_in_state counts finished; }
waits_for() { is_in_state counts waiting && cause_names "$1"; }
waits() { until_true waits_for "$1" || { "$squall" status counts; return 1; }; }

submit
until_true [ -s "$positions" ]
kill_supervisor
kill -KILL $(workers) 2>/dev/null
until_true no_worker
for file in "$positions" "$positions.old"; do [ ! -e "$file" ] || printf 'x' >"$file"; done
start
check "damaged positions are named, and the topology waits" waits "$positions is damaged"
rm -f "$positions" "$positions.old"
check "and begins when they are gone, by itself" until_true goes_on
"$squall" kill counts --wait 0 >/dev/null

submit
stop
file=$(ls "$dir"/state/snapshots/counts-*/*/count.0)
mv "$file" "$dir/kept"
start
check "a snapshot with a file missing is named" waits "$file is damaged"
mv "$dir/kept" "$file"
check "and used when it is put back" counts_are_exact

submit
mv "$dir/state" "$dir/elsewhere"
rm -rf "$dir/elsewhere"
check "a state directory that is removed is noticed" until_true grep -q "has been removed or replaced" "$dir/err"
check "a topology of it can still be killed by its name" "$squall" kill counts --wait 0
check "and leaves no worker" until_true no_worker
stop
mkdir -m 700 "$dir/state"

# ---- no room ----

if mount -t tmpfs -o size=12m,mode=700 none "$dir/state" 2>/dev/null; then
        small=$dir/state
        start
        submit
        nap 0.5
        dd if=/dev/zero of="$dir/state/fill" bs=1k 2>/dev/null
        check "a stop that finds no room says so and fails" eval '! stop && grep -q "goes on, for something would be lost: cannot write a snapshot into .*No space left" "$dir/err"'
        check "and the topology goes on" eval 'until_true is_in_state counts running'
        rm "$dir/state/fill"
        check "with room again it stops" stop
        start
        check "and no count is lost" counts_are_exact
        stop
else
        echo "# no tmpfs can be mounted here: a full disk is left out"
        stop
fi
check "in the end no process is left" until_true no_worker
exit $failures
