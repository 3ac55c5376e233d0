#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `squall submit --storm` on an Apache Storm of its own, of Maven's jars: what comes of three topologies there, which run
# at once, is what comes of them here, however tuples are dealt out and whatever is in them; and when a worker is killed.
# modes: release
# alone
source "$(dirname "$0")/../integration/lib"
for tool in java mvn; do command -v $tool >/dev/null || { echo "ok - a topology runs on Apache Storm # skip: no $tool"; exit 0; }; done

# The jars stay in the build, all else goes with the test.
export STORM_TEST_DIR=$build/storm STORM_BASE_PORT=$(free_port) MAVEN_REPO=${MAVEN_REPO:-$HOME/.m2/repository}
cluster() { tests/storm/cluster "$@"; }
# Children end when their worker has: by their folder they are known.
gone() { ! readlink /proc/[0-9]*/cwd 2>/dev/null | grep -q "^$STORM_TEST_DIR/"; }
end_cluster() {
        cluster clean >/dev/null 2>&1
        until_true gone
}
on_exit end_cluster
storm=127.0.0.1:$((STORM_BASE_PORT + 1))
begin() { cluster clean; timeout 200 tests/storm/cluster start </dev/null; }
if ! begin >"$dir/err" 2>&1; then
        # without the jars there is nothing to test; with them it must come up
        grep -q 'Maven could not fetch' "$dir/err" && { echo "ok - a topology runs on Apache Storm # skip: Maven has no jars of it"; exit 0; }
        check "Storm comes up" false
        exit $failures
fi

# within SECONDS COMMAND...
within() {
        local deadline=$((SECONDS + $1))
        until "${@:2}"; do [ $SECONDS -lt $deadline ] || return 1; nap 0.5; done 2>/dev/null
}
check "an empty cluster has no topology" eval '[ "$("$squall" list --storm $storm --json)" = "[]" ]'
head -n 2000 topologies/wordcount/kjv.txt >"$dir/lines.txt"
cat >"$dir/count.yaml" <<YAML
name: count
config: { topology.message.timeout.secs: 300 }
spouts:
  - { id: lines, component: file, properties: { path: lines.txt } }
bolts:
  - { id: split, component: split, parallelism: 2 }
  - { id: count, component: count, parallelism: 2, properties: { by: word, emit: end } }
  - { id: write, component: write, properties: { path: $dir/counts.tsv } }
streams:
  - { from: lines, to: split, grouping: { type: shuffle } }
  - { from: split, to: count, grouping: { type: fields, args: [word] } }
  - { from: count, to: write, grouping: { type: shuffle } }
YAML

# Every grouping to two tasks, and a value of each type there and back.
cat >"$dir/records.jsonl" <<'JSON'
{"v":null,"u":0,"b":"","t":0}
{"v":true,"u":9223372036854775808,"b":"bytes","t":1.5}
{"v":-9223372036854775808,"u":18446744073709551615,"b":"\u0000\u0001","t":-3.5}
{"v":9223372036854775807,"u":1,"b":"ä","t":1700000000}
{"v":18446744073709551615,"u":2,"b":"==","t":0.000000001}
{"v":[1e300,0.1,-0.0,3.0],"u":3,"b":"end","t":0}
{"v":"ä \u2028 \ud83d\ude00 \" \\ / \n end","u":4,"b":"\nend\n","t":0}
{"v":[1,[],{},[null,false]],"u":5,"b":"/","t":0}
{"v":{"a":{"b":[1,2.5]}},"u":6,"b":"$","t":0}
{"v":{"$b":"x"},"u":7,"b":"=","t":0}
JSON
bolts='' streams=''
for grouping in shuffle local-or-shuffle none fields partial-key global all direct; do
        from=numbers args=''
        [[ $grouping = fields || $grouping = partial-key ]] && args=', args: [n]'
        [ $grouping = direct ] && from=dealer
        bolts+="  - { id: $grouping, component: $build/tests/components/placed.so, parallelism: 2 }"$'\n'
        streams+="  - { from: $from, to: $grouping, grouping: { type: $grouping$args } }"$'\n'
        streams+="  - { from: $grouping, to: dealt, grouping: { type: shuffle } }"$'\n'
done
cat >"$dir/ways.yaml" <<YAML
name: ways
config: { topology.message.timeout.secs: 300 }
spouts:
  - { id: numbers, component: generate, properties: { count: 400, fields: { n: uniform 0 99 } } }
  - { id: records, component: file, properties: { path: records.jsonl, format: jsonl, fields: { v: any, u: uint, b: bin, t: time unix } } }
bolts:
  - { id: dealer, component: $build/tests/components/placed.so, properties: { direct: true } }
  - { id: dealt, component: write, properties: { path: $dir/dealt } }
  - { id: types, component: map, properties: { set: { tv: type(v), tu: type(u), tb: type(b), tt: type(t) } } }
  - { id: values, component: write, properties: { path: $dir/values, format: jsonl } }
