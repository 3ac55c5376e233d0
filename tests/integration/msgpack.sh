#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files of msgpack, values one behind the other: written and read, compressed, shared, killed.
# modes: release
source "$(dirname "$0")/lib"

topology() { # NAME SPOUT-PROPERTIES BOLT-PROPERTIES [SPOUT]
        cat >"$dir/$1.yaml" <<YAML
name: $1
spouts:
  - { id: in, component: ${4:-file}, properties: { $2 } }
bolts:
  - { id: out, component: write, parallelism: ${tasks:-1}, properties: { $3 } }
streams:
  - { from: in, to: out, grouping: { type: shuffle } }
YAML
}
run_it() { XDG_RUNTIME_DIR=$dir "$squall" run "$dir/$1.yaml" "${@:2}" >"$dir/$1.out" 2>"$dir/$1.log"; }
# written and read back as lines: from JSON to msgpack, with the options given, and back
there_and_back() { # BOLT-PROPERTIES [OPTION]...
        rm -f "$dir"/{packed*,back.jsonl}
        topology there "path: $dir/in.jsonl, format: jsonl" "path: $dir/packed, format: msgpack${1:+, $1}"
        topology back "path: $dir/packed, format: msgpack" "path: $dir/back.jsonl, format: jsonl"
        run_it there "${@:2}" && tasks=1 run_it back && diff <(sort "$dir/in.jsonl") <(sort "$dir/back.jsonl") >/dev/null
}
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "{\"id\":%d,\"text\":\"line\\n\\r\\n%d\",\"real\":%s,\"list\":[1,{\"a\":null}],\"flag\":true}\n", i, i, (i % 7) + 0.5 }' >"$dir/in.jsonl"

check "what is written as msgpack reads back as it was" there_and_back ""
check "also compressed" there_and_back "compress: gzip"
check "also by several tasks into one file" eval 'tasks=3 there_and_back ""'
check "also with the lines of an epoch at once, by several" eval 'tasks=2 there_and_back "visible: commit" -c topology.delivery=exactly-once'
check "also exactly once, visible as it is written" there_and_back "" -c topology.delivery=exactly-once
topology share "path: $dir/packed, format: msgpack" "path: $dir/back.jsonl, format: jsonl"
sed -i 's/component: file,/component: file, parallelism: 3,/' "$dir/share.yaml"
check "several tasks share a file, and each value comes once" eval 'run_it share && diff <(sort "$dir/in.jsonl") <(sort "$dir/back.jsonl")'
topology pipe "path: $dir/packed, format: msgpack" "path: '-', format: msgpack"
topology stdin "path: '-', format: msgpack, fields: [id, text, real, list, flag]" "path: $dir/back.jsonl, format: jsonl"
check "from stdout to stdin" eval 'run_it pipe && XDG_RUNTIME_DIR=$dir "$squall" run "$dir/stdin.yaml" <"$dir/pipe.out" 2>/dev/null && cmp "$dir/in.jsonl" "$dir/back.jsonl"'

# Arrays, by places; a value that is none of both, and what ends too early, by the policy; what begins no value, never.
printf '\x92\x01\xa1a\x05\x92\x02\xa1b\x92\x03' >"$dir/arrays"
topology arrays "path: $dir/arrays, format: msgpack, on-error: skip, fields: { n: int, t: str }" "path: $dir/arrays.tsv"
check "arrays become fields by their places" eval 'run_it arrays && [ "$(cat "$dir/arrays.tsv")" = "$(printf "1\ta\n2\tb")" ]'
printf '\x92\x01\xa1a\xc1\x92\x02\xa1b' >"$dir/damaged"
topology damaged "path: $dir/damaged, format: msgpack, on-error: skip, fields: { n: int, t: str }" "path: $dir/damaged.tsv"
check "a byte that begins no value ends the run, and is named" \
        eval '! run_it damaged && grep -q "behind byte 4 .*no value of msgpack begins so" "$dir/damaged.out" "$dir/damaged.log"'
printf 'not of msgpack\xc1' >"$dir/theirs"
topology theirs "path: $dir/in.jsonl, format: jsonl" "path: $dir/theirs, format: msgpack, mode: append"
check "nothing goes behind what is not of msgpack" \
        eval '! run_it theirs && grep -q "is not of msgpack" "$dir/theirs.out" "$dir/theirs.log" && [ "$(wc -c <"$dir/theirs")" = 15 ]'

# ---- killed ----

# strike TOPOLOGY OUTPUT TASK [OPTION]...: kills the task three times while it runs, each time when it has got on.
strike() {
        local times
        rm -f "$dir/$2"
        XDG_RUNTIME_DIR=$dir "$squall" run "$dir/$1.yaml" "${@:4}" >"$dir/$1.out" 2>"$dir/$1.log" &
        run=$!
        for times in 1 2 3; do
                until_true grew "$dir/$2" $((times * 100000)) && until_true hit "$3" || break
        done
        wait "$run" && [ "$(grep -c restarting "$dir/$1.log")" -ge 3 ]
}
grew() { [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt "$2" ] || ! kill -0 "$run"; }
hit() { kill -0 "$run" && kill -KILL "$(pgrep -P "$run" -f "[s]quall: worker.* $1\$|[s]quall: worker.* $1 " | head -1)"; }
slow=", rate: 10000"
topology there "path: $dir/in.jsonl, format: jsonl$slow" "path: $dir/packed, format: msgpack"
topology back "path: $dir/packed, format: msgpack" "path: $dir/back.jsonl, format: jsonl"
check "a writer that is killed leaves whole values, and none is lost" \
        eval 'strike there packed out/0 -c topology.delivery=at-least-once && run_it back && diff <(sort "$dir/in.jsonl") <(sort -u "$dir/back.jsonl")'
check "exactly once each is there once" \
        eval 'strike there packed out/0 -c topology.delivery=exactly-once && run_it back && diff <(sort "$dir/in.jsonl") <(sort "$dir/back.jsonl")'
topology back "path: $dir/packed, format: msgpack$slow" "path: $dir/back.jsonl, format: jsonl"
check "a reader that is killed goes on at a value" \
        eval 'strike back back.jsonl in/0 -c topology.delivery=at-least-once && diff <(sort "$dir/in.jsonl") <(sort -u "$dir/back.jsonl")'
exit $failures
