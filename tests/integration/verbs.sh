#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every verb, as `squall help` lists them, keeps what the command promises: its help, its exit statuses, its JSON. A new verb needs no edit here, but
# for an example of how it is called if it takes operands.
# modes: release asan
source "$(dirname "$0")/supervised"

has() { [[ " $(flags "$1") " == *" $2 "* ]]; }
flags() { "$squall" "$1" --help | sed -n 's/^  \(-., \|    \)--\([a-z-]*\).*/\2/p' | tr '\n' ' '; }
verbs=$("$squall" help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p')

cat >"$dir/life.yaml" <<'YAML'
name: life
spouts:
  - { id: gen, component: generate, properties: { rate: 100, fields: { n: seq } } }
bolts:
  - { id: pass, component: filter, properties: { where: 'true' } }
  - { id: tally, component: count }
  - { id: sink, component: 'null' }
streams:
  - { from: gen, to: pass, grouping: { type: shuffle } }
  - { from: gen, to: tally, grouping: { type: fields, args: [n] } }
  - { from: tally, to: sink, grouping: { type: shuffle } }
  - { from: pass, to: sink, grouping: { type: shuffle } }
YAML
sed 's/rate: 100/count: 10/; s/life/short/' "$dir/life.yaml" >"$dir/short.yaml"
sed 's/generate/generat/' "$dir/life.yaml" >"$dir/wrong.yaml"

# ---- what holds for every verb ----

check "there are verbs" [ "$(echo "$verbs" | wc -l)" -ge 20 ]
check "--version tells the version" says "0." "$squall" --version
check "a verb that is not there gets the nearest one" says "did you mean 'status'" "$squall" statsu
check "and is bad usage" exits_with 2 "$squall" statsu
check "no verb at all is bad usage, or help" eval '"$squall" >/dev/null 2>&1; [ $? = 2 ] || [ $? = 0 ]'
for verb in $verbs; do
        "$squall" $verb --help >"$dir/help" 2>"$dir/help.err"
        check "$verb --help shows how it is used, on stdout alone" eval 'grep -q "^usage: squall $verb" "$dir/help" && [ ! -s "$dir/help.err" ]'
        check "$verb --help has an example of itself" eval 'grep -A1 "^example:" "$dir/help" | grep -q "squall $verb"'
        check "help $verb is the same" eval '"$squall" help $verb | cmp - "$dir/help"'
        check "$verb --help is no wider than 100 columns" eval '[ "$(wc -L <"$dir/help")" -le 100 ]'
        check "every flag of $verb is explained" eval '! grep -E "^  (-., |    )--[a-z-]+( [A-Z=]+)?$" -A1 "$dir/help" | grep -A1 -E "^  .*--" | grep -E -A1 "[a-zA-Z]$" | grep -q "^ *$"'
        check "$verb refuses a flag that it does not have, with status 2" exits_with 2 "$squall" $verb --no-such-flag
        check "$verb tells what is wrong in one line" eval '[ "$("$squall" $verb --no-such-flag 2>&1 >/dev/null | wc -l)" = 1 ] && "$squall" $verb --no-such-flag 2>&1 | grep -q "^squall: "'
        check "$verb refuses more operands than it has" eval 'grep -q "^usage:.*\.\.\.\$" "$dir/help" || exits_with 2 "$squall" $verb a b c d e f'
        for flag in $(flags $verb); do
                [ "${flag#*-}" = "$flag" ] && [ ${#flag} -gt 4 ] || continue
                near=${flag%?}
                check "$verb --${near}x gets a hint" eval '"$squall" $verb --${near}x 2>&1 | grep -qE "did you mean|squall help|--help"'
                break
        done
        # whoever has --socket talks to a supervisor: there is none yet
        if has $verb socket && [ $verb != supervisor ]; then
                case $verb in
                        submit) operands=("$dir/life.yaml") ;;
                        update) operands=(life "$dir/life.yaml") ;;
                        rebalance) operands=(life --component pass=2) ;;
                        list) operands=() ;;
                        *) operands=(life) ;;
                esac
                check "$verb without a supervisor exits with status 3" exits_with 3 "$squall" $verb "${operands[@]}"
                check "and says how to get one" says "squall supervisor" "$squall" $verb "${operands[@]}"
        fi
