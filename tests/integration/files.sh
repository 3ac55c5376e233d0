#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The built-ins that touch the file system, `file` and `write`: killed, rotated, truncated, out of room.
# modes: release
source "$(dirname "$0")/lib"

topology() { # NAME SPOUT-PROPERTIES BOLT-PROPERTIES [COMPONENT]
        cat >"$dir/$1.yaml" <<YAML
name: $1
spouts:
  - { id: in, component: ${4:-file}, properties: { $2 } }
bolts:
  - { id: out, component: write, properties: { $3 } }
streams:
  - { from: in, to: out, grouping: { type: global } }
YAML
}
begin() {
        XDG_RUNTIME_DIR=$dir "$squall" run "$dir/$1.yaml" >"$dir/$1.out" 2>"$dir/$1.log" &
        run=$!
}
worker() { pgrep -P "$run" -f "[s]quall: worker [a-z]* $1\$|[s]quall: worker.* $1( |\$)" | head -1; }
size() { stat -c %s "$1" 2>/dev/null || echo 0; }
grew() { [ "$(size "$1")" -gt "$2" ] || ! kill -0 "$run" 2>/dev/null; }
lines() { [ "$(cat "$1" 2>/dev/null | wc -l)" -ge "$2" ]; }

# ---- write, killed at random ----

# Lines longer than a page, so that most writes are cut within one.
topology killed "count: 12000, fields: { n: seq, pad: const $(printf 'x%.0s' {1..6000}), m: seq }" "path: $dir/killed.tsv" generate
begin killed
kills=0
while kill -0 "$run" 2>/dev/null && [ $kills -lt 12 ]; do
        until_true grew "$dir/killed.tsv" $(($(size "$dir/killed.tsv") + RANDOM * 120))
        p=$(worker out/0) && [ -n "$p" ] && kill -KILL "$p" 2>/dev/null && kills=$((kills + 1))
done
wait "$run"
status=$?
whole() {
        [ $kills -gt 3 ] && [ $status = 0 ] && awk -F'\t' '
                NF != 3 || $1 != $3 || length($2) != 6000 { print "torn: " substr($0, 1, 60); bad = 1; next }
                !seen[$1]++ { n++ }
                END { if (n != 12000) print n " of 12000"; exit bad || n != 12000 }' "$dir/killed.tsv"
}
check "write, killed at random, leaves whole lines and every tuple in them" whole
rm -f "$dir/killed.tsv"

# ---- the name of an output file ----

topology renamed "count: 4000, rate: 1000" "path: $dir/renamed.tsv" generate
begin renamed
until_true lines "$dir/renamed.tsv" 100
mv "$dir/renamed.tsv" "$dir/renamed.tsv.1"
wait "$run"
check "write goes on in a new file when its own was renamed, and reports it" \
        eval '[ "$(sort -u "$dir/renamed.tsv" "$dir/renamed.tsv.1" | wc -l)" = 4000 ] && [ -s "$dir/renamed.tsv" ] && grep -q "renamed or deleted" "$dir/renamed.log"'

# ---- stdout ----

topology piped "path: $dir/killed.yaml, repeat: 20000" "path: '-'"
gone() {
        local status
        timeout 20 "$squall" run "$dir/piped.yaml" 2>"$dir/piped.log" | head -1 >/dev/null
        status=${PIPESTATUS[0]}
        [ "$status" = 1 ] && grep -q 'stdout: its reader has gone' "$dir/piped.log"
}
check "a run whose reader of stdout has gone ends with 1 and names the cause" gone
closed() {
        timeout 20 "$squall" run "$dir/piped.yaml" 2>"$dir/piped.log" >&-
        [ $? = 1 ] && grep -q 'stdout: is closed' "$dir/piped.log"
}
check "a run whose stdout is closed ends with 1 and names the cause" closed
topology small "fields: { n: seq }" "path: $dir/small.tsv" generate
check "a file size limit is an error of the write, not a crash" \
        eval '(ulimit -f 1; timeout 10 "$squall" run --for 1s "$dir/small.yaml" 2>&1) | grep -q "File too large"'

exit $failures
