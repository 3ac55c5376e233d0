#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `squall tap`: the tuples that a component sends, while the topology runs, is killed, updated, and ends.
# modes: release asan
source "$(dirname "$0")/supervised"

# Numbers at 500 a second; `one` passes them on.
cat >"$dir/flow.yaml" <<'YAML'
name: flow
spouts: [{ id: gen, component: generate, properties: { rate: 500, fields: { n: seq, word: words } } }]
bolts:
  - { id: one, component: filter, properties: { where: 'true' } }
  - { id: two, component: 'null' }
streams:
  - { from: gen, to: one, grouping: { type: shuffle } }
  - { from: one, to: two, grouping: { type: shuffle } }
YAML
start
"$squall" submit --wait "$dir/flow.yaml" >>"$dir/err" 2>&1

tap() { timeout 60 "$squall" tap "$@" 2>"$dir/said" </dev/null; }
numbers() { grep -o '"n":[0-9]*' "$1" | cut -d: -f2; }
are_in_a_row() { numbers "$1" | awk 'NR > 1 && $1 != last + 1 { bad = 1 } { last = $1 } END { exit bad || NR < '"$2"' }'; }

whole() { tap flow one --limit 300 >"$dir/out" && [ "$(wc -l <"$dir/out")" = 300 ] && are_in_a_row "$dir/out" 300; }
check "where there are few, every tuple is shown, a JSON object a line, up to the limit" whole
check "the last line says how much of what was sent that is" grep -qE "^squall: 300 tuples shown, of [0-9,]+ that were looked at, of [0-9,]+ that one sent meanwhile$" "$dir/said"
meta() { tap flow gen --meta --limit 1 | grep -qE '^\{"task":"gen/0","stream":"default","tuple":\{"n":[0-9]+,"word":"[a-z]+"\}\}$'; }
check "--meta says which task and which stream" meta
where() { tap flow gen:default --where 'n % 100 == 7 and length(word) > 0' --limit 3 >"$dir/out" && ! numbers "$dir/out" | grep -v '07$'; }
check "--where shows those for which it holds" where
table() { tap flow gen --table --limit 20 >"$dir/out" && [ "$(wc -l <"$dir/out")" = 21 ] && head -n 1 "$dir/out" | grep -qE '^task +n +word$' && sed -n 2p "$dir/out" | grep -qE '^gen/0 +[0-9]+ +[a-z]+$'; }
check "--table shows rows" table
head_ends_it() { "$squall" tap flow gen 2>"$dir/said" | head -n 3 >"$dir/out"; [ "${PIPESTATUS[0]}" = 1 ] && [ "$(wc -l <"$dir/out")" = 3 ] && grep -q "nobody reads the output any more" "$dir/said"; }
check "it ends when nobody reads it" head_ends_it
rated() {
        "$squall" tap flow gen --rate 10 >"$dir/rated" 2>>"$dir/err" &
        local pid=$! status=0
        until_true eval '[ "$(wc -l <"$dir/rated")" -ge 20 ]'
        kill -INT $pid
        wait $pid || status=$?
        [ $status = 130 ] && numbers "$dir/rated" | awk 'NR == 1 { first = $1 } { last = $1 } END { exit !((last - first) / NR > 20) }'
}
check "--rate shows so many a second, and Ctrl-C ends it with 130" rated

check "a component that is not there is refused, with the nearest one" says "(did you mean 'gen'?)" "$squall" tap flow gem
check "what nobody reads is refused" says "nobody reads what two emits" "$squall" tap flow two
check "a field that is not there is refused, with its place" says "column 5: no input field" "$squall" tap flow gen --where '1 + x == 2'
check "so is a condition that is none" exits_with 2 "$squall" tap flow gen --where 'n + 1'
check "and a topology that is not there" exits_with 2 "$squall" tap flown gen
check "a rate that is not a number is refused" exits_with 2 "$squall" tap flow gen --rate soon

check "without a component what can be tapped is listed" says "gen:default      one" "$squall" tap flow

# ---- deaths, updates, the end ----

"$squall" tap flow one --meta >"$dir/live" 2>"$dir/live.said" &
tapped=$!
end_tap() { kill $tapped 2>/dev/null; }
on_exit end_tap
grows() { local lines; lines=$(wc -l <"$dir/live"); until_true eval '[ "$(wc -l <"$dir/live")" -gt '"$((lines + 50))"' ]'; }
check "it goes on and on" grows
kill -KILL "$(pid flow one/0)"
until_true eval '"$squall" events flow | grep -q restarted'
check "it goes on after the death of the worker that is tapped" grows
"$squall" rebalance flow --component one=3 >>"$dir/err" 2>&1
check "and after a rebalance, with the new tasks" until_true grep -q '"task":"one/2"' "$dir/live"
kill_supervisor
start
check "and after the death of the supervisor" grows
"$squall" kill flow >>"$dir/err" 2>&1
ends() { local status=0; wait $tapped || status=$?; [ $status = 0 ] && grep -q "^squall: flow has ended; " "$dir/live.said"; }
check "it ends with the topology" ends

cat >"$dir/short.yaml" <<'YAML'
name: short
spouts: [{ id: gen, component: generate, properties: { count: 3000, rate: 1000, fields: { n: seq } } }]
bolts: [{ id: two, component: 'null' }]
streams: [{ from: gen, to: two, grouping: { type: shuffle } }]
YAML
short() {
        "$squall" run "$dir/short.yaml" >>"$dir/err" 2>&1 &
        until_true eval '"$squall" status short >/dev/null 2>&1'
        tap short gen >"$dir/out" && grep -q "^squall: short has ended; " "$dir/said" && [ "$(numbers "$dir/out" | tail -n 1)" = 2999 ] && wait $!
}
check "of one in the foreground the last tuple is seen, too" short
check "one that has ended is not tapped" exits_with 3 "$squall" tap short gen --socket "$dir/nobody"
exit $failures
