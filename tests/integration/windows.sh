#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Windows and joins by event time under exactly-once, of tuples that come out of order from two files: whoever is killed
# meanwhile, they are what awk comes to, which sorts them first. Nothing is late, for the disorder is within the bound. So
# with windows of windows, what puts the tuples in order, what drops duplicates, and a total over windows that is the
# task's own.
#
#     SQUALL_SEED=N     the instants (1)      SQUALL_KILLS=N     kills in a run (3)
source "$(dirname "$0")/supervised"

RANDOM=${SQUALL_SEED:-1} kills=${SQUALL_KILLS:-3}
# AT KEY VALUE: seconds from minute 1 to minute 30, each up to 4 seconds early or late; ties, and keys that are rare
for file in 1 2; do
        awk -v seed=$file 'BEGIN { srand(seed); print "at,key,v"
                for (i = 0; i < 4000; i++)
                        print 1704067200 + 60 + int(i * 0.435 + 8 * rand()) "," "k" int(60 * rand() ^ 3) "," int(1000 * rand()) - 200 }' >"$dir/in$file"
done
clock='function clock(at) { at -= 1704067200; return sprintf("2024-01-01T00:%02d:%02dZ", at / 60, at % 60) }'
sorted() { sed -s 1d "$dir/in1" "$dir/in2" | sort -t , "$@"; }
# every 5 seconds, of 15
slides() { awk -F , "$clock"' {
                for (s = $1 - $1 % 5; s > $1 - 15; s -= 5) {
                        k = $2 "\t" clock(s) "\t" clock(s + 15); n[k]++; sum[k] += $3
                        if (n[k] == 1 || $3 < least[k]) least[k] = $3
                        if (!seen[k, $3]++) kinds[k]++ } }
        END { for (k in n) print k "\t" n[k] "\t" sum[k] "\t" least[k] "\t" kinds[k] }' | sort; }
sorted -k1,1n | slides >"$dir/want.sliding"
# and of these windows all that end within 20 seconds: a window belongs to the one in which it ends
last="$clock"' function last(time, part) { split(time, part, /[:Z]/); return 1704067200 + part[2] * 60 + part[3] - 1 }'
awk -F '\t' "$last"'{
                end = last($3); s = end - end % 20; k = $1 "\t" clock(s) "\t" clock(s + 20)
                n[k]++; tuples[k] += $4; if (n[k] == 1 || $5 > most[k]) most[k] = $5 }
        END { for (k in n) print k "\t" n[k] "\t" tuples[k] "\t" most[k] }' "$dir/want.sliding" | sort >"$dir/want.behind"
# what is no more than 20 seconds apart
sorted -k2,2 -k1,1n | awk -F , "$clock"'
        function out() { if (n) print key "\t" clock(first) "\t" clock(last + 20) "\t" n "\t" sum }
        $2 != key || $1 > last + 20 { out(); key = $2; first = $1; n = sum = 0 }
        { last = $1; n++; sum += $3 }
        END { out() }' | sort >"$dir/want.sessions"
# what is in the same 5 seconds of both; a key that one of them does not have there with nulls
awk -F , "$clock"'
        FNR == 1 { file++; next }
        { w = $2 "," $1 - $1 % 5; at[w] = $2 "\t" clock($1 - $1 % 5) "\t" clock($1 - $1 % 5 + 5); row[file, w, ++n[file, w]] = $1 "\t" $3 }
        END { for (w in at)
                for (i = 1; i <= n[1, w] || i == 1; i++)
                        for (j = 1; j <= n[2, w] || j == 1; j++)
                                print at[w] "\t" (n[1, w] ? row[1, w, i] : "\t") "\t" (n[2, w] ? row[2, w, j] : "\t") }' \
        "$dir/in1" "$dir/in2" | sort >"$dir/want.joined"
# how many such there are in 10 seconds
awk -F '\t' "$last"'{ end = last($3); s = end - end % 10; n[$1 "\t" clock(s) "\t" clock(s + 10)]++ } END { for (k in n) print k "\t" n[k] }' \
        "$dir/want.joined" | sort >"$dir/want.meets"
