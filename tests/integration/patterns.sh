#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The spout `file` with a pattern: each file that matches is read, once, whoever dies and whatever becomes of what was read.
# modes: release
source "$(dirname "$0")/lib"
command -v gzip >/dev/null || { echo "ok - patterns # skip: gzip is not installed"; exit 0; }
export XDG_RUNTIME_DIR=$dir/x
mkdir -m 700 "$dir/x" && cd "$dir" && mkdir logs logs/a9.log csv kept

# topology NAME PROPERTIES [DELIVERY] [PARALLELISM]
topology() {
        cat >"$1.yaml" <<YAML
name: $1
config: { topology.delivery: ${3:-at-least-once}, topology.checkpoint.interval.ms: 60, topology.checkpoint.dir: $dir/$1.epochs }
spouts: [{ id: in, component: file, parallelism: ${4:-1}, properties: { $2 } }]
bolts: [{ id: out, component: write, properties: { path: $dir/$1.out } }]
streams: [{ from: in, to: out, grouping: { type: global } }]
YAML
}
for i in 1 2 3 4 5 6; do seq -f "$i-%.0f" $((i * 500)); done >want
for i in 1 2 3 4 5 6; do seq -f "$i-%.0f" $((i * 500)) >"logs/a$i.log"; done
gzip logs/a3.log && : >logs/a0.log && printf '7-1\n7-2' >logs/a7.log && printf '7-1\n7-2\n' >>want
seq 5 >logs/b.log
sort want -o want

each_once() { # DELIVERY PARALLELISM
        topology plain "path: 'logs/a*.log*'" "$1" "$2" && timeout 60 "$squall" run plain.yaml && sort plain.out | cmp - want
}
check "pattern: at-most-once, each record of each file is there" each_once at-most-once 1
check "pattern: at-least-once, by three tasks" each_once at-least-once 3
check "pattern: exactly-once, by two tasks" each_once exactly-once 2

# killed NAME: its spouts, again and again.
killed() {
        local kills=0 run before
        "$squall" run "$1.yaml" 2>"$1.log" &
        run=$!
        while kill -0 $run 2>/dev/null && [ $kills -lt 6 ]; do
                before=$(stat -c %s "$1.out" 2>/dev/null || echo 0)
                until_true eval "[ \$(stat -c %s $1.out) -gt $((before + RANDOM / 8)) ] || ! kill -0 $run"
                kill -KILL $(pgrep -P "$run" -f "squall: worker [a-z]* in/$((kills % 2))") 2>/dev/null && kills=$((kills + 1))
        done
        wait $run && [ $kills -ge 3 ]
}
at_least() { topology least "path: 'logs/a*.log*', rate: 3000" at-least-once 2 && killed least && sort -u least.out | cmp - want; }
check "pattern: at-least-once, its tasks are killed, and nothing is missing" at_least
exactly() { topology exact "path: 'logs/a*.log*', rate: 3000" exactly-once 2 && killed exact && sort exact.out | cmp - want; }
check "pattern: exactly-once, its tasks are killed, and each record is there once" exactly

# What had been read is renamed, and a file comes, while nothing runs.
gone_on() {
        local run
        for i in 1 2 3; do seq -f "$i-%.0f" 400 >"kept/$i.txt"; done
        topology kept "path: 'kept/*.txt', rate: 400" exactly-once
        "$squall" run kept.yaml 2>kept.log &
        run=$!
        until_true grep -q ^2- kept.out || return
        kill -KILL $run && wait $run
        mv kept/1.txt kept/1.done && seq -f "4-%.0f" 400 >kept/4.txt
        timeout 60 "$squall" run kept.yaml --from kept.epochs && sort kept.out | cmp - <(for i in 1 2 3 4; do seq -f "$i-%.0f" 400; done | sort)
}
check "pattern: who goes on from an epoch finds what was renamed, and reads what has come" gone_on

# The spout is at its end, and all that it has read is gone; the topology goes on.
done_with() {
        local run newest
        seq 100 >kept/1.csv
        topology over "path: 'kept/*.csv'" exactly-once
        sed -i 's/^spouts: \[/&{ id: more, component: generate, properties: { rate: 50, fields: { n: const -1 } } }, /; s/^streams: \[/&{ from: more, to: out, grouping: { type: global } }, /' over.yaml
        "$squall" run over.yaml 2>over.log &
        run=$!
        until_true grep -q ^100 over.out || return
        newest=$(ls over.epochs | sort -n | tail -n 1)
        until_true eval "[ \$(ls over.epochs | sort -n | tail -n 1) -gt $((newest + 2)) ]"
        kill -KILL $run && wait $run
        rm kept/1.csv
        seq 101 150 >kept/2.csv
        "$squall" run over.yaml --from over.epochs --for 1s && [ "$(grep -c ^-1 over.out)" -gt 20 ] && grep -v ^-1 over.out | sort -n | cmp - <(seq 100)
}
check "pattern: a file that was read to its end, and is gone, is done with" done_with

columns() {
        printf 'a,b\n1,2\n' >csv/1.csv && printf 'b,a\n20,10\n"x,y\n' >csv/2.csv && printf 'a,b\n5\n7,8' >csv/3.csv
        topology csv "path: 'csv/*.csv', format: csv, strict: true, on-error: skip" && timeout 20 "$squall" run csv.yaml 2>csv.log &&
                cmp csv.out <(printf '1\t2\n10\t20\n7\t8\n') && grep -q 'csv/2.csv: byte 10: a quote is never closed' csv.log
}
check "pattern: each file has its own header, and a record that is left out holds nothing up" columns

chosen() {
        topology chosen "path: '{csv/1.csv,logs/b.log}'" && "$squall" run chosen.yaml && [ "$(wc -l <chosen.out)" = 7 ] || return
        echo literal >'csv/x[1].txt' && topology chosen "path: 'csv/x[1].txt'" && "$squall" run chosen.yaml && grep -qx literal chosen.out
}
check "pattern: files are named in braces; a file of just that name is no pattern" chosen
none() {
        topology none "path: 'nix/*.log'" && ! "$squall" run none.yaml 2>none.log && grep -q 'nix/\*.log: no file matches it' none.log
}
check "pattern: one that nothing matches is an error" none
refused() {
        topology refused "path: 'logs/*.log', repeat: 2" && ! "$squall" check refused.yaml 2>said && grep -q 'are read once' said
}
check "pattern: what does not go with one is refused" refused

exit $failures