${bolts}streams:
  - { from: numbers, to: dealer, grouping: { type: shuffle } }
  - { from: records, to: types, grouping: { type: shuffle } }
  - { from: types, to: values, grouping: { type: shuffle } }
$streams
YAML

# Two workers; a bolt that fails some, one that says at each tick what it has counted, and a file that outlives its writer.
cat >"$dir/deaths.yaml" <<YAML
name: deaths
config: { topology.workers: 2, topology.message.timeout.secs: 5, topology.tick.tuple.freq.secs: 1 }
spouts:
  - { id: numbers, component: generate, properties: { count: 3000, rate: 300, fields: { key: const 0, seq: seq, check: const 0 } } }
bolts:
  - { id: faulty, component: $build/tests/components/faulty.so, parallelism: 2, properties: { how: fail, at: 20, times: 9 } }
  - { id: got, component: write, properties: { path: $dir/got } }
  - { id: count, component: count, properties: { by: key, emit: tick } }
  - { id: counts, component: write, properties: { path: $dir/ticks } }
streams:
  - { from: numbers, to: faulty, grouping: { type: shuffle } }
  - { from: faulty, to: got, grouping: { type: shuffle } }
  - { from: faulty, to: count, grouping: { type: fields, args: [key] } }
  - { from: count, to: counts, grouping: { type: global } }
YAML

echo 'of another run' | tee "$dir/counts.tsv" "$dir/dealt" >"$dir/got"
submits=()
for name in count ways deaths; do
        "$squall" submit "$dir/$name.yaml" --storm $storm >>"$dir/err" 2>&1 &
        submits+=($!)
done
here() { sed -E "s#path: $dir/(.*)#path: $dir/own.\1#" "$dir/$1.yaml" >"$dir/own.yaml" && "$squall" run "$dir/own.yaml" >>"$dir/err" 2>&1; }
here count
here ways

has() { [ "$(wc -l <"$dir/$1")" -gt "$2" ]; }
worker_of() { cluster status | awk -v port="$("$squall" status deaths --storm $storm | sed -n "s/^$1 .*127.0.0.1:\([0-9]*\) .*/\1/p")" '$1 == "worker" && $5 == port { print $3 }'; }
located() { victim=$(worker_of got) && [ -n "$victim" ]; }
kills() { within 150 has got 300 && within 30 located && kill -9 "$victim" && cp "$dir/got" "$dir/before"; }
check "a worker is killed" kills
check "what it had written stays, and what was under way comes again" within 150 eval '[ "$(sort -u "$dir/got" | wc -l)" = 3000 ]'
check "behind what was there" cmp -n "$(stat -c %s "$dir/before")" "$dir/before" "$dir/got"
check "ticks come there" has ticks 2
check "the log of the workers has why a tuple has failed" eval 'cat "$STORM_TEST_DIR"/run/logs/workers-artifacts/deaths-*/*/worker.log | grep -q "told to fail"'

same() { cmp -s <(sort "$dir/own.$1") <(sort "$dir/$1"); }
dealt() { cut -f 1,2 "$1" | sort; }
check "a word count comes to its end there, with the counts that it has here" within 150 same counts.tsv
check "every value comes there as it does here" within 150 same values
check "each grouping brings as many tuples as here" within 150 eval 'cmp -s <(dealt "$dir/own.dealt") <(dealt "$dir/dealt")'
laws() {
        awk -F '\t' '{ got[$2, $1, $3]++; tasks[$2, $3]++ }
                function is(law, holds) { if (!holds) { print law; exit 1 } }
                END {
                        for (n = 0; n < 100; n++) {
                                is("fields", !got["fields", n, 0] || !got["fields", n, 1])
                                is("all", got["all", n, 0] == got["all", n, 1])
                                is("direct", !got["direct", n, (n + 1) % 2])
                        }
                        is("global", !tasks["global", 1])
                        split("shuffle none local-or-shuffle partial-key fields", each, " ")
                        for (i in each)
                                is(each[i], tasks[each[i], 0] && tasks[each[i], 1])
                }' "$dir/dealt"
}
check "and to the tasks that it has to" laws
submitted() { local status=0 pid; for pid in "${submits[@]}"; do wait "$pid" || status=1; done; return $status; }
check "each was submitted without an error" submitted
check "all are in the list" eval '[ "$("$squall" list --storm $storm --names | sort | tr "\n" " ")" = "count deaths ways " ]'
check "none is submitted again" says "count is alive already" "$squall" submit "$dir/count.yaml" --storm $storm
check "its status has what each component has done" says "split" "$squall" status count --storm $storm
check "deactivate is taken" "$squall" deactivate count --storm $storm
check "and shown" within 30 eval '"$squall" list --storm $storm | grep -q inactive'
check "rebalance is taken" "$squall" rebalance deaths --component faulty=1 --storm $storm
check "and gives both tasks to one executor" within 60 eval '"$squall" status deaths --storm $storm | grep -q "^faulty  *[0-9]*-[0-9]* "'
check "kill returns when it is gone" eval '"$squall" kill count --wait 1 --storm $storm && ! "$squall" list --storm $storm --names | grep -q count'
exit $failures