done

# ---- with a supervisor ----

"$squall" supervisor --state-dir "$dir/state" >>"$dir/err" 2>&1 &
supervisor=$!
until_true answers
"$squall" submit "$dir/life.yaml" --wait >/dev/null
json() { timeout 30 "$@" 2>/dev/null </dev/null | python3 -c 'import json, sys
lines = sys.stdin.read().splitlines()
assert lines
for line in lines: json.loads(line)'; }
if ! command -v python3 >/dev/null; then
        json() { timeout 30 "$@" 2>/dev/null </dev/null | grep -q '^[[{].*[]}]$'; }
fi
for verb in $verbs; do
        operands=(life) extra=()
        case $verb in
                submit) operands=("$dir/life.yaml" --name other) ;;
                update) operands=(life "$dir/life.yaml") ;;
                rebalance) operands=(life --component pass=2) ;;
                run) operands=("$dir/short.yaml") ;;
                check) operands=("$dir/life.yaml") ;;
                components) operands=(filter) ;;
                cert) operands=("$dir/cert") ;;
                list | doctor | schema) operands=() ;;
                kill) operands=(other) ;;
                supervisor | bench | test | graph | new | help | completion) continue ;;
        esac
        if has $verb socket; then
                case $verb in
                        list) ;;
                        submit) check "$verb refuses a wrong file with status 2" exits_with 2 "$squall" submit "$dir/wrong.yaml" ;;
                        *)
                                wrong=("${operands[@]/#life/liff}") wrong=("${wrong[@]/#other/liff}")
                                check "$verb of a wrong name is status 2" exits_with 2 "$squall" $verb "${wrong[@]}"
                                check "$verb of a wrong name gets the nearest" says "did you mean 'life'" "$squall" $verb "${wrong[@]}"
                                ;;
                esac
        fi
        has $verb json || continue
        [ $verb = trace ] && "$squall" activate life >/dev/null # there is nothing to follow where nothing moves
        [ $verb = kill ] && "$squall" submit "$dir/life.yaml" --name other >/dev/null 2>&1
        check "$verb --json prints JSON" json "$squall" $verb "${operands[@]}" --json
done
check "a file that is not there is status 2" exits_with 2 "$squall" run "$dir/nowhere.yaml"
check "a run that fails is status 1" eval 'sed "s/component: .null./component: write, properties: { path: \/nowhere\/at\/all }/" "$dir/short.yaml" >"$dir/fails.yaml"; exits_with 1 "$squall" run "$dir/fails.yaml"'
check "a run that is done is status 0" exits_with 0 "$squall" run "$dir/short.yaml"
interrupted() {
        "$squall" run "$dir/life.yaml" --json >"$dir/run.json" 2>/dev/null & local run=$!
        until_true eval 'grep -ls "[s]quall: worker life sink/0" /proc/[0-9]*/cmdline | grep -q .'
        until_true eval 'kill -0 $run && [ "$(ls -d "$XDG_RUNTIME_DIR"/squall/run-* | wc -l)" = 1 ]'
        nap 0.3
        kill -INT $run
        wait $run
        [ $? = 130 ]
}
check "a run that is interrupted drains, and is status 130" interrupted

# ---- what a human reads ----

check "the list fits 80 columns" eval '"$squall" list; [ "$("$squall" list | wc -L)" -le 80 ]'
check "so does a status" eval '"$squall" status life; [ "$("$squall" status life | wc -L)" -le 80 ]'
check "numbers stand at the right" eval '"$squall" list | awk "NR == 1 { end = length(\$0) } NR == 2 && length(\$0) != end { exit 1 }"'
check "all of it ends" "$squall" supervisor --stop
exit $failures
