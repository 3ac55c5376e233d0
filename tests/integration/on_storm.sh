#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `squall submit --storm`: what is refused, what Nimbus gets, and what the components in the jar do, played by a Storm of the test's own.
# modes: release
source "$(dirname "$0")/lib"
command -v python3 >/dev/null || { echo "ok - topologies go to Storm # skip: no python3"; exit 0; }

nimbus=
end_nimbus() { [ -z "$nimbus" ] || { kill "$nimbus"; wait "$nimbus"; } 2>/dev/null; }
on_exit end_nimbus
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port=$(free_port)
begin_nimbus() {
        python3 tests/integration/nimbus.py "$port" "$dir/asked" failing >>"$dir/err" 2>&1 &
        nimbus=$!
        until_true listens "$port"
}
check "a Nimbus listens" begin_nimbus
submit() { "$squall" submit --storm "127.0.0.1:$port" "$@"; }
# plays FILE [ARGUMENT...]: submits it, and plays it to its end.
plays() {
        local file=$1
        shift
        rm -rf "$dir/played"
        submit "$file" && "$squall" kill "$(sed -n 's/^name: //p' "$file")" --storm "127.0.0.1:$port" &&
                timeout 120 python3 tests/integration/mini_storm.py "$dir/asked" "$dir/played" "$@" >"$dir/said" && cat "$dir/said"
}

head -n 300 topologies/wordcount/kjv.txt >"$dir/lines.txt"
tr -cs "A-Za-z0-9'" '\n' <"$dir/lines.txt" >"$dir/words"
count_words() { # GROUPING-OF-SPLIT EMIT
        cat >"$dir/count.yaml" <<YAML
name: count
spouts:
  - { id: lines, component: file, properties: { path: lines.txt } }
bolts:
  - { id: split, component: split, parallelism: 2 }
  - { id: count, component: count, parallelism: 3, properties: { by: word, emit: end } }
  - { id: write, component: write, properties: { path: "$dir/\${OUT:-storm.tsv}" } }
streams:
  - { from: lines, to: split, grouping: { type: $1 } }
  - { from: split, to: count, grouping: { type: fields, args: [word] } }
  - { from: count, to: write, grouping: { type: global } }
YAML
}
count_words shuffle
OUT=own.tsv "$squall" run "$dir/count.yaml" >"$dir/err" 2>&1
same() { cmp <(sort "$dir/own.tsv") <(sort "$dir/storm.tsv") && [ "$(wc -l <"$dir/storm.tsv")" -gt 500 ]; }
check "a word count goes to Storm and comes to its end" plays "$dir/count.yaml"
check "with the counts that it has here" same
check "every task has ended well" grep -qx 'exit statuses 0' "$dir/said"
check "the same file gives the same jar" eval 'cp "$dir/asked.jar" "$dir/first.jar" && submit "$dir/count.yaml" && cmp "$dir/first.jar" "$dir/asked.jar"'
"$squall" kill count --storm "127.0.0.1:$port" >>"$dir/err"
check "Storm's configuration is made of ours" eval 'submit "$dir/count.yaml" --name config -c topology.message.timeout.secs=7 -c topology.delivery=at-most-once -c topology.workers=3 &&
        grep -qF "{\"topology.workers\": 3, \"topology.message.timeout.secs\": 7, \"topology.max.spout.pending\": 1000, \"topology.subprocess.timeout.secs\": 30, \"topology.acker.executors\": 0}" "$dir/asked.config" || { cat "$dir/asked.config"; false; }'
fails_some() {
        plays "$dir/count.yaml" --fail-every 7 || return
        # what failed was counted twice, and no word is missing
        [ "$(sed -n 's/^lines\/default //p' "$dir/said")" -gt 300 ] && cmp <(cut -f 1 "$dir/own.tsv" | sort) <(cut -f 1 "$dir/storm.tsv" | sort)
}
check "what fails on Storm is emitted again" fails_some
fails_marks() {
        plays "$dir/count.yaml" --end-fails && cmp <(sort -u "$dir/own.tsv") <(sort -u "$dir/storm.tsv")
}
check "an end that fails is said again, with all that it brought out" fails_marks

