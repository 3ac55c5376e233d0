#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Another plan for a running topology: what it does not change goes on in the same processes, and nothing is lost, whatever dies meanwhile.
# SQUALL_ROUNDS: rounds of rebalance and kill -9; SQUALL_SEED: of what is killed and when; SQUALL_SUMS: tuples that are counted.
# alone
# modes: release asan
source "$(dirname "$0")/supervised"
RANDOM=${SQUALL_SEED:=$$}

# pids TOPOLOGY COMPONENT: of its workers, on one line
pids() { "$squall" status "$1" | awk -v c="$2/" 'index($1, c) == 1 { printf "%s ", $3 }'; }
tasks() { pids "$1" "$2" | wc -w; }
lines() { local n; n=$(wc -l <"$1" 2>/dev/null) && echo "$n" || echo 0; }
more_lines() { [ "$(lines "$1")" -gt "$2" ]; }

sums_yaml() {
        cat <<YAML
name: sums
spouts: [ { id: gen, component: generate, properties: { count: ${SQUALL_SUMS:=4000000}, $1 seed: 7, fields: { k: uniform 1 5000 } } } ]
bolts:
  - { id: sum, component: count, parallelism: 2, properties: { by: [k], emit: end } }
  - { id: sink, component: write, properties: { path: $2 } }
streams:
  - { from: gen, to: sum, grouping: { type: fields, args: [k] } }
  - { from: sum, to: sink, grouping: { type: global } }
YAML
}
# What is changed is in the midst of its work, however long that takes: only then it is let go on as fast as it can.
sums_yaml "rate: 30000," sums.tsv >"$dir/sums.yaml"
sums_yaml "" sums.tsv >"$dir/fast.yaml"
sums_yaml "" want.tsv >"$dir/want.yaml"
"$squall" run "$dir/want.yaml" >/dev/null 2>&1

start
"$squall" submit "$dir/sums.yaml" --wait >/dev/null
gen=$(pids sums gen) sink=$(pids sums sink) sum=$(pids sums sum)
check "a counting bolt gets more tasks while it counts" eval '"$squall" rebalance sums --component sum=5 && [ "$(tasks sums sum)" = 5 ]'
check "the workers of the others are the same" eval '[ "$(pids sums gen)" = "$gen" ] && [ "$(pids sums sink)" = "$sink" ] && [ -n "$gen$sink" ]'
check "and it gets fewer" eval '"$squall" rebalance sums --component sum=1 && [ "$(tasks sums sum)" = 1 ]'
check "the workers of the others are still the same" eval '[ "$(pids sums gen)" = "$gen" ] && [ "$(pids sums sink)" = "$sink" ]'
"$squall" logs sums supervisor | awk -F'[:Z]' '/ draining$/ { at = $2 * 60 + $3 } / are ready$/ && at { printf "# paused for %.0f ms\n", ($2 * 60 + $3 - at) * 1000; at = 0 }'
check "and every count is exact at the end" eval '"$squall" update sums "$dir/fast.yaml" && until_true is_in_state sums finished && sort "$dir/sums.tsv" | cmp - <(sort "$dir/want.tsv") && [ -s "$dir/want.tsv" ]'
"$squall" kill sums >/dev/null

# Its source and its counting bolt have ended before the change: what they came to is in the slow bolt.
cat >"$dir/ended.yaml" <<YAML
name: ended
spouts: [ { id: gen, component: generate, properties: { count: 300, fields: { n: seq } } } ]
bolts:
  - { id: sum, component: count, properties: { by: [n], emit: end } }
  - { id: slow, component: sleep, properties: { ms: 5 } }
  - { id: sink, component: write, properties: { path: "$dir/ended.tsv" } }
streams:
  - { from: gen, to: sum, grouping: { type: fields, args: [n] } }
  - { from: sum, to: slow, grouping: { type: shuffle } }
  - { from: slow, to: sink, grouping: { type: shuffle } }
YAML
has_emitted() { "$squall" status ended --json | grep -q '"id":"sum".*"emitted":300'; }
"$squall" submit "$dir/ended.yaml" --wait >/dev/null
until_true has_emitted
check "a rebalance comes after the source has ended" "$squall" rebalance ended --component slow=2
check "and no worker that stays is the worse for it" eval 'until_true is_in_state ended finished && [ "$(lines "$dir/ended.tsv")" = 300 ] && ! "$squall" logs ended | grep "killed by signal"'
"$squall" kill ended >/dev/null

