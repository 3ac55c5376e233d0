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
slow=", rate: 5000"
topology there "path: $dir/in.jsonl, format: jsonl$slow" "path: $dir/packed, format: msgpack"
topology back "path: $dir/packed, format: msgpack" "path: $dir/back.jsonl, format: jsonl"
check "a writer that is killed leaves whole values, and none is lost" \
        eval 'strike there packed out/0 -c topology.delivery=at-least-once && run_it back && diff <(sort "$dir/in.jsonl") <(sort -u "$dir/back.jsonl")'
check "exactly once each is there once" \
        eval 'strike there packed out/0 -c topology.delivery=exactly-once && run_it back && diff <(sort "$dir/in.jsonl") <(sort "$dir/back.jsonl")'

# ---- followed ----

# 900 values of six bytes, {"n":1001} and on, of which some bytes are the next ones, often from within a value.
jsonl() { seq -f '{"n":%.0f}' "$1" "$2"; }
jsonl 1001 1900 >"$dir/in.jsonl" && rm "$dir/packed"
topology there "path: $dir/in.jsonl, format: jsonl" "path: $dir/packed, format: msgpack"
check "a small number takes six bytes with its name" eval 'run_it there && [ "$(wc -c <"$dir/packed")" = 5400 ]'
bytes() { tail -c "+$(($1 + 1))" "$dir/packed" | head -c $(($2 - $1)); }

# followed NAME PROPERTIES DELIVERY: begins a run that goes on until it is ended.
run=
on_exit eval '[ -z "$run" ] || kill -KILL $run'
followed() {
        [ -z "$run" ] || kill -KILL "$run"
        topology "$1" "$2, format: msgpack, follow: true, fields: { n: int }, on-error: skip" "path: $dir/$1.jsonl, format: jsonl"
        rm -f "$dir/$1.jsonl"
        XDG_RUNTIME_DIR=$dir "$squall" run "$dir/$1.yaml" -c "topology.delivery=$3" -c topology.checkpoint.interval.ms=60 \
                -c "topology.checkpoint.dir=$dir/$1.epochs" >"$dir/$1.out" 2>"$dir/$1.log" &
        run=$!
}
ended() { kill -INT "$run" && wait "$run"; run=; }
there() { [ -f "$1" ] && [ "$(sort -u "$1" | wc -l)" -ge "$2" ]; }
came() { until_true there "$dir/$1.jsonl" "$2"; }
# What has come is not read again after a death: its epoch is over, or all of it is acked.
newest() { ls "$dir/$1.epochs" | grep -x '[0-9]*' | sort -n | tail -n 1; }
is_newer() { [ "$(newest "$1")" -ge "$2" ]; }
is_acked() { XDG_RUNTIME_DIR=$dir "$squall" status "$1" --json | grep -q '"id": *"in"[^}]*"pending": *0,'; }
settled() { # NAME DELIVERY
        if [ "$2" = exactly-once ]; then
                until_true is_newer "$1" $(($(newest "$1") + 2))
        else
                until_true is_acked "$1"
        fi
}
struck() { kill -KILL "$(pgrep -P "$run" -f '[s]quall: worker.* in/0')" && until_true grew_by_one "$1"; }
grew_by_one() { [ "$(grep -c restarting "$dir/$1.log")" -gt "${restarts:-0}" ] && restarts=$(grep -c restarting "$dir/$1.log"); }

# One file: its last value comes by halves, it is renamed and goes on, the next one ends within a value, and then it is
# truncated; its reader is killed between.
one_file() { # NAME DELIVERY
        restarts=0
        bytes 0 603 >"$dir/live"
        followed "$1" "path: $dir/live" "$2"
        came "$1" 100 && struck "$1" && bytes 603 1200 >>"$dir/live" && came "$1" 200 &&
                mv "$dir/live" "$dir/live.1" && bytes 1200 1800 >>"$dir/live.1" && bytes 1800 2402 >"$dir/live" &&
                came "$1" 400 && struck "$1" && mv "$dir/live.1" "$dir/live.2" && mv "$dir/live" "$dir/live.1" &&
                bytes 2400 3000 >"$dir/live" &&
                came "$1" 500 && until_true grep -q 'not one value of msgpack' "$dir/$1.log" && : >"$dir/live" &&
                until_true grep -q "was truncated" "$dir/$1.log" && bytes 3000 3003 >>"$dir/live" && bytes 3003 4000 >>"$dir/live" && came "$1" 666 &&
                settled "$1" "$2" && struck "$1" && bytes 4000 5400 >>"$dir/live" && came "$1" 900 && ended
}
check "a followed file is read value by value, through halves, rotation, truncation and a death" \
        eval 'one_file least at-least-once && sort -u "$dir/least.jsonl" | cmp - "$dir/in.jsonl"'
check "exactly once each of its values is there once" \
        eval 'one_file exact exactly-once && sort "$dir/exact.jsonl" | cmp - "$dir/in.jsonl"'

# Several files: what is renamed so that it does not match is read to its end, and so is who comes later.
files() { # NAME DELIVERY
        rm -rf "$dir/logs" && mkdir "$dir/logs" && bytes 0 602 >"$dir/logs/a.mp" && bytes 1200 1502 >"$dir/logs/b.mp"
        restarts=0
        followed "$1" "path: '$dir/logs/*.mp', positions: $dir/$1.positions" "$2"
        came "$1" 150 && struck "$1" && bytes 602 900 >>"$dir/logs/a.mp" && bytes 1502 1800 >>"$dir/logs/b.mp" &&
                came "$1" 250 && mv "$dir/logs/a.mp" "$dir/logs/a.old" && bytes 900 1200 >>"$dir/logs/a.old" &&
                bytes 1800 3600 >"$dir/logs/a.mp" && bytes 3600 5398 >"$dir/logs/c.mp" && came "$1" 899 &&
                bytes 5398 5400 >>"$dir/logs/c.mp" && came "$1" 900 && ended
}
check "the files of a pattern are followed value by value" \
        eval 'files many at-least-once && sort -u "$dir/many.jsonl" | cmp - "$dir/in.jsonl"'
check "exactly once, too" eval 'files many_exact exactly-once && sort "$dir/many_exact.jsonl" | cmp - "$dir/in.jsonl"'

rm -rf "$dir/logs" && mkdir "$dir/logs" && bytes 0 1800 >"$dir/logs/a.mp" && bytes 1800 3600 | gzip >"$dir/logs/b.mp" && bytes 3600 5400 >"$dir/logs/c.mp"
topology once "path: '$dir/logs/*.mp', format: msgpack" "path: $dir/once.jsonl, format: jsonl"
sed -i 's/component: file,/component: file, parallelism: 2,/' "$dir/once.yaml"
check "the files of a pattern are read once, one of them compressed" eval 'run_it once && sort "$dir/once.jsonl" | cmp - "$dir/in.jsonl"'
exit $failures
