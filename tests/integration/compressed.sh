#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `write` with `compress: gzip`: whole members whenever it is killed, however it rotates, under each promise.
# modes: release
source "$(dirname "$0")/lib"
command -v zcat >/dev/null || { echo "ok - compressed # skip: gzip is not installed"; exit 0; }

# topology NAME PROPERTIES [CONFIG]: numbers with what does not compress, so that members are torn within.
topology() {
        cat >"$dir/$1.yaml" <<YAML
name: $1
config: { ${3:-} }
spouts: [{ id: in, component: generate, properties: { count: 20000, rate: 8000, fields: { n: seq, $(printf 'f%d: uniform 0 1.0, ' {1..20}) m: seq } } }]
bolts: [{ id: out, component: write, properties: { path: $dir/$1.gz, compress: gzip, $2 } }]
streams: [{ from: in, to: out, grouping: { type: global } }]
YAML
}
size() { stat -c %s "$1" 2>/dev/null || echo 0; }
worker() { pgrep -P "$run" -f "squall: worker [a-z]* out/0"; }
# killed NAME: runs it, and kills its writer each time when its file has grown, or another one was begun.
killed() {
        local kills=0 before
        "$squall" run "$dir/$1.yaml" >"$dir/$1.out" 2>"$dir/$1.log" &
        run=$!
        while kill -0 "$run" 2>/dev/null && [ $kills -lt 6 ]; do
                before=$(size "$dir/$1.gz")
                until_true eval "[ \$(size '$dir/$1.gz') -gt $((before + RANDOM * 6)) ] || [ \$(size '$dir/$1.gz') -lt $before ] || ! kill -0 $run"
                kill -KILL $(worker) 2>/dev/null && kills=$((kills + 1))
        done
        wait "$run" && [ $kills -ge 3 ]
}
# all NAME: the numbers in all of its files, each of which is whole.
all() {
        local file
        for file in "$dir/$1.gz"*; do
                [[ $file == *.commits ]] || gzip -dc <"$file" || return
        done | awk -F'\t' 'NF != 22 || $1 != $22 { print "torn: " $0 >"/dev/stderr"; exit 1 } { print $1 }' | sort -n
}
at_least() { killed "$1" && all "$1" | uniq | cmp - <(seq 0 19999); }
exactly() { killed "$1" && all "$1" | cmp - <(seq 0 19999); }

topology plain ""
check "gzip: the writer is killed at random, and each tuple is in a whole member" at_least plain
read_back() {
        printf '%s\n' "name: back" "spouts: [{ id: in, component: file, properties: { path: $dir/plain.gz } }]" \
                "bolts: [{ id: out, component: write, properties: { path: $dir/back } }]" "streams: [{ from: in, to: out, grouping: { type: global } }]" >"$dir/back.yaml"
        "$squall" run "$dir/back.yaml" && cmp "$dir/back" <(gzip -dc <"$dir/plain.gz")
}
check "gzip: the spout file reads it" read_back
topology turning "rotate-bytes: 400000"
check "gzip: likewise when it rotates" at_least turning
once="topology.delivery: exactly-once, topology.checkpoint.interval.ms: 60"
topology written "" "$once"
check "gzip: exactly once, visible when written, each tuple is there once" exactly written
topology commit "visible: commit" "$once"
check "gzip: exactly once, visible at the commit, each tuple is there once" exactly commit
topology turned "rotate-bytes: 400000" "$once"
check "gzip: exactly once, rotated, each tuple is there once" exactly turned
header() { # NAME PROPERTIES
        topology "$1" "format: csv, $2" "${3:-}"
        sed -i 's/count: 20000/count: 3/' "$dir/$1.yaml"
        "$squall" run "$dir/$1.yaml" && "$squall" run "$dir/$1.yaml" && [ "$(gzip -dc <"$dir/$1.gz" | grep -c '^n,')" = 1 ] && [ "$(gzip -dc <"$dir/$1.gz" | wc -l)" = 7 ]
}
check "gzip: csv has one header, whoever appends" header csv "mode: append"
check "gzip: likewise at the commit" header csv_commit "mode: append, visible: commit" "$once"
foreign() {
        seq 5 | gzip >"$dir/foreign.gz"
        topology foreign "mode: append" && sed -i 's/count: 20000/count: 3/' "$dir/foreign.yaml" && "$squall" run "$dir/foreign.yaml" && [ "$(gzip -dc <"$dir/foreign.gz" | wc -l)" = 8 ]
}
check "gzip: what gzip has made is appended to" foreign
refused() {
        seq 5 >"$dir/text.gz"
        topology text "mode: append" && ! timeout 60 "$squall" run "$dir/text.yaml" 2>"$dir/text.log" && grep -q 'is not of gzip' "$dir/text.log" && cmp "$dir/text.gz" <(seq 5)
}
check "gzip: nothing is appended to what is not compressed" refused
stdout() {
        topology stdout "" && sed -i "s|$dir/stdout.gz|'-'|" "$dir/stdout.yaml" && exits_with 2 "$squall" check "$dir/stdout.yaml" 2>"$dir/stdout.log" && grep -q 'stdout is not compressed' "$dir/stdout.log"
}
check "gzip: stdout is not compressed" stdout
exit $failures
