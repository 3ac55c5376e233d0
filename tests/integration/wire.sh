#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docs/wire.md is precise enough: spouts and bolts in Python (tests/wire/native.py) stand in for those in C, with the same results, and what they lose
# when they are killed comes again.
source "$(dirname "$0")/lib"
python=/usr/bin/python3
if ! "$python" -c 'import zmq, msgpack, xxhash' 2>/dev/null; then
        echo "ok - spouts and bolts in Python on the channels # skip: python3-zmq, python3-msgpack or python3-xxhash is missing (make deps-lint)"
        exit 0
fi
mkdir "$dir/lib"
"$python" tests/wire/words.py lib "$dir/lib" "$squall"
native() { local which=$1; shift; NATIVE=$which SQUALL_LIBDIR=$dir/lib timeout 200 "$squall" "$@"; }
check "the package has 300 lines at most" eval '[ "$(wc -l <tests/wire/native.py)" -le 300 ]'

head -n 8000 topologies/wordcount/kjv.txt >"$dir/text"
tr -s ' \t\r\n' '\n' <"$dir/text" | grep . | sort | uniq -c | awk '{ print $2 "\t" $1 }' | sort >"$dir/want"
counts() { TEXT=$dir/text OUT=$dir/counts native "$1" run topologies/wordcount/wordcount.yaml && sort "$dir/counts" | cmp - "$dir/want"; }
check "a bolt in Python between a spout and bolts in C: the words are counted" counts split:Split
check "a spout in Python before bolts in C" counts lines:Lines
check "both, from Python to Python" counts "lines:Lines split:Split"

cat >"$dir/numbers.yaml" <<EOF
name: numbers
config: { topology.delivery: at-least-once, topology.message.timeout.secs: 60 }
spouts:
  - { id: numbers, component: generate, properties: { count: 20000, fields: { n: seq } } }
bolts:
  - { id: pass, component: identity }
  - { id: who, component: $build/tests/components/whoami.so, parallelism: 5 }
  - { id: out, component: write, properties: { path: $dir/out } }
streams:
  - { from: numbers, to: pass, grouping: SHUFFLE }
  - { from: pass, to: who, grouping: { type: fields, args: [n] } }
  - { from: who, to: out, grouping: { type: global } }
EOF
run() { native "$1" run "$dir/numbers.yaml" >"$dir/said" 2>&1 || { cat "$dir/said"; return 1; }; }
same_tasks() { run "" && sort "$dir/out" >"$dir/c" && run "$1" && sort -u "$dir/out" | cmp - "$dir/c"; }
check "a key goes to the same task as from C, also when its tuple failed before, and comes again" same_tasks pass:Pass
check "a tuple that fails in Python comes again" grep -q "pass/0: warning: a tuple fails: ValueError('not now')" "$dir/said"
check "and from a spout in Python" same_tasks "numbers:Numbers pass:Pass"

# killed PATTERN NATIVE: while it runs, each worker that has this in its command line dies three times.
sed -i 's/count: 20000, /count: 20000, rate: 8000, /' "$dir/numbers.yaml"
killed() {
        local run i pid
        : >"$dir/out"
        NATIVE="$2" SQUALL_LIBDIR=$dir/lib "$squall" run --for 100s "$dir/numbers.yaml" >"$dir/said" 2>&1 &
        run=$!
        for i in 1000 4000 8000; do
                until_true eval '[ "$(wc -l <"$dir/out")" -gt '$i' ]' || break
                for pid in $(pgrep -P $run -f "$1"); do kill -KILL "$pid"; done
        done
        wait $run || { cat "$dir/said"; return 1; }
        grep -q 'restarting it' "$dir/said" || { cat "$dir/said"; return 1; }
        cut -f 1 "$dir/out" | sort -nu | awk '$1 != NR - 1 { exit 1 } END { exit NR != 20000 }'
}
check "a bolt in Python is killed again and again: no number is missing" killed words.py pass:Pass
check "a bolt in C behind it is: no number is missing" killed 'squall-worker /[^ ]* [2-6] ' pass:Pass
check "a spout and a bolt in Python are: no number is missing" killed words.py "numbers:Numbers pass:Pass"

drained() {
        sed -i 's/count: 20000/count: 0/' "$dir/numbers.yaml"
        : >"$dir/out"
        NATIVE=pass:Pass SQUALL_LIBDIR=$dir/lib "$squall" run "$dir/numbers.yaml" --for 2s >"$dir/said" 2>&1 &&
                [ "$(cut -f 1 "$dir/out" | sort -nu | awk '$1 != NR - 1 { n++ } END { print (NR > 0), n + 0 }')" = "1 0" ]
}
check "what is drained is whole" drained
exit $failures
