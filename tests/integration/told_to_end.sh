#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A run that was told to end is gone on from: another run begins with its last epoch, whose spouts and bolts had ended
# because they were told to, and comes to what a run without a stop comes to, byte for byte after sorting. So it does
# when workers, the run itself or the supervisor die before it has an epoch of its own.
source "$(dirname "$0")/supervised"

awk 'BEGIN { for (i = 0; i < 6000; i++) print "w" (i * i) % 397 }' >"$dir/words"
awk '{ print $1 "\t" ++n[$1] }' "$dir/words" | sort >"$dir/want.counts"
awk 'BEGIN { srand(3); print "at,key,v"; for (i = 0; i < 4000; i++) print 1704067200 + 60 + int(i / 3 + 4 * rand()) "," "k" i % 5 "," i % 11 }' >"$dir/events"
sed 1d "$dir/events" | awk -F , 'function clock(at) { at -= 1704067200; return sprintf("2024-01-01T00:%02d:%02dZ", at / 60, at % 60) }
        { k = $2 "\t" clock($1 - $1 % 10) "\t" clock($1 - $1 % 10 + 10); n[k]++; sum[k] += $3 } END { for (k in n) print k "\t" n[k] "\t" sum[k] }' | sort >"$dir/want.windows"
seq 0 4999 | sort >"$dir/want.numbers"
for i in {1..50}; do echo "short $i"; done | tee "$dir/short" | sort >"$dir/want.shorts"

# topology NAME: its epochs are in $dir/NAME.epochs, its files in $dir/NAME.*
topology() {
        cat <<YAML
name: $1
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 60, topology.checkpoint.dir: $dir/$1.epochs }
spouts:
  - { id: lines, component: file, properties: { path: $dir/words, rate: 3000 } }
  - { id: short, component: file, properties: { path: $dir/short } }
  - { id: events, component: file, properties: { path: $dir/events, format: csv, rate: 2000, fields: { at: int, key: str, v: int } },
      event-time: { field: at, format: s, out-of-orderness: 8s } }
  - { id: numbers, component: generate, parallelism: 2, properties: { count: 5000, rate: 1250, fields: { n: seq } } }
bolts:
  - { id: count, component: count, parallelism: 2, properties: { by: [line] } }
  - { id: window, component: window, parallelism: 2, properties: { size: 10s, by: [key], compute: { n: count, sum: sum v } } }
  - { id: counts, component: write, properties: { path: $dir/$1.counts } }
  - { id: windows, component: write, properties: { path: $dir/$1.windows, visible: commit } }
  - { id: ns, component: write, properties: { path: $dir/$1.numbers, visible: commit } }
  - { id: shorts, component: write, properties: { path: $dir/$1.shorts } }
streams:
  - { from: lines, to: count, grouping: { type: fields, args: [line] } }
  - { from: events, to: window, grouping: { type: fields, args: [key] } }
  - { from: count, to: counts, grouping: { type: global } }
  - { from: window, to: windows, grouping: { type: global } }
  - { from: numbers, to: ns, grouping: { type: global } }
  - { from: short, to: shorts, grouping: { type: global } }
YAML
}
run() { "$squall" run "$dir/$1.yaml" "${@:2}" >"$dir/$1.said" 2>&1; }
from() { run "$1" --from "$dir/$1.epochs" "${@:2}"; }
lines() { if [ -e "$dir/$1.counts" ]; then wc -l <"$dir/$1.counts"; else echo 0; fi; }
more() { [ "$(lines "$1")" -gt "$2" ]; }
unfinished() { more "$1" 300 && [ "$(lines "$1")" -lt 6000 ] || { wc -l "$dir/$1".counts; return 1; }; }
exact() {
        local what
        for what in counts windows numbers shorts; do
                sort "$dir/$1.$what" | cmp - "$dir/want.$what" || { wc -l "$dir/$1.$what" "$dir/want.$what"; return 1; }
        done
}
# told_to_end NAME SIGNAL [ARGUMENT]...: a run that is, in the midst
told_to_end() {
        local pid before
        before=$(lines "$1")
        "$squall" run "$dir/$1.yaml" "${@:3}" >"$dir/$1.said" 2>&1 &
        pid=$!
        until_true more "$1" $((before + 400)) && kill "-$2" $pid
        wait $pid
}

# ---- In the foreground -------------------------------------------------------------------------------
topology often >"$dir/often.yaml"
check "a run that is told to end by Ctrl-C ends with 130" exits_with 130 told_to_end often INT
check "and is not through" unfinished often
check "it says how to go on" grep -q -- "run --from $dir/often.epochs. goes on" "$dir/often.said"
check "the run that goes on is told to end too" exits_with 143 told_to_end often TERM --from "$dir/often.epochs"
check "by --for, too" from often --for 0.3
check "the last one comes to the end" from often
check "to which a run without a stop comes" exact often
check "and has no more epochs to go on from" exits_with 2 from often

