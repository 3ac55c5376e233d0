#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A hand-over that is cut short at each of its steps, by kill -9 of who comes to it or by a disk that is full from there on (steps.c): a stop and a
# start, a rebalance, an update. A word count of the built-ins goes through it; its result is held against one reckoned without Squall.
# SQUALL_OPERATIONS: which hand-overs (stop rebalance update); for the others see `stepped`.
# alone
# modes: release
source "$(dirname "$0")/stepped"
patience=10

# ---- the word count ----

words=20000
awk -v n=$words 'BEGIN { for (i = 0; i < n; i++) print "w" (i * i) % 997 }' >"$dir/words"
sort "$dir/words" | uniq -c | awk '{ print $2 "\t" $1 }' | sort >"$dir/want"
yaml() { # the number of count's tasks
        cat <<YAML
name: counts
spouts: [ { id: lines, component: file, properties: { path: "$dir/words", rate: 10000 } } ]
bolts:
  - { id: count, component: count, parallelism: $1, properties: { by: [line], emit: end } }
  - { id: sink, component: write, properties: { path: "$dir/got", mode: append } }
streams:
  - { from: lines, to: count, grouping: { type: fields, args: [line] } }
  - { from: count, to: sink, grouping: { type: global } }
YAML
}
yaml 2 >"$dir/counts.yaml"
yaml 3 >"$dir/next.yaml"
counts() { "$squall" status counts --json | grep -q '"keys":[1-9]'; }
begin() { # [FILE]
        rm -f "$dir/got"
        "$squall" submit "${1:-$dir/counts.yaml}" --wait >/dev/null && until_true counts
}
# Exact. Where a worker was killed its keys may be gone, which is said then, and its tuples come twice, at least once.
is_right() { # WHO
        until_true is_over || { echo "it hangs: $("$squall" list)"; return 1; }
        [ "$(state)" = finished ] || [ "$1" = supervisor ] || return 0
        [ "$(state)" = finished ] || { "$squall" status counts; return 1; }
        if [ "$1" = supervisor ]; then sort "$dir/got"; else awk 'NR == FNR { want[$1] = $2; next } $2 > max[$1] { max[$1] = $2 }
                END { for (w in max) print w "\t" (max[w] > want[w] && w in want ? want[w] : max[w]) }' "$dir/want" "$dir/got" | sort; fi | diff - "$dir/want" >"$dir/diff" || { wc -l "$dir/diff"; head -n 5 "$dir/diff"; "$squall" status counts; return 1; }
}
end() { "$squall" kill counts --wait 0 >/dev/null; }

# ---- the hand-overs ----

# Who waits for room in vain is not waited for: there is some when the step has been tried.
patiently() { timeout "$patience" "$squall" "$@"; }
is_dead_soon() { # or lives on, for it found no room
        local deadline=$((SECONDS + patience))
        until is_dead; do
                [ $SECONDS -lt $deadline ] || return 1
                nap 0.02
        done
}
stop() {
        patiently supervisor --stop
        echo "stopped: $?"
        is_dead_soon || return 0
        start
}
rebalance() { patiently rebalance counts --component count=3; }
update() { patiently update counts "$dir/next.yaml"; }
counts_or_is_over() { counts || is_over; }
goes_on() { until_true counts_or_is_over; }

# What a hand-over comes to, once: lines "WHO NUMBER WHAT".
list_steps() { # OPERATION
        begin
        : >"$dir/steps/trace"
        arm
        "$1" >/dev/null 2>&1
        goes_on
        disarm
        end
        awk '{ print $1, ++n[$0], $2, $3 }' "$dir/steps/trace" | name_types
}
# One that comes when the words are counted already goes through few steps, and reaches none that is to be tried.
list_all_steps() { # OPERATION
        local again
        for again in 1 2 3 4 5; do
                list_steps "$1" >"$dir/list"
                ! grep -q "^count/0 .* send SNAPSHOT" "$dir/list" || return 0
        done
}
try() { # OPERATION WHO HOW NUMBER VERB NAME
        local again
        for again in 1 2 3; do
                try_once "$@" || return
                [ ! -e "$dir/steps/struck" ] || return 0
        done
        unreached=$((unreached + 1))
}
try_once() {
        local who=$2 how=$3 r
        rm -f "$dir/steps/struck"
        begin || { echo "does not begin"; return 1; }
        if [ "$5" = send ]; then arm "${@:2:4}" "$(number_of "$6")"; else arm "${@:2}"; fi
        { "$1"; goes_on; } >"$dir/said" 2>&1
        disarm
        lives || { wait $supervisor; start; } 2>/dev/null
        [ "$how" = kill ] || who=supervisor # no room is no reason to lose anything
        is_right "$who"
        r=$?
        [ $r = 0 ] || { cat "$dir/said"; "$squall" logs counts | tail -n 20; }
        end
        return $r
}

# The second rename of the one beside is the way back.
way_back() {
        sed 's/component: write, properties: .*/component: write, properties: { path: \/nowhere\/at\/all } }/' "$dir/counts.yaml" >"$dir/worse.yaml"
        sed 's/rate: 10000/rate: 4000/' "$dir/counts.yaml" >"$dir/slower.yaml" # not over before the update is put together
        rm -f "$dir/steps/struck"
        begin "$dir/slower.yaml" && arm supervisor full 2 rename .next-counts
        timeout 60 "$squall" update counts "$dir/worse.yaml" >"$dir/said" 2>&1
        local r=$?
        cat "$dir/said"
        [ $r = 1 ] && [ -e "$dir/steps/struck" ] && grep -q "sink/0: /nowhere/at/all.*cannot be rolled back yet: No space left" "$dir/said" && "$squall" status counts | grep -q "cannot be rolled back yet"
}
there_is_room() {
        disarm
        is_right supervisor && end
}

start
check "an update that fails where there is no room for the way back says both" way_back
check "and the former version goes on when there is room" there_is_room
echo "# SQUALL_SEED=$seed"
for operation in ${SQUALL_OPERATIONS:-stop rebalance update}; do
        list_all_steps $operation
        check "a $operation has steps of its supervisor and of its workers" eval 'grep -q "^supervisor .* rename" "$dir/list" && grep -q "^count/0 .* send SNAPSHOT" "$dir/list"'
        for how in kill full; do
                awk -v how=$how 'how == "kill" || ($3 != "send" && $3 != "spawn" && $3 != "remove")' "$dir/list" | grep -F -e "$only" |
                        if [ "$steps" = all ]; then cat; else shuf -n "$steps" --random-source=<(yes "$seed"); fi >"$dir/tried"
                while read -r who number what <&3; do
                        check "a $operation, $how: $who at $what, $number" try $operation "$who" $how "$number" $what
                done 3<"$dir/tried"
        done
done
echo "# steps that were not reached in three times: $unreached"
"$squall" supervisor --stop >>"$dir/err" 2>&1
check "in the end no process is left" until_true no_worker
exit $failures