# what is from 1 second before to 2 seconds after; and what is alone there
awk -F , '
        FNR == 1 { file++; next }
        { keys[$2]; k = ++n[file, $2]; at[file, $2, k] = $1; row[file, $2, k] = $1 "\t" $3 }
        END { for (key in keys) {
                split("", met)
                for (i = 1; i <= n[1, key]; i++) {
                        alone = 1
                        for (j = 1; j <= n[2, key]; j++) {
                                apart = at[2, key, j] - at[1, key, i]
                                if (apart < -1 || apart > 2) continue
                                alone = 0; met[j]
                                print key "\t" row[1, key, i] "\t" row[2, key, j] }
                        if (alone) print key "\t" row[1, key, i] "\t\t" }
                for (j = 1; j <= n[2, key]; j++)
                        if (!(j in met)) print key "\t\t\t" row[2, key, j] "\ttwo" } }' "$dir/in1" "$dir/in2" | sort >"$dir/want.near"
# with what a table has of the key, which comes at any time; it lacks k1
awk 'BEGIN { print "key,name"; for (k = 0; k < 60; k++) if (k != 1) print "k" k ",name " k }' >"$dir/names"
sed 1d "$dir/in1" | awk -F , '{ print $2 "\t" $1 "\t" $3 "\t" ($2 == "k1" ? "" : "name " substr($2, 2)) }' | sort >"$dir/want.named"
sorted -k1,1n -k2,2 -k3,3n | tr , '\t' >"$dir/want.ordered"
sorted -u -k3,3n | cut -d , -f 3 >"$dir/want.values"
# sums of 15 seconds, every second, with averages: panes in stacks
sorted -k1,1n | awk -F , "$clock"'{ for (s = $1; s > $1 - 15; s--) { n[s]++; sum[s] += $3 } }
        END { for (s in n) print clock(s) "\t" clock(s + 15) "\t" n[s] "\t" sum[s] }' | sort >"$dir/want.stacked"
# and what is told by totals: how many different values, and the middle one
sorted -k3,3n | awk -F , "$clock"'{ for (s = $1; s > $1 - 15; s--) { v[s, ++n[s]] = $3; if (!seen[s, $3]++) kinds[s]++ } }
        END { for (s in n) print clock(s) "\t" clock(s + 15) "\t" n[s] "\t" kinds[s] "\t" v[s, int((n[s] + 1) / 2)] ".0" }' | sort >"$dir/want.tallied"

cat >"$dir/windows.yaml" <<YAML
name: windows
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 60 }
spouts:
  - { id: one, component: file, properties: &file { path: $dir/in1, format: csv, rate: 2000, fields: { at: int, key: str, v: int } },
      event-time: &time { field: at, format: s, out-of-orderness: 8s } }
  - { id: two, component: file, properties: { <<: *file, path: $dir/in2 }, event-time: *time }
  - { id: names, component: file, properties: { path: $dir/names, format: csv, rate: 60, fields: { key: str, name: str } } }
bolts:
  - { id: sliding, component: window, parallelism: 2,
      properties: { size: 15s, slide: 5s, by: [key], compute: { n: count, sum: sum v, least: min v, kinds: distinct v } } }
  - { id: behind, component: window, parallelism: 2, properties: { size: 20s, by: [key], compute: { windows: count, tuples: sum n, most: max sum } } }
  - { id: behinds, component: write, properties: { path: $dir/behind.tsv } }
  - { id: sessions, component: window, properties: { gap: 20s, by: [key], compute: { n: count, sum: sum v } } }
  - { id: joined, component: join, parallelism: 2, properties: { by: key, size: 5s, type: full } }
  - { id: near, component: join, properties: { by: { one: key, two: key }, between: [-1s, 2s], type: left } }
  - { id: named, component: join, parallelism: 2, properties: { by: key, table: names, wait: 1h, type: left } }
  - { id: nameds, component: write, properties: { path: $dir/named.tsv } }
  - { id: meets, component: window, properties: { size: 10s, by: [key], compute: { rows: count } } }
  - { id: meeting, component: write, properties: { path: $dir/meets.tsv } }
  - { id: pairs, component: write, properties: { path: $dir/joined.tsv } }
  - { id: neighbours, component: write, properties: { path: $dir/near.tsv } }
  - { id: alone, component: write, properties: { path: $dir/alone.tsv } }
  - { id: stacked, component: window, properties: { size: 15s, slide: 1s, compute: { n: count, sum: sum v } } }
  - { id: tallied, component: window, properties: { size: 15s, slide: 1s, compute: { n: count, kinds: distinct v, half: "p50 v" } } }
  - { id: tallies, component: write, properties: { path: $dir/tallied.tsv } }
  - { id: reorder, component: reorder, parallelism: 2, properties: { by: [key] } }
  - { id: dedupe, component: dedupe, parallelism: 2, properties: { by: [v], within: 1h } }
  - { id: values, component: map, properties: { emit: { v: v } } }
  - { id: numbers, component: map, properties: { emit: { value: v } } }
  - { id: running, component: "$build/topologies/stateful-windowing/running.so", properties: { size: 5 tuples, slide: 3 tuples } }
  - { id: stacks, component: write, properties: { path: $dir/stacked.tsv } }
  - { id: order, component: write, properties: { path: $dir/ordered.tsv } }
  - { id: kinds, component: write, properties: { path: $dir/values.tsv } }
  - { id: totals, component: write, properties: { path: $dir/totals.tsv } }
  - { id: slides, component: write, properties: { path: $dir/sliding.tsv } }
  - { id: sits, component: write, properties: { path: $dir/sessions.tsv } }
  - { id: late, component: write, properties: { path: $dir/late.tsv } }
