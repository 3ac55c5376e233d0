#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Under exactly-once each tuple counts once, whoever dies: with the built-ins that users use, against a count made by
# awk. `count` emits each number that a word reaches, so that a tuple that is lost or counted twice shows as a line.
#
#     SQUALL_SEED=N     the instants (1)      SQUALL_KILLS=N     kills in a run (4)
source "$(dirname "$0")/supervised"

RANDOM=${SQUALL_SEED:-1} kills=${SQUALL_KILLS:-4}
awk 'BEGIN { srand(7); for (i = 0; i < 6000; i++) { s = ""; for (w = 0; w < 8; w++) s = s (w ? " " : "") "w" int(400 * rand() * rand()); print s } }' >"$dir/text"
tr ' ' '\n' <"$dir/text" | awk '{ print $1 "\t" ++n[$1] }' | sort >"$dir/want"

# topology NAME [PROPERTY-OF-WRITE]...
topology() {
        cat <<YAML
name: $1
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 60${config:+, $config} }
spouts: [{ id: lines, component: file, properties: { path: $dir/text, format: lines, rate: ${rate:-3000} } }]
bolts:
  - { id: split, component: split, parallelism: 2 }
  - { id: count, component: count, parallelism: 2 }
  - { id: write, component: write, properties: { path: $dir/$1.tsv${2:+, $2} } }
streams:
  - { from: lines, to: split, grouping: { type: shuffle } }
  - { from: split, to: count, grouping: { type: fields, args: [word] } }
  - { from: count, to: write, grouping: { type: global } }