# No epoch of its own is made: what the first one left is gone on from again and again.
none_yet='topology.checkpoint.interval.ms: 600000'
is_back() { grep -q 'tasks are back, from the last epoch' "$dir/$1.said"; }
dies() { # NAME
        local run before
        before=$(lines "$1")
        "$squall" run "$dir/$1.yaml" --from "$dir/$1.epochs" -c "${none_yet/: /=}" >"$dir/$1.said" 2>&1 &
        run=$!
        until_true more "$1" $((before + 100)) && kill -KILL "$(pgrep -P $run -f "squall: worker $1 $2")" && until_true is_back "$1" &&
                until_true more "$1" $((before + 100))
        local r=$?
        { kill -KILL $run; wait $run; } 2>/dev/null
        return $r
}
topology dying >"$dir/dying.yaml"
exits_with 130 told_to_end dying INT >/dev/null
check "a worker that dies before the next run has an epoch begins with what was left by the last" dies dying count/0
check "so does its spout" dies dying lines/0
check "the run that was killed then is gone on from" from dying
check "with each tuple counted once by all of them" exact dying

# Told to end again before it has an epoch, and dies on the way: what ends it is the same run's own end.
topology twice >"$dir/twice.yaml"
exits_with 130 told_to_end twice INT >/dev/null
check "a run is told to end before it has an epoch of its own" exits_with 130 told_to_end twice INT --from "$dir/twice.epochs" -c "${none_yet/: /=}"
check "and is gone on from" from twice
check "with each tuple counted once" exact twice

# ---- A drain that goes back --------------------------------------------------------------------------
# Its results are as of an epoch: less than what the spouts had emitted, so it has not done all that was asked for. There is none but the first.
slow() { # NAME
        cat <<YAML
name: $1
config: { topology.delivery: exactly-once, $none_yet, topology.checkpoint.dir: $dir/$1.epochs }
spouts: [{ id: in, component: generate, properties: { count: 700, rate: 1000, fields: { n: seq } } }]
bolts: [{ id: slow, component: sleep, properties: { ms: 5 } }, { id: out, component: write, properties: { path: $dir/$1.counts } }]
streams: [{ from: in, to: slow, grouping: { type: shuffle } }, { from: slow, to: out, grouping: { type: global } }]
YAML
}
slow back >"$dir/back.yaml"
goes_back() {
        local held # who stands still: the drain is not through before it dies
        "$squall" run "$dir/back.yaml" >"$dir/back.said" 2>&1 &
        run=$!
        until_true more back 100 && held=$(pgrep -P $run -f 'squall: worker back slow/0') && kill -STOP "$held" && kill -INT $run &&
                until_true grep -q 'squall: draining' "$dir/back.said" && kill -KILL "$held"
        wait $run
}
check "a drain in which a worker dies, so that it goes back to an epoch, ends with 1" exits_with 1 goes_back
check "which is told with who died" grep -q "the drain went back to the last epoch, for slow/0 had died" "$dir/back.said"
check "and how to go on" grep -q -- "run --from $dir/back.epochs. goes on" "$dir/back.said"
all_of() { from "$1" && sort -n "$dir/$1.counts" | cmp - <(seq 0 699); }
check "which comes to the end, with each tuple once" all_of back

# ---- Under a supervisor ------------------------------------------------------------------------------
topology moved >"$dir/moved.yaml"
exits_with 130 told_to_end moved INT >/dev/null
start
is_over() { case $(state moved) in finished | failed) ;; *) false ;; esac; }
flows() { until_true more moved $(($(lines moved) + 100)); }
submitted() { "$squall" submit "$dir/moved.yaml" --from "$dir/moved.epochs" -c "${none_yet/: /=}" --wait && flows; }
loses() { # [TASK]
        local victim=${1:+$(pid moved "$1")}
        kill_supervisor
        [ -z "$victim" ] || kill -KILL "$victim"
        start && until_true is_in_state moved running && flows
}
check "a supervisor goes on from it" submitted
check "also when it dies before there is an epoch" loses ''
check "and a worker with it" loses lines/0
check "it finishes" eval 'until_true is_over && is_in_state moved finished'
check "with each tuple counted once by whichever supervisor" exact moved
slow ended >"$dir/ended.yaml"
undone() {
        local held
        "$squall" submit "$dir/ended.yaml" --wait && until_true more ended 100 && held=$(pid ended slow/0) && kill -STOP "$held" || return
        "$squall" kill ended >"$dir/ended.said" 2>&1 &
        local killer=$!
        until_true is_in_state ended stopping && kill -KILL "$held"
        wait $killer
}
check "who kills a topology whose drain goes back to an epoch is told, by status 1" exits_with 1 undone
check "and why" grep -q "'ended' has ended, but not all of it was done: slow/0: .*(squall logs ended)" "$dir/ended.said"
stop
exit $failures