streams:
  - { from: one, to: sliding, grouping: { type: fields, args: [key] } }
  - { from: two, to: sliding, grouping: { type: fields, args: [key] } }
  - { from: sliding, to: behind, grouping: { type: fields, args: [key] } }
  - { from: behind, to: behinds, grouping: { type: global } }
  - { from: one, to: sessions, grouping: { type: fields, args: [key] } }
  - { from: two, to: sessions, grouping: { type: fields, args: [key] } }
  - { from: one, to: joined, grouping: { type: fields, args: [key] } }
  - { from: two, to: joined, grouping: { type: fields, args: [key] } }
  - { from: one, to: near, grouping: { type: fields, args: [key] } }
  - { from: two, to: near, grouping: { type: fields, args: [key] } }
  - { from: one, to: named, grouping: { type: shuffle } }
  - { from: names, to: named, grouping: { type: all } }
  - { from: named, to: nameds, grouping: { type: global } }
  - { from: joined, to: meets, grouping: { type: fields, args: [key] } }
  - { from: meets, to: meeting, grouping: { type: global } }
  - { from: joined, to: pairs, grouping: { type: global } }
  - { from: near, to: neighbours, grouping: { type: global } }
  - { from: near, to: alone, streamId: unmatched, grouping: { type: global } }
  - { from: joined, to: late, streamId: late, grouping: { type: global } }
  - { from: near, to: late, streamId: late, grouping: { type: global } }
  - { from: one, to: stacked, grouping: { type: global } }
  - { from: two, to: stacked, grouping: { type: global } }
  - { from: one, to: tallied, grouping: { type: global } }
  - { from: two, to: tallied, grouping: { type: global } }
  - { from: tallied, to: tallies, grouping: { type: global } }
  - { from: one, to: reorder, grouping: { type: fields, args: [key] } }
  - { from: two, to: reorder, grouping: { type: fields, args: [key] } }
  - { from: one, to: dedupe, grouping: { type: fields, args: [v] } }
  - { from: two, to: dedupe, grouping: { type: fields, args: [v] } }
  - { from: dedupe, to: values, grouping: { type: shuffle } }
  - { from: one, to: numbers, grouping: { type: shuffle } }
  - { from: numbers, to: running, grouping: { type: global } }
  - { from: stacked, to: stacks, grouping: { type: global } }
  - { from: reorder, to: order, grouping: { type: global } }
  - { from: values, to: kinds, grouping: { type: global } }
  - { from: running, to: totals, grouping: { type: global } }
  - { from: sliding, to: slides, grouping: { type: global } }
  - { from: sessions, to: sits, grouping: { type: global } }
  - { from: sliding, to: late, streamId: late, grouping: { type: global } }
  - { from: behind, to: late, streamId: late, grouping: { type: global } }
YAML
in_order() { awk '$1 < at[$2] { print "too late: " $0; bad = 1 } { at[$2] = $1 } END { exit bad }' "$1"; }
# of one file, in its order
sed 1d "$dir/in1" | awk -F , '{ v[NR] = $3 } NR % 3 == 0 { for (i = NR - 4; i <= NR; i++) s += v[i]; print s }
        END { if (NR % 3) { e = NR + 3 - NR % 3; for (i = e - 4; i <= NR; i++) s += v[i]; print s } }' >"$dir/want.totals"
