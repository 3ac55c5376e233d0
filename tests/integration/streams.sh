#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A component may have far more streams than a definition in C names: those that follow from its settings. Twenty rules
# of `route`, read from inboxes and by broadcast, come out whole under each promise, whoever is killed.
source "$(dirname "$0")/supervised"

rows=4000 rules=20
awk -v n=$rows 'BEGIN { print "n"; for (i = 0; i < n; i++) print i }' >"$dir/rows.csv"
seq 0 $((rows - 1)) | sort >"$dir/want"

# topology DELIVERY: half of the rules have readers of `shuffle`, half of `all`
topology() {
        local i
        cat <<YAML
name: $1
config: { topology.delivery: $1, topology.checkpoint.interval.ms: 60, topology.message.timeout.secs: 5, topology.workers: 4 }
spouts: [{ id: rows, component: file, properties: { path: $dir/rows.csv, format: csv, fields: { n: int }, rate: ${rate:-4000} } }]
bolts:
  - id: rules
    component: route
    parallelism: 2
    properties:
      rest: dead-letter
      routes:
YAML
        for ((i = 0; i < rules; i++)); do echo "        rule$i: n % $rules == $i"; done
        echo "  - { id: dealt, component: write, properties: { path: $dir/$1.dealt } }"
        echo "  - { id: spread, component: write, properties: { path: $dir/$1.spread } }"
        echo "streams:"
        echo "  - { from: rows, to: rules, grouping: shuffle }"
        for ((i = 0; i < rules; i += 2)); do
                echo "  - { from: rules, to: dealt, grouping: { type: shuffle, streamId: rule$i } }"
                echo "  - { from: rules, to: spread, grouping: { type: all, streamId: rule$((i + 1)) } }"
        done
}
# runs DELIVERY KILLS: to its end
runs() {
        local i run pids
        topology "$1" >"$dir/$1.yaml"
        "$squall" run "$dir/$1.yaml" --json >"$dir/$1.json" 2>"$dir/$1.err" &
        run=$!
        for ((i = 0; i < $2; i++)); do
                nap 0.2
                pids=($(pgrep -P $run -f 'squall: worker'))
                [ ${#pids[@]} -eq 0 ] || kill -KILL "${pids[i % ${#pids[@]}]}" 2>/dev/null
        done
        wait $run || { tail -5 "$dir/$1.err"; return 1; }
}
# came DELIVERY [-u]: each row
came() { sort ${2:-} "$dir/$1.dealt" "$dir/$1.spread" | cmp - "$dir/want" || { wc -l "$dir/$1.dealt" "$dir/$1.spread"; return 1; }; }

rate=1000000
check "twenty rules have twenty streams" runs at-most-once 0
check "by which all rows come" came at-most-once
rate=4000
check "so it is under at-least-once while workers are killed" runs at-least-once 4
check "and no row is lost" came at-least-once -u
check "and under exactly-once" runs exactly-once 4
check "where each counts once" came exactly-once
