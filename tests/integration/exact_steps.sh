#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The protocol of exactly-once, with a process killed by kill -9 at each of its steps: files that supervisor and workers make, write, sync, link, rename
# and remove, and all that they say to each other, from the submission to the end. Then the same with a second death on the way back from the first.
# What `write` has written is compared byte for byte, sorted, with what a run without deaths has.
# For its settings see `stepped`; of each step the first time counts, and one in the midst of the run.
# alone
# modes: release
source "$(dirname "$0")/stepped"
patience=40

awk 'BEGIN { for (i = 0; i < 2400; i++) print "w" (i * i) % 97 }' >"$dir/words"
awk '{ print $1 "\t" ++n[$1] }' "$dir/words" | sort >"$dir/want"
cat >"$dir/counts.yaml" <<YAML
name: counts
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 60 }
spouts: [{ id: lines, component: file, properties: { path: $dir/words, rate: 4000 } }]
bolts:
  - { id: count, component: count, parallelism: 2, properties: { by: [line] } }
  - { id: sink, component: write, properties: { path: $dir/got } }
streams:
  - { from: lines, to: count, grouping: { type: fields, args: [line] } }
  - { from: count, to: sink, grouping: { type: global } }
YAML
is_struck() { [ -e "$dir/steps/struck" ]; }
up_again() { lives || { wait $supervisor; start; } 2>/dev/null; }
from=() # of submit
is_submitted() { [ -n "$(state)" ] || "$squall" submit "$dir/counts.yaml" "${from[@]}"; }
# What is there before the start: nothing, or what is gone on from. Its inode is part of that.
lay_out() { if [ -e "$dir/left" ]; then cat "$dir/left" >"$dir/got"; else rm -f "$dir/got"; fi; }
# Runs it to its end, whoever dies.
run_through() { # [WHO WHAT: the second death]
        local deadline=$((SECONDS + patience)) second=${1:+$1 kill 1 ${*:2}}
        lay_out
        rm -f "$dir/steps/struck" "$dir/steps/second"
        until up_again && is_submitted && is_over; do
                [ $SECONDS -lt $deadline ] || { echo "it hangs: $("$squall" list)"; return 1; }
                if [ -n "$second" ] && is_struck; then
                        mv "$dir/steps/struck" "$dir/steps/second"
                        arm $second
                        second=
                fi
                nap 0.01
        done 2>/dev/null >/dev/null
        disarm
        [ "$(state)" = finished ] || { "$squall" status counts; return 1; }
        sort "$dir/got" | diff - "$dir/want" >"$dir/diff" || { wc -l "$dir/diff"; head -n 5 "$dir/diff"; return 1; }
}
end() {
        disarm
        "$squall" kill counts --wait 0 >/dev/null 2>&1
}
plain() { : >"$dir/steps/trace"; arm; run_through; }

# Lines "WHO NUMBER WHAT" of a trace: of each step the first time, and the one in the middle. What is sent all the time is not among them.
list_steps() {
        awk '{ line = $1 " " $2 " " $3; if (!n[line]++) order[++m] = line }
             END { for (i = 1; i <= m; i++) { split(order[i], w, " "); print w[1], 1, w[2], w[3]; if (n[order[i]] > 3) print w[1], int(n[order[i]] / 2), w[2], w[3] } }' "$1" | name_types
}
# as_sent VERB NAME: as steps.c has it
as_sent() { if [ "$1" = send ]; then echo "send $(number_of "$2")"; else echo "$*"; fi; }
try() { # WHO NUMBER VERB NAME [the second: WHO VERB NAME]
        local again r
        for again in 1 2 3; do
                arm "$1" kill "$2" $(as_sent "$3" "$4")
                if [ $# -gt 4 ]; then run_through "$5" $(as_sent "$6" "$7"); else run_through; fi >"$dir/said" 2>&1
                r=$?
                [ $r = 0 ] || { cat "$dir/said"; "$squall" logs counts | tail -n 30; }
                end
                [ $r = 0 ] || return 1
                ! is_struck || return 0
        done
        unreached=$((unreached + 1))
}
draw() { grep -F -e "$only" | if [ "$steps" = all ]; then cat; else shuf -n "$steps" --random-source=<(yes "$seed"); fi; }

start
echo "# SQUALL_SEED=$seed"
check "a run without deaths is exact, and has steps" plain
list_steps "$dir/steps/trace" >"$dir/list"
end
check "among them those of supervisor, sources and sinks" eval 'grep -q "^supervisor .* send COMMIT" "$dir/list" && grep -q "^supervisor .* sync " "$dir/list" && grep -q "^count/0 .* send SNAPSHOT" "$dir/list" &&
        grep -q "^sink/0 .* write got" "$dir/list" && grep -q "^lines/0 .* send FINISHED" "$dir/list"'
draw <"$dir/list" >"$dir/tried"
while read -r who number verb name <&3; do
        check "killed: $who at $verb $name, $number" try "$who" "$number" "$verb" "$name"
done 3<"$dir/tried"

# The way back: what is done after count/0 died as it told of its part in the midst of the run, up to the next epochs.
: >"$dir/steps/trace"
back=$(awk '/^count.0 .* send SNAPSHOT/ { n = $2 } END { print n }' "$dir/list")
check "a restore is exact, and has steps" try count/0 "$back" send SNAPSHOT
awk -v line="count/0 send $(number_of SNAPSHOT)" -v n="$back" 'there; $0 == line && ++m == n { there = 1 }' "$dir/steps/trace" | head -n 150 >"$dir/restore"
list_steps "$dir/restore" | awk '$2 == 1' | draw >"$dir/tried"
while read -r who _ verb name <&3; do
        check "killed: count/0, and on the way back $who at $verb $name" try count/0 "$back" send SNAPSHOT "$who" "$verb" "$name"
done 3<"$dir/tried"

# Begun with the last epoch of a run that was told to end: where that is gone on from, until it has an epoch of its own, is on disk before any step.
# It would take six seconds, and has done a twelfth of its work by then.
sed "s|config: { |&topology.checkpoint.dir: $dir/epochs, |; s|rate: 4000|rate: 400|" "$dir/counts.yaml" >"$dir/told.yaml"
rm -f "$dir/got"
"$squall" run "$dir/told.yaml" >"$dir/said" 2>&1 &
told=$!
has_some() { [ "$(wc -l <"$dir/got")" -gt 200 ]; }
until_true has_some
kill -INT $told
check "a run is told to end" eval 'wait $told; [ $? = 130 ] && [ $(wc -l <"$dir/got") -lt 2400 ] && cp "$dir/got" "$dir/left"'
from=(--from "$dir/epochs")
check "what goes on from it is exact, and has steps" plain
list_steps "$dir/steps/trace" | awk '$2 == 1' >"$dir/anew"
end
draw <"$dir/anew" >"$dir/tried"
while read -r who number verb name <&3; do
        check "begun with that, and killed: $who at $verb $name" try "$who" "$number" "$verb" "$name"
done 3<"$dir/tried"
echo "# $(wc -l <"$dir/list") steps of a run, $(wc -l <"$dir/anew") of one that goes on, $(list_steps "$dir/restore" | awk '$2 == 1' | wc -l) of the way back"
echo "# steps that were not reached in three times: $unreached"
"$squall" supervisor --stop >>"$dir/err" 2>&1
check "in the end no process is left" until_true no_worker
exit $failures