pass_on() { # GROUPING...: three tasks behind one
        cat >"$dir/pass.yaml" <<YAML
name: pass
spouts:
  - { id: numbers, component: generate, parallelism: 2, properties: { count: 200, fields: { n: seq, word: one-of a b c d e f } } }
bolts:
  - { id: pass, component: filter, parallelism: 3, properties: { where: n >= 0 or n + 1 > 0 } }
  - { id: write, component: write, properties: { path: $dir/passed, format: jsonl } }
streams:
  - { from: numbers, to: pass, grouping: { $1 } }
  - { from: pass, to: write, grouping: { type: shuffle } }
YAML
        rm -f "$dir/passed"
        plays "$dir/pass.yaml" && [ "$(wc -l <"$dir/passed")" = "$2" ]
}
for grouping in shuffle global none local-or-shuffle; do check "$grouping brings each tuple once" pass_on "type: $grouping" 200; done
check "fields brings each tuple once" pass_on "type: fields, args: [word]" 200
check "partial-key brings each tuple once" pass_on "type: partial-key, args: [n]" 200
check "all brings each tuple to every task" pass_on "type: all" 600
# What `write` had acked when it was killed is in the file, and what the topology before had written is not.
killed() {
        echo 'of another run' >"$dir/passed"
        sed -i 's/id: write, /&parallelism: 2, /' "$dir/pass.yaml"
        plays "$dir/pass.yaml" --kill write:20 && ! grep -q another "$dir/passed" &&
                [ "$(sort -u "$dir/passed" | wc -l)" = 200 ]
}
pass_on "type: shuffle" 200 >>"$dir/err" 2>&1
check "a file is begun anew by a submit, and not by a task that is started again" killed
mv "$dir/played" "$dir/passing"

letters() {
        printf '{"n":1}\nno JSON\n' >"$dir/records"
        cat >"$dir/letters.yaml" <<YAML
name: letters
config: { topology.dead.letter.path: $dir/letters }
spouts:
  - { id: records, component: file, properties: { path: records } }
bolts:
  - { id: json, component: json, properties: { fields: { n: int } } }
  - { id: write, component: write, properties: { path: $dir/read } }
streams:
  - { from: records, to: json, grouping: { type: shuffle } }
  - { from: json, to: write, grouping: { type: shuffle } }
YAML
        ! submit "$dir/letters.yaml" 2>&1 | grep . | grep -vx letters && "$squall" kill letters --storm "127.0.0.1:$port" &&
                plays "$dir/letters.yaml" && [ "$(cat "$dir/read")" = 1 ] && grep -q 'no JSON' "$dir/letters"
}
check "a dead letter is written there, and its path is not said to be left out" letters

check "each message of Storm's is answered as the protocol has it" timeout 60 python3 tests/integration/storm_talk.py "$dir/passing/resources" "$dir/played/resources"

refused() { # SENTENCE TEXT CHANGE...: of count.yaml
        sed "${@:3}" "$dir/count.yaml" >"$dir/refused.yaml"
        check "$1" says "$2" submit "$dir/refused.yaml"
        check "with 2, and nothing is uploaded" eval '! grep -q refused "$dir/asked" && exits_with 2 submit "$dir/refused.yaml"'
}
refused "a relative path of what is written is refused, by its place" "refused.yaml:7:" -e "s|path: \"$dir/|path: \"|" -e 's/name: count/name: refused/'
refused "exactly-once is refused" "exactly-once is Squall's own" -e '1a config: { topology.delivery: exactly-once }'
refused "event-time is refused" "watermarks are Squall's own" -e '3s/component: file/component: file, event-time: { field: line, format: unix }/'
refused "partial-key on another field than the first is refused" "on the first field of the stream alone, 'word'" -e '11s/global/partial-key, args: [count]/'
refused "a grouping of one's own is refused" "Storm deals out itself" -e '11s/type: global/type: custom, component: first/'
refused "a cycle is refused" "is in a cycle" -e '$a\  - { from: count, to: split, grouping: { type: shuffle } }'
refused "a name with a dot is refused" "Storm takes no name with a dot" -e 's/name: count/name: co.unt/'
refused "a file that grows is refused when a copy of it goes along" "does not grow there" -e 's/path: lines.txt/path: lines.txt, follow: true/'
refused "standard input is refused" "on Storm there is none" -e 's|path: lines.txt|path: "-"|'
refused "files by a pattern are refused where they would go along" "single files go along to Storm" -e 's|path: lines.txt|path: "*.txt"|'
refused "what Storm has nothing for is named" "Storm has nothing for topology.batch.bytes" -e '1a config: { topology.batch.bytes: 4096, topology.delivery: exactly-once }'
check "a topology that is alive already is not submitted again" exits_with 1 submit "$dir/count.yaml" --name failing
check "and that is said" says "failing is alive already" submit "$dir/count.yaml" --name failing
check "a refusal of Nimbus is in its own words" says "Nimbus says: it is not to Nimbus' liking" submit "$dir/count.yaml" --name refused
check "an error of a component after the submit is shown" says "count: java.lang.RuntimeException: no room" submit "$dir/count.yaml" --name words
check "with 1" eval '"$squall" kill words --storm "127.0.0.1:$port" && exits_with 1 submit "$dir/count.yaml" --name words'
check "--from is the supervisor's" says "--from goes with a supervisor" submit "$dir/count.yaml" --from "$dir"
exit $failures