# steady: gen -> pass x 2 -> sink, which appends each number to steady.tsv
steady_yaml() {
        cat <<YAML
name: steady
config: { supervisor.worker.timeout.secs: 10 }
spouts: [ { id: gen, component: generate, properties: { rate: 2000, fields: { n: seq } } } ]
bolts:
  - { id: pass, component: filter, parallelism: 2, properties: { where: $1 } }
  - { id: sink, component: write, properties: { path: steady.tsv, mode: append } }
streams:
  - { from: gen, to: pass, grouping: { type: shuffle } }
  - { from: pass, to: sink, grouping: { type: $2 } }
YAML
}
steady_yaml "'true'" shuffle >"$dir/steady.yaml"
"$squall" submit "$dir/steady.yaml" --wait >/dev/null
gen=$(pids steady gen) sink=$(pids steady sink) pass=$(pids steady pass)
steady_yaml "n >= 0" shuffle >"$dir/steady.yaml"
check "an update of one bolt's settings is rolled in" "$squall" update steady "$dir/steady.yaml"
check "only its workers are other ones" eval '[ "$(pids steady gen)" = "$gen" ] && [ "$(pids steady sink)" = "$sink" ] && [ "$(pids steady pass)" != "$pass" ] && [ -n "$gen$sink" ]'
pass=$(pids steady pass)
steady_yaml "n >= 0" global >"$dir/steady.yaml"
check "another grouping changes only the workers of its reader" eval '"$squall" update steady "$dir/steady.yaml" && [ "$(pids steady gen)" = "$gen" ] && [ "$(pids steady pass)" = "$pass" ] && [ "$(pids steady sink)" != "$sink" ]'
sink=$(pids steady sink)
kill_supervisor
start
until_true is_in_state steady running
check "workers that were adopted stay too" eval '"$squall" rebalance steady --component pass=3 && [ "$(pids steady gen)" = "$gen" ] && [ "$(pids steady sink)" = "$sink" ]'
kill_supervisor
start
check "and are adopted once more where they are now" eval 'until_true is_in_state steady running && [ "$(pids steady gen)" = "$gen" ] && [ "$(pids steady sink)" = "$sink" ]'
before=$(lines "$dir/steady.tsv")
check "what they do goes on" until_true more_lines "$dir/steady.tsv" $((before + 2000))
sed 's/where: n >= 0/where: no_such_field > 0/; s/path: steady.tsv/path: \/nowhere\/at\/all/' "$dir/steady.yaml" >"$dir/worse.yaml"
check "a version that does not come up is rolled back" eval '! "$squall" update steady "$dir/worse.yaml" && until_true is_in_state steady running'
check "a killed worker that had moved is restarted" eval 'kill -KILL $(pids steady sink) && until_true is_in_state steady running && before=$(lines "$dir/steady.tsv") && until_true more_lines "$dir/steady.tsv" $((before + 2000))'

# ---- chaos ----

some_worker() { workers | shuf -n 1 --random-source=<(yes $RANDOM); }
pause() { nap "0.$(printf %03d $((RANDOM % 400)))"; }
for ((round = 1; round <= ${SQUALL_ROUNDS:=4}; round++)); do
        "$squall" rebalance steady --component pass=$((round % 4 + 1)) >/dev/null 2>&1 & changing=$!
        pause
        case $((RANDOM % 3)) in
        0) kill -KILL "$(some_worker)" 2>/dev/null ;;
        1) kill_supervisor; pause; start ;;
        2) kill -KILL "$(some_worker)" 2>/dev/null; kill_supervisor; start ;;
        esac
        wait $changing
        until_true is_in_state steady running || { check "round $round: it runs again" false; break; }
done
before=$(lines "$dir/steady.tsv")
check "through $SQUALL_ROUNDS rebalances with kill -9 it goes on" until_true more_lines "$dir/steady.tsv" $((before + 2000))
"$squall" kill steady >/dev/null
check "and no tuple is lost" eval 'sort -nu "$dir/steady.tsv" | awk "NR > 1 && \$1 != last + 1 { print last, \$1; bad = 1 } { last = \$1 } END { exit bad }"'
"$squall" supervisor --stop >/dev/null 2>&1
check "in the end no process is left" until_true no_worker
exit $failures