by_event_time='sliding behind sessions values stacked tallied joined meets near ordered'
same() { # WHAT...
        [ ! -s "$dir/late.tsv" ] || { echo "late: $(wc -l <"$dir/late.tsv")"; return 1; }
        cat "$dir/alone.tsv" >>"$dir/near.tsv"
        for what; do
                [ "$(wc -l <"$dir/want.$what")" -gt 900 ] || { echo "no more than that: $(wc -l "$dir/want.$what")"; return 1; }
                sort "$dir/$what.tsv" | cmp - <(sort "$dir/want.$what") || { wc -l "$dir/$what.tsv" "$dir/want.$what"; return 1; }
        done
}
exact() {
        same $by_event_time named && in_order "$dir/ordered.tsv" || return
        cmp "$dir/totals.tsv" "$dir/want.totals" || { wc -l "$dir/totals.tsv"; return 1; }
}
one_of() { [ $# -eq 0 ] || eval "echo \${$((RANDOM % $# + 1))}"; }
# runs ONE-OR-ALL: kills workers after moments
runs() {
        local i pids run
        rm -f "$dir"/*.tsv
        "$squall" run "$dir/windows.yaml" >"$dir/said" 2>&1 &
        run=$!
        [ $# -eq 0 ] || until_true test -s "$dir/sliding.tsv" # who is killed before all is there three times has not started
        for ((i = 0; i < kills && $# > 0; i++)); do
                nap "0.$((RANDOM % 4 + 2))1"
                pids=$(pgrep -P $run -f 'squall: worker')
                [ "$1" = all ] || pids=$(one_of $pids)
                [ -z "$pids" ] || kill -KILL $pids 2>/dev/null
        done
        wait $run || { cat "$dir/said"; return 1; }
}
check "a topology with windows by event time ends" runs
check "and its windows, sessions and joins are those of the sorted tuples" exact
# A drain is not the end of time: what has not ended is not sent.
drained() {
        rm -f "$dir"/*.tsv
        sed '/id: two\|from: two\|id: joined\|id: near\|id: named\|: named\|id: names\|: joined\|: near/d; /id: meet\|: meets/d; s/rate: 2000/rate: 400/' "$dir/windows.yaml" >"$dir/drained.yaml"
        sed 1d "$dir/in1" | slides >"$dir/want.drained"
        "$squall" run "$dir/drained.yaml" >"$dir/said" 2>&1 &
        until_true test -s "$dir/sliding.tsv" && kill -INT $! || { cat "$dir/said"; return 1; }
        wait $!
        [ $? -eq 130 ] || { cat "$dir/said"; return 1; }
        [ "$(wc -l <"$dir/sliding.tsv")" -lt "$(wc -l <"$dir/want.drained")" ] || { wc -l "$dir/sliding.tsv"; return 1; }
        ! sort "$dir/sliding.tsv" | comm -23 - "$dir/want.drained" | grep .
}
check "one that is drained sends no window that has not ended" drained
# What another run goes on to is the whole, but for the order: what was held for that had to go out. What goes by the clock or by counts
# is sent at each end.
goes_on() {
        local i status before=0
        rm -f "$dir"/*.tsv
        sed "s/rate: 2000/rate: 1200/; /id: named\|: named\|id: names\|id: running\|: running\|id: numbers\|: numbers\|id: totals/d; s|^config: { |&topology.checkpoint.dir: $dir/epochs, |" "$dir/windows.yaml" >"$dir/told.yaml"
        for i in 1 2 3; do
                "$squall" run "$dir/told.yaml" $([ $i = 1 ] || echo --from "$dir/epochs") >"$dir/said" 2>&1 &
                [ $i = 3 ] || { until_true grows && kill -INT $!; }
                wait $!
                status=$?
                before=$(wc -l <"$dir/sliding.tsv")
                [ $status -eq $([ $i = 3 ] && echo 0 || echo 130) ] || { echo "run $i: $status"; cat "$dir/said"; return 1; }
        done
}
grows() { [ "$(wc -l <"$dir/sliding.tsv")" -gt $((before + 300)) ]; }
check "a run that is told to end is gone on from, twice" goes_on
check "and its windows, sessions and joins are those of a run without a stop" same $by_event_time
for who in one all; do
        check "it ends, when $who of its workers is killed now and then" runs $who
        check "and its windows, sessions and joins are exactly the same" exact
done
exit $failures