YAML
}
exact() { sort "$dir/$1.tsv" | cmp - "$dir/want" || { wc -l "$dir/$1.tsv" "$dir/want"; return 1; }; }
breathe() { nap "0.$((RANDOM % 3))$((RANDOM % 10))1"; }
one_of() { [ $# -eq 0 ] || eval "echo \${$((RANDOM % $# + 1))}"; }

# ---- Who cannot keep the promise ---------------------------------------------------------------------
# What no built-in spout but these does: emit again what came after an epoch, without acks.
only_these_promise() {
        local name promising=
        for name in $("$squall" components --json | tr '{' '\n' | sed -n 's/.*"name":"\([a-z]*\)","kind":"spout".*/\1/p'); do
                printf '%s\n' "name: x" "config: { topology.delivery: exactly-once }" "spouts: [{ id: in, component: $name }]" \
                        'bolts: [{ id: out, component: "null" }]' "streams: [{ from: in, to: out, grouping: { type: shuffle } }]" >"$dir/x.yaml"
                "$squall" check "$dir/x.yaml" 2>&1 | grep -q "which exactly-once needs" || promising+="$name "
        done
        echo "$promising"
        [ "$promising" = "drpc file generate " ]
}
check "of the built-in spouts file, generate and, with a warning, drpc take part, the others are refused" only_these_promise

# ---- Workers of a run in the foreground --------------------------------------------------------------
# killed NAME ONE-OR-ALL: runs it, and kills its workers
killed() {
        local i pids run
        "$squall" run "$dir/$1.yaml" --json >"$dir/$1.json" 2>"$dir/$1.err" &
        run=$!
        for ((i = 0; i < kills; i++)); do
                breathe
                pids=$(pgrep -P $run -f 'squall: worker')
                [ "$2" = all ] || pids=$(one_of $pids)
                [ -z "$pids" ] || kill -KILL $pids 2>/dev/null
        done
        wait $run
}

topology one >"$dir/one.yaml"
check "a run whose workers are killed one by one ends well" killed one one
check "with each tuple counted once" exact one
topology at-once 'visible: commit' >"$dir/at-once.yaml"
check "so does one whose workers are killed all at once, its lines shown at their commit" killed at-once all
check "with each tuple counted once there" exact at-once
config='topology.workers: 2' topology packed >"$dir/packed.yaml"
check "and one with its tasks packed into two" killed packed one
check "with each tuple counted once in those" exact packed

# A sanitizer on a busy machine: a task may not be through in five seconds, and its process is not waited for.
is_slow() { [ "${SQUALL_TEST_MODE:-}" = asan ]; }
# worker_of RUN TASK: the pid of the worker of a run in the foreground
worker_of() { pgrep -P "$1" -f "squall: worker .* $2"; }
back() { grep -c "tasks are back, from the last epoch" "$dir/$1.err"; }
has_come_back() { [ "$(back "$1")" -ge "$2" ]; }
flows() { [ "$(wc -l <"$dir/$1.tsv")" -gt 1000 ]; }
in_place() {
        local run i pids
        "$squall" run "$dir/in-place.yaml" >"$dir/in-place.said" 2>"$dir/in-place.err" &
        run=$!
        until_true flows in-place || return
        pids="$(worker_of $run lines/0) $(worker_of $run split/1) $(worker_of $run write/0)"
        for i in 1 2 3; do
                kill -KILL "$(worker_of $run count/0)" && until_true has_come_back in-place $i || return
        done
        is_slow || [ "$pids" = "$(worker_of $run lines/0) $(worker_of $run split/1) $(worker_of $run write/0)" ] || return
        wait $run
}
rate=1000 topology in-place >"$dir/in-place.yaml"
check "who survives the death of another goes on in its process" in_place
check "with each tuple counted once in place" exact in-place

# Each number goes round three times; what is in the feedback channels when an epoch is made is part of it.
cat >"$dir/round.yaml" <<YAML
name: round
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 60 }
spouts: [{ id: numbers, component: generate, properties: { count: 4000, rate: 2000, fields: { n: seq, hops: const 0 } } }]
bolts:
  - { id: hop, component: map, parallelism: 2, properties: { emit: [{ n: n }, { hops: hops + 1 }] } }
  - { id: again, component: filter, parallelism: 2, properties: { where: hops < 3 } }
  - { id: done, component: filter, properties: { where: hops >= 3 } }
  - { id: write, component: write, properties: { path: $dir/round.tsv } }
streams:
  - { from: numbers, to: hop, grouping: { type: shuffle } }
  - { from: hop, to: again, grouping: { type: shuffle } }
  - { from: again, to: hop, grouping: { type: shuffle } }
  - { from: hop, to: done, grouping: { type: shuffle } }
  - { from: done, to: write, grouping: { type: global } }
YAML
all_round() { sort -n "$dir/round.tsv" | awk '$1 != NR - 1 || $2 != 3 { print "line " NR ": " $0; exit 1 } END { exit NR != 4000 }'; }
check "a cycle whose workers are killed ends well" killed round one
check "and each tuple has come round as often as it should" all_round

# ---- A run that dies itself, and goes on -------------------------------------------------------------
config="topology.checkpoint.dir: $dir/epochs" topology again >"$dir/again.yaml"
runs_on() { "$squall" run "$dir/again.yaml" "$@" >"$dir/again.said" 2>&1; }
has_epoch() { [ -n "$(find "$dir/epochs" -maxdepth 1 -name '[0-9]*')" ]; }
ends_by_force() {
        local i run
        for i in 1 2 3; do
                "$squall" run "$dir/again.yaml" $([ $i = 1 ] || echo --from "$dir/epochs") >"$dir/again.said" 2>&1 &
                run=$!
                until_true has_epoch
                breathe
                kill -KILL $run
                wait $run
        done 2>/dev/null
        return 0
}
check "a run that is killed with all of its own" ends_by_force
check "goes on from where its folder says" runs_on --from "$dir/epochs"
check "with each tuple counted once by all of them" exact again
sed 's/id: split,/id: parts,/; s/from: split/from: parts/; s/to: split/to: parts/' "$dir/again.yaml" >"$dir/other.yaml"
rm -rf "$dir/epochs" "$dir/again.tsv"
"$squall" run "$dir/again.yaml" >"$dir/again.said" 2>&1 &
run=$!
has_lines() { [ "$(wc -l <"$dir/again.tsv")" -gt 2000 ]; }
until_true has_lines
{ kill -KILL $run; wait $run; } 2>/dev/null
check "another topology does not take up what was on its way in this one" says "an epoch of a topology that was under way, with other components" \
        "$squall" run "$dir/other.yaml" --from "$dir/epochs"

sed 's/to: split, grouping: { type: shuffle }/to: split, grouping: { type: global }/' "$dir/again.yaml" >"$dir/rewired.yaml"
check "nor does one of the same components and other groupings" says "between the tasks of another topology, whose streams, fields or groupings are others" \
        "$squall" run "$dir/rewired.yaml" --from "$dir/epochs"
check "which is refused before anything is started" exits_with 2 "$squall" run "$dir/rewired.yaml" --from "$dir/epochs"
# Its epochs have their plans beside them.
cp -r "$dir/epochs" "$dir/foreign"
sed "s|dir: $dir/epochs|dir: $dir/rewired|; s|$dir/again.tsv|$dir/rewired.tsv|" "$dir/rewired.yaml" >"$dir/rewired-too.yaml"
"$squall" run "$dir/rewired-too.yaml" --for 0.3 >"$dir/again.said" 2>&1
for epoch in "$dir/foreign"/[0-9]*; do cp "$dir/rewired/plan" "$epoch/plan"; done
check "a plan of the same components that was put there is found out" says "plan is of another topology" "$squall" savepoint show "$dir/foreign"
cp --remove-destination "$dir/rewired/plan" "$dir/epochs/plan"
check "the plan beside the epochs is that of the next run, before this has an epoch" says "savepoint of again" "$squall" savepoint show "$dir/epochs"

# What such a worker still writes would come behind the epoch that the next run goes on from.
rm -rf "$dir/epochs" "$dir/again.tsv"
"$squall" run "$dir/again.yaml" >"$dir/again.said" 2>&1 &
run=$!
until_true has_lines
stopped=$(pgrep -P $run -f 'squall: worker again write/0')
{ kill -STOP $stopped; kill -KILL $run; wait $run; } 2>/dev/null
check "while a worker of a run that was killed has not ended, nobody goes on from its epochs" says "has not ended" \
        "$squall" run "$dir/again.yaml" --from "$dir/epochs"
kill -CONT $stopped
check "when it has, the next run does" runs_on --from "$dir/epochs"
check "with each tuple counted once by both" exact again

# ---- Under the daemon --------------------------------------------------------------------------------
is_over() { [ "$(state "$1")" = finished ]; }
more_of() { [ "$(wc -l <"$dir/$1.tsv")" -gt "$2" ]; }
start
config="topology.checkpoint.dir: $dir/nowhere" topology placed >"$dir/placed.yaml"
elsewhere() { "$squall" submit "$dir/placed.yaml" && "$squall" kill placed --wait 0 && [ ! -e "$dir/nowhere" ]; }
check "a folder for epochs, which is for run alone, is told of as such" says "'topology.checkpoint.dir' is for \`squall run\`: a supervisor" elsewhere
topology daemon >"$dir/daemon.yaml"
"$squall" submit "$dir/daemon.yaml" >/dev/null
dies() {
        local i
        for ((i = 0; i < 3; i++)); do
                breathe
                kill_supervisor
                [ $i != 1 ] || kill -KILL $(one_of $(workers)) 2>/dev/null
                start || return
        done
}
check "the supervisor is killed, and a worker without it" dies
check "the topology finishes" until_true is_over daemon
check "with each tuple counted once by whichever supervisor" exact daemon

rate=1000 topology kept >"$dir/kept.yaml"
"$squall" submit "$dir/kept.yaml" >/dev/null
others() { pid kept lines/0; pid kept split/0; pid kept write/0; }
runs_again() { { is_slow || [ "$(others)" = "$pids" ]; } && [ "$(pid kept count/0)" != "$victim" ] && [ "$(state kept)" = running ]; }
stays() {
        until_true more_of kept 1000 && pids=$(others) victim=$(pid kept count/0) && [ "$victim" -gt 0 ] && kill -KILL "$victim" && until_true runs_again &&
                kill_supervisor && start
}
check "under the daemon, too, the survivors keep their processes, which the next supervisor finds" stays
check "the topology of theirs finishes" until_true is_over kept
check "with each tuple counted once by them" exact kept

rate=1000 topology moved >"$dir/moved.yaml"
"$squall" submit "$dir/moved.yaml" >/dev/null
moves() {
        until_true more_of moved 1000 && says "moved: all 6 workers are started anew" "$squall" rebalance moved -p count=3 && stop && start &&
                until_true more_of moved "$(wc -l <"$dir/moved.tsv")" && kill -KILL $(one_of $(workers))
}
check "it is rebalanced, stopped, started and killed" moves
check "the rebalanced one finishes" until_true is_over moved
check "with each tuple counted once by all its tasks" exact moved
stop
exit $failures
