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
bolts: [{ id: out, component: write, properties: { path: $dir/$1.gz, $([[ $2 == *compress:* ]] || echo compress: gzip,) $2 } }]
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
                # one that was begun by a rotation at the end is empty
                [[ $file == *.commits ]] || [ ! -s "$file" ] || gzip -dc <"$file" || return
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
# left NAME PROPERTIES CONFIG SAYS: the file NAME.gz, which is there already, is refused and stays as it is.
left() {
        cp "$dir/$1.gz" "$dir/$1.before" && topology "$1" "mode: append, $2" "$3" && sed -i 's/count: 20000/count: 3/' "$dir/$1.yaml"
        ! timeout 60 "$squall" run "$dir/$1.yaml" 2>"$dir/$1.log" && grep -q "$4" "$dir/$1.log" && cmp "$dir/$1.gz" "$dir/$1.before"
}
seq 50000 | gzip | head -c 90000 | tee "$dir/torn_commit.gz" >"$dir/torn.gz"
seq 5 >"$dir/text_commit.gz"
unacked() {
        seq 5 | gzip >"$dir/unacked.gz"
        topology unacked "mode: append, compress: none" "topology.delivery: at-least-once" && sed -i 's/count: 20000/count: 3/' "$dir/unacked.yaml"
        ! timeout 60 "$squall" run --json "$dir/unacked.yaml" >"$dir/unacked.out" 2>"$dir/unacked.log" && grep -q '"id":"in"' "$dir/unacked.out" &&
                ! grep -qE '"id":"in",[^{}]*"acked":[1-9]' "$dir/unacked.out"
}
check "what a writer that is at its end did not write is not acked" unacked
check "gzip: nothing is appended to a member of another program that is cut short" left torn "" "" 'cut short by another program'
check "gzip: likewise at the commit" left torn_commit "visible: commit" "$once" 'cut short by another program'
check "gzip: at the commit nothing is appended to what is not compressed" left text_commit "visible: commit" "$once" 'is not of gzip'
for name in lines lines_written lines_commit lines_path; do seq 5 | gzip >"$dir/$name.gz"; done
check "lines are not appended to what is compressed" left lines "compress: none" "" 'lines cannot be appended'
check "likewise exactly once, visible when written" left lines_written "compress: none" "$once" 'lines cannot be appended'
check "likewise exactly once, visible at the commit" left lines_commit "compress: none, visible: commit" "$once" 'lines cannot be appended'
left_by_path() {
        topology by_path "" && sed -i "s/count: 20000/count: 3/; s|compress: gzip|compress: none|; s|path: .*by_path.gz|path: \"$dir/lines_{trim('path')}.gz\"|" "$dir/by_path.yaml" &&
                cp "$dir/lines_path.gz" "$dir/path.before" && ! timeout 60 "$squall" run "$dir/by_path.yaml" 2>"$dir/by_path.log" &&
                grep -q 'lines_path.gz: is compressed: lines cannot be appended' "$dir/by_path.log" && cmp "$dir/lines_path.gz" "$dir/path.before"
}
check "likewise in a file whose path has fields" left_by_path
torn_of_ours() {
        topology ours "" && sed -i 's/count: 20000/count: 30/' "$dir/ours.yaml" && "$squall" run "$dir/ours.yaml" && truncate -s -9 "$dir/ours.gz"
        topology ours "mode: append, visible: commit" "$once" && sed -i 's/count: 20000/count: 3/' "$dir/ours.yaml" && "$squall" run "$dir/ours.yaml" && [ "$(gzip -dc <"$dir/ours.gz" | tail -n 1 | cut -f 1)" = 2 ]
}
check "gzip: at the commit a member of ours that a kill has torn is cut off" torn_of_ours
stdout() {
        topology stdout "" && sed -i "s|$dir/stdout.gz|'-'|" "$dir/stdout.yaml" && exits_with 2 "$squall" check "$dir/stdout.yaml" 2>"$dir/stdout.log" && grep -q 'stdout is not compressed' "$dir/stdout.log"
}
check "gzip: stdout is not compressed" stdout
exit $failures
