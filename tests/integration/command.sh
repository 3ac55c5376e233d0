#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command itself: verbs, options, help, exit statuses; what check, graph and components print for good files.
source "$(dirname "$0")/lib"
export C=$build/tests/components

# expect SENTENCE STATUS PATTERN ARGUMENT...: the exit status, and a pattern that stdout and stderr together match.
expect() {
        local sentence=$1 wanted=$2 pattern=$3 output status
        shift 3
        output=$("$squall" "$@" 2>&1)
        status=$?
        if [ $status = "$wanted" ] && grep -qE -- "$pattern" <<<"$output"; then
                echo "ok - $sentence"
        else
                echo "not ok - $sentence"
                echo "# status $status: $output" | head -n 20
                failures=1
        fi
}

cat >"$dir/good.yaml" <<'END'
name: good
config: { topology.workers: 4 }
spouts:
  - { id: source, component: "${C}/emitter.so" }
bolts:
  - { id: pass, component: "${C}/generic.so", parallelism: 3, properties: { by: word } }
  - { id: end, component: "${C}/measure.so" }
streams:
  - { from: source, to: pass, grouping: LOCAL_OR_SHUFFLE }
  - { from: pass, to: pass, grouping: { type: FIELDS, args: [word], streamId: default } }
  - { from: pass, to: end, grouping: { type: direct } }
END
good=$dir/good.yaml

# The reader is gone before anything is written: one line, exit status 1.
unread() {
        local status
        mkfifo "$dir/gone"
        exec {both}<>"$dir/gone" {out}>"$dir/gone" # a pipe with a reader, which goes
        exec {both}<&-
        "$squall" components >&$out 2>"$dir/said"
        status=$?
        exec {out}>&-
        [ $status = 1 ] && [ "$(wc -l <"$dir/said")" = 1 ] && grep -q '^squall: nobody reads the output' "$dir/said"
}
check "a reader that is gone ends the command with one line" unread
for time in 32000000m 99999999999999999999; do
        expect "refuses to run for $time, longer than anybody waits" 2 "^squall: --for needs a time, not '$time'" run --for $time "$good"
done
expect "refuses to run for no time" 2 '^squall: --for is a time above 0' run --for 0s "$good"
expect "says its version" 0 '^squall [0-9]' --version
expect "lists its verbs" 0 '^  check  ' --help
expect "without a verb shows the help and fails" 2 '^usage:'
expect "suggests the nearest verb" 2 "^squall: no verb 'chek' \(did you mean 'check'\?\)$" chek
expect "refuses an option before the verb" 2 '^squall: unknown option' --json check
expect "explains a verb by --help" 0 '^usage: squall check \[OPTION\]\.\.\. FILE$' check --help
expect "explains a verb by help VERB" 0 '--config KEY=VALUE' help check
expect "shows an example of a verb" 0 '^example:$' help graph
expect "suggests the nearest option" 2 "unknown option '--jso' \(did you mean --json\?\)" check --jso "$good"
expect "refuses an unknown letter" 2 "unknown option '-z'" check -z "$good"
expect "says where an argument that begins with - stands" 2 "stands behind --" check -z "$good"
expect "takes a negative number for an argument" 0 '^-3.5$' eval '-7 / 2' --input '{}'
evaluated() {
        local values
        values=$(printf '{"a":1}\n\n{"a":"x"}\nnope\n{"a":2}' | "$squall" eval 'a + 1' 2>"$dir/err")
        [ $? = 1 ] && [ "$values" = $'2\n3' ] && grep -q '^squall: line 3: column 3: arithmetic' "$dir/err" &&
                grep -q '^squall: line 4: not a JSON object' "$dir/err"
}
check "tries an expression on each line, and says in which it has no value" evaluated
each_one() {
        local values
        values=$(printf 'a + 1\n\n1 +\nb ?? 7' | "$squall" eval --input '{"a": 5}' 2>"$dir/err")
        [ $? = 1 ] && [ "$values" = $'6\n7' ] && grep -q '^squall: line 3: column 4: expected' "$dir/err"
}
check "without an expression each line is one" each_one
expect "refuses a value for a flag" 2 'takes no value' check --json=yes "$good"
expect "misses the value of an option" 2 'needs a value \(KEY=VALUE\)' check "$good" -c
expect "misses an argument" 2 '^squall: FILE is missing' check
expect "refuses an argument too many" 2 'one argument too many' check "$good" "$good"
expect "takes options behind arguments" 0 '"ok":true' check "$good" --json
expect "takes -c with and without a space" 0 'in 1 worker,' check -ctopology.workers=2 -c topology.workers=1 "$good"
expect "takes --config=" 0 'in 3 workers,' check --config=topology.workers=3 "$good"
expect "takes a file behind --" 0 'good: 3 components' check -- "$good"
expect "reads a file from stdin" 2 '^-: error: the file is empty$' check -
expect "refuses an unknown config key of the command line" 2 "unknown config key 'a'" check -c a=b "$good"
expect "names the cycle of a good file" 0 "note: the topology has a cycle: 'pass'$" check "$good"
expect "draws a topology as text" 0 '^`-- local-or-shuffle -> pass x3' graph "$good"
expect "draws a back edge once" 0 'fields word -> pass  \(back: a cycle\)' graph "$good"
expect "draws for Graphviz" 0 '"pass" -> "pass" \[label="fields word", style=dashed\];' graph --dot "$good"
expect "draws for Mermaid" 0 'c0 -->\|"local-or-shuffle"\| c1' graph --mermaid "$good"
expect "draws as JSON" 0 '"grouping":"fields","args":\["word"\],"feedback":true' graph --json "$good"
expect "draws in one form at a time" 2 'exclude each other' graph --dot --json "$good"
expect "draws nothing of a failures file" 2 'error: the file is empty' graph tests/broken/empty.yaml
expect "lists the built-in components" 0 '^  split  ' components
expect "describes a built-in" 0 'path +path +.*\(required\)' components file
expect "describes a shared object" 0 'emitter, a spout: Emits nothing' components "$C/emitter.so"
expect "describes choices and defaults" 0 'slow\|fast\) \(default: slow\)' components "$C/emitter.so"
expect "describes further streams" 0 'out errors +cause: str' components "$C/emitter.so"
expect "describes in JSON" 0 '"name":"mode","type":"choice","required":false,"default":"slow","choices":\["slow","fast"\]' \
        components --json "$C/emitter.so"
expect "suggests the nearest component" 2 "no component 'splt' \(did you mean 'split'\?\)" components splt
expect "refuses a shared object that is no component" 2 'it has no sq_manifest' components "$C/no_manifest.so"

if [ -w /dev/full ]; then
        if "$squall" components >/dev/full 2>"$dir/error"; [ $? = 1 ] && grep -q "can't write the output" "$dir/error"; then
                echo "ok - says when its output can't be written"
        else
                echo "not ok - says when its output can't be written"
                failures=1
        fi
fi
exit $failures
