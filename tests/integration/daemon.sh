#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The daemon: what is submitted runs, whatever happens to the supervisor, and is gone when it is killed.
# The short form takes less than a minute. SQUALL_SUMS, SQUALL_SUMS_RATE: tuples that are counted through rebalances, and a second (0: as fast as it goes).
# SQUALL_KILLS: how often the supervisor is killed at a random instant; SQUALL_ROUNDS: rounds of submit and kill; SQUALL_SEED: of the instants.
# alone
# modes: release asan
source "$(dirname "$0")/supervised"
RANDOM=${SQUALL_SEED:=$$}

# ---- the supervisor and its workers, known by their run directory ----

title() { tr '\0' '\n' 2>/dev/null <"/proc/$1/cmdline" | head -n 1; }
workers_of() { local p; for p in $(workers); do case "$(title "$p") " in "squall: worker $1 "*) echo "$p"; esac; done; }
worker() { local p; for p in $(workers); do case "$(title "$p") " in *" $1 $2 "*) echo "$p"; return 0; esac; done; return 1; }
lines() { local n; n=$(wc -l <"$1" 2>/dev/null) && echo "$n" || echo 0; }
more_lines() { [ "$(lines "$1")" -gt "$2" ]; }

# topology NAME TUPLES RATE: gen -> pass x 2 -> sink, which appends to NAME.tsv
topology() {
        cat >"$dir/$1.yaml" <<YAML
name: $1
config: { supervisor.worker.timeout.secs: 10 }
spouts:
  - { id: gen, component: generate, properties: { count: $2, rate: $3, fields: { n: seq } } }
bolts:
  - { id: pass, component: filter, parallelism: 2, properties: { where: 'true' } }
  - { id: sink, component: write, properties: { path: $1.tsv, mode: append } }
streams:
  - { from: gen, to: pass, grouping: { type: shuffle } }
  - { from: pass, to: sink, grouping: { type: global } }
YAML
}
submit() { "$squall" submit "$dir/$1.yaml" --wait; }
# Every number from 0 on up to the largest one is there.
no_gap() { sort -nu "$1" | awk '$1 != NR - 1 { print "missing: " NR - 1; exit 1 }'; }

for name in steady life finite fresh; do topology $name 0 500; done
topology finite 2000 0

# ---- verbs without a supervisor, and wrong ones ----

for verb in list "status life" "submit $dir/life.yaml" "kill life" "activate life" "deactivate life" "logs life" "supervisor --stop"; do
        check "${verb%% *} exits with status 3 when no supervisor answers" exits_with 3 "$squall" $verb
        check "${verb%% *} has a help" says "usage: squall ${verb%% *}" "$squall" ${verb%% *} --help
done
check "a supervisor starts" start
check "a second one is refused by naming the first" says "pid $supervisor" "$squall" supervisor --state-dir "$dir/state" --socket "$dir/run/squall/other"
check "one with another state directory does not take the socket away" says "another supervisor listens" "$squall" supervisor --state-dir "$dir/state2"
check "the state directory is ours alone" [ "$(stat -c %a "$dir/state")" = 700 ]
mkdir -m 755 "$dir/open"
check "a socket in a directory that is open to others is refused" says "must be ours alone" "$squall" supervisor --state-dir "$dir/state2" --socket "$dir/open/commands"
check "a list without topologies is empty" [ "$("$squall" list --json)" = "[]" ]
check "a second one exits with status 2" exits_with 2 "$squall" supervisor --state-dir "$dir/state" --socket "$dir/run/squall/other"
# short_of_files FUNCTION: with 4, 5, ... descriptors, until it does its work; before that it says what it lacks. With fewer nothing can be loaded.
short_of_files() {
        local n out status
        for ((n = 4; n < 100; n++)); do
                out=$("$1" $n 2>&1)
                status=$?
                [ $status -ne 0 ] || return 0
                case $status:$out in 1:*"Too many open files"*) ;; *) echo "$n files: status $status, $out"; return 1 ;; esac
        done
        echo "it never works"
        return 1
}
list_with() { (ulimit -n "$1" && exec "$squall" list); }
supervise_with() {
        (ulimit -n "$1" && exec "$squall" supervisor --state-dir "$dir/few" --socket "$dir/few.run/commands") &
        until_true gone_or_stopped $!
        wait $!
}
gone_or_stopped() { [ ! -d /proc/$1 ] || "$squall" supervisor --stop --socket "$dir/few.run/commands"; }
check "a verb with too few descriptors says so" short_of_files list_with
check "a supervisor with too few descriptors says so" short_of_files supervise_with
check "a wrong topology file is refused before it is submitted" exits_with 2 "$squall" submit tests/broken/unknown_keys.yaml

# ---- a topology's life ----

check "a topology is submitted, and its name is printed" [ "$(submit steady)" = steady ]
check "it runs" is_in_state steady running
check "the same name again is refused" exits_with 2 "$squall" submit "$dir/steady.yaml"
check "another name for it is not" [ "$("$squall" submit "$dir/life.yaml" --name life-2 --wait)" = life-2 ]
check "a wrong name gets the nearest one" says "did you mean 'steady'?" "$squall" status steedy
check "a wrong name is bad usage" exits_with 2 "$squall" kill steedy
check "killing it at once leaves no worker of it" eval '"$squall" kill life-2 --wait 0 && [ -z "$(workers_of life-2)" ]'
check "the folder of a submitted file may go" rm "$dir/steady.yaml"
check "its status names every task with its process" eval 'for t in gen/0 pass/0 pass/1 sink/0; do
        "$squall" status steady --json | grep -q "\"task\":\"$t\",\"worker\":[0-9]*,\"pid\":$(worker steady $t)," || exit 1; done'
submit life >/dev/null
check "deactivated it emits nothing more" eval '"$squall" deactivate life && is_in_state life inactive && until_true eval "n=\$(lines $dir/life.tsv);
        nap 0.3; [ \$n -eq \$(lines $dir/life.tsv) ]"'
kill -KILL "$(worker life gen/0)"
before=$(lines "$dir/life.tsv")
check "a restarted spout of it stays off" eval 'until_true says "\"incarnation\":1" "$squall" status life --json; until_true says "gen/0" worker life gen/0
        until_true says "back" "$squall" logs life; [ "$(lines $dir/life.tsv)" -le $((before + 1)) ]'
check "deactivate says what it has done" says "life: its spouts are off" "$squall" deactivate life
check "activate says what it has done" says "life: its spouts are on" "$squall" activate life
"$squall" deactivate life >/dev/null
check "list --names prints the names and nothing else" eval '! "$squall" list --names | grep -q "[: ]" && "$squall" list --names | grep -qx life'
check "activated it goes on" eval '"$squall" activate life && until_true more_lines "$dir/life.tsv" $((before + 100))'
check "the status tells how a worker died" says "killed by signal 9" "$squall" status life
check "the log tells it too" says "killed by signal 9" "$squall" logs life supervisor --level warning
check "the log as JSON is an object a line" eval '"$squall" logs life --json | grep -q "^{\"time\":\".*\"level\":\"warning\",\"topology\":\"life\",\"component\":null,\"task\":\"supervisor\".*}$"'
check "the log of a component that is not there is refused with the nearest" says "did you mean 'sink'?" "$squall" logs life sin
"$squall" logs life -f >"$dir/follow" & follow=$!
check "a topology is killed" eval '[ "$("$squall" kill life)" = life ] && [ -z "$(workers_of life)" ]'
check "nothing it had emitted is lost by that" no_gap "$dir/life.tsv"
check "who follows its log is let go" wait $follow
check "and nothing of it is left" eval '[ ! -e "$dir/state/topologies/life" ] && [ "$(ls -d "$XDG_RUNTIME_DIR"/squall/top-* | wc -l)" = 1 ]'
check "a finite topology is finished by itself, and stays in the list" eval 'submit finite && until_true is_in_state finite finished'
check "it is complete" [ "$(lines "$dir/finite.tsv")" = 2000 ]
check "it may be submitted anew" eval 'submit finite && until_true is_in_state finite finished && [ "$(lines "$dir/finite.tsv")" = 4000 ]'
sed 's/component: write, properties: .*/component: write, properties: { path: \/nowhere\/at\/all } }/' "$dir/fresh.yaml" >"$dir/broken.yaml"
check "one that cannot start fails, with the cause" says "/nowhere/at/all" "$squall" submit "$dir/broken.yaml" --name broken --wait
check "and is listed as failed" is_in_state broken failed
"$squall" kill broken >/dev/null

# ---- another plan for a running topology ----

pids_of() { local name=$1 t; shift; for t in "$@"; do worker "$name" "$t"; done; }
others=$(pids_of steady gen/0 sink/0)
check "a stateless bolt gets another parallelism while the topology runs" eval '"$squall" rebalance steady --component pass=4 && [ "$(workers_of steady | wc -l)" = 6 ]'
check "and back" eval '"$squall" rebalance steady --component pass=2 && [ "$(workers_of steady | wc -l)" = 4 ]'
check "the workers of its other components are the same processes as before" [ "$(pids_of steady gen/0 sink/0)" = "$others" ]
check "that of a spout is refused" says "the parallelism of the spout 'gen' cannot change" "$squall" rebalance steady --component gen=2
check "a component that is not there is refused with the nearest" says "did you mean 'pass'?" "$squall" rebalance steady --component pas=2
topology steady 0 500
sed -i "s/'true'/n >= 0/" "$dir/steady.yaml"
check "a new version of the file is rolled in, and who is started anew is told" \
        eval '"$squall" update steady "$dir/steady.yaml" 2>"$dir/update.said" && grep -q "2 of 4 workers go on as they are; started anew: pass (2)$" "$dir/update.said" &&
                grep -q "n >= 0" "$dir/state/topologies/steady/topology.yaml"'
check "by new processes for the component that differs alone" [ "$(pids_of steady gen/0 sink/0)" = "$others" ]
sed 's/path: steady.tsv/path: \/nowhere\/at\/all/' "$dir/steady.yaml" >"$dir/worse.yaml"
check "one that does not come up is rolled back, with the cause" says "rolled back: sink/0: /nowhere/at/all" "$squall" update steady "$dir/worse.yaml"
before=$(lines "$dir/steady.tsv")
check "and the one before it goes on" until_true more_lines "$dir/steady.tsv" $((before + 200))
sums_yaml() {
        cat <<YAML
name: sums
spouts: [ { id: gen, component: generate, properties: { count: ${SQUALL_SUMS:=3000000}, rate: ${SQUALL_SUMS_RATE:=30000}, seed: 7, fields: { k: uniform 1 5000 } } } ]
bolts:
  - { id: sum, component: $1, parallelism: 2, properties: { by: [k]$2 } }
  - { id: sink, component: write, properties: { path: sums.tsv } }
streams:
  - { from: gen, to: sum, grouping: { type: $3, args: [k] } }
  - { from: sum, to: sink, grouping: { type: global } }
YAML
}
# What is changed is in the midst of its work, however long that takes: only then it is let go on as fast as it can.
sums_yaml count ', emit: end' fields >"$dir/sums.yaml"
sed 's/, rate: [0-9]*//' "$dir/sums.yaml" >"$dir/fast.yaml"
sed 's/sums.tsv/want.tsv/' "$dir/fast.yaml" >"$dir/want.yaml"
"$squall" run "$dir/want.yaml" >/dev/null 2>&1
"$squall" submit "$dir/sums.yaml" --wait >/dev/null
others=$(pids_of sums gen/0 sink/0)
check "a counting bolt gets more tasks while it counts" eval '"$squall" rebalance sums --component sum=5 && [ "$(workers_of sums | wc -l)" = 7 ]'
check "and fewer" eval '"$squall" rebalance sums --component sum=1 && [ "$(workers_of sums | wc -l)" = 3 ]'
check "which its source and its sink do not notice" [ "$(pids_of sums gen/0 sink/0)" = "$others" ]
check "it goes on counting after the supervisor was stopped and started" eval '"$squall" supervisor --stop && no_worker && start && until_true is_in_state sums running'
check "and every count is exact at the end" eval '"$squall" update sums "$dir/fast.yaml" && until_true is_in_state sums finished && sort "$dir/sums.tsv" | cmp - <(sort "$dir/want.tsv") && [ -s "$dir/want.tsv" ]'
"$squall" kill sums >/dev/null
sed -i 's/count: [0-9]*/count: 0/; s/rate: [0-9]*/rate: 2000/' "$dir/sums.yaml"
counted() { awk '{ sum += $2 } END { print sum + 0 }' "$dir/sums.tsv"; }
acked() { "$squall" status sums --json | tr '{' '\n' | sed -n 's/.*"id":"gen",.*"acked":\([0-9]*\).*/\1/p'; }
"$squall" submit "$dir/sums.yaml" --wait >/dev/null
until_true eval '[ "$(acked)" -gt 200 ]'
held=$(worker sums sum/0)
kill -STOP "$held" # the drain cannot end
"$squall" supervisor --stop & stopping=$!
until_true grep -q "draining" "$dir/state/topologies/sums/log"
kill_supervisor
wait $stopping 2>/dev/null
kill -CONT "$held"
check "a supervisor that is killed while it stops has not finished its topologies" eval 'start && until_true is_in_state sums running && [ "$(workers_of sums | wc -l)" = 4 ]'
until_true eval '[ "$(acked)" -gt 500 ]'
at=$(acked)
held=$(worker sums sink/0)
kill -STOP "$held"
"$squall" rebalance sums --component sum=3 >/dev/null 2>&1 & changing=$!
until_true is_in_state sums updating
"$squall" kill sums & killing=$!
until_true is_in_state sums stopping
kill -CONT "$held"
check "one that is killed while its plan changes finishes first" eval 'wait $killing && [ "$(counted)" -ge "$at" ]'
wait $changing
sed 's/emit: end/emit: change/; s/type: fields, args: .k./type: shuffle/; s/rate: [0-9]*/rate: 100/' "$dir/sums.yaml" >"$dir/shuffled.yaml"
"$squall" submit "$dir/shuffled.yaml" --wait >/dev/null
check "state that no task would own is not moved without being asked" says "no task owns a key" "$squall" rebalance sums --component sum=3
check "but is lost when that is said" eval '"$squall" rebalance sums --component sum=1 --lose-state && [ "$(workers_of sums | wc -l)" = 3 ]; "$squall" kill sums --wait 0'

# ---- the supervisor dies ----

pids=$(workers_of steady | sort)
kill_supervisor
before=$(lines "$dir/steady.tsv")
check "when the supervisor is killed the workers go on" until_true more_lines "$dir/steady.tsv" $((before + 200))
check "the next one adopts them" start
check "the topology has not been restarted" eval 'until_true is_in_state steady running && [ "$(workers_of steady | sort)" = "$pids" ]'
check "what had finished is still finished" is_in_state finite finished
kill_supervisor
victim=$(worker steady pass/1)
kill -KILL "$victim"
check "a worker that died meanwhile is started again" eval 'start && until_true worker steady pass/1 && [ "$(worker steady pass/1)" != "$victim" ]'
check "the others are not" eval 'for p in $(workers_of steady); do [ "$p" = "$(worker steady pass/1)" ] || case " $(echo $pids) " in *" $p "*) ;; *) exit 1; esac; done'
before=$(lines "$dir/steady.tsv")
check "and the work goes on" until_true more_lines "$dir/steady.tsv" $((before + 200))
"$squall" deactivate steady
kill_supervisor
check "an inactive topology is adopted as inactive" eval 'start && until_true is_in_state steady inactive'
kill_supervisor
pids=$(workers_of steady | sort)
from=$(tr '\0 ' '\n\n' <"/proc/${pids%%$'\n'*}/cmdline" | grep '/top-')/from
epoch=$(od -An -tu8 -j32 -N8 "$from" | tr -d ' ')
printf '\377' | dd of="$from" bs=1 seek=30 conv=notrunc 2>/dev/null
check "where it is damaged which snapshot a run began from, that is named, and nothing is ended" eval 'start && until_true is_in_state steady waiting && says "/from: the file is damaged" cat "$dir/err" && [ "$(workers_of steady | sort)" = "$pids" ]'
kill_supervisor
printf %s "$epoch" >"$from"
check "as a number, which it was before, it is read" eval 'start && until_true is_in_state steady inactive && [ "$(workers_of steady | sort)" = "$pids" ]'
"$squall" activate steady
kill_supervisor
printf 'garbage' | dd of="$dir/state/topologies/steady/record" bs=1 seek=30 conv=notrunc 2>/dev/null
check "a torn record is noticed, said, and the one before it used" eval 'start && says "record was damaged" cat "$dir/err" && until_true is_in_state steady inactive'
"$squall" activate steady
check "with --stop --leave the supervisor goes and the workers stay" eval '"$squall" supervisor --stop --leave && [ "$(workers_of steady | wc -l)" = 4 ]'
check "and the next one has them" eval 'start && until_true is_in_state steady running'
before=$(lines "$dir/steady.tsv")
check "stopped, it ends every worker, and leaves no run directory and no socket" \
        eval '"$squall" supervisor --stop && no_worker && [ -z "$(find "$XDG_RUNTIME_DIR" -mindepth 1 -not -path "$XDG_RUNTIME_DIR/squall")" ]'
check "started again it goes on where it was" eval 'start && until_true is_in_state steady running && until_true more_lines "$dir/steady.tsv" $((before + 200))'
kill $supervisor
check "SIGTERM is the same as --stop" eval 'wait $supervisor && no_worker'
start
sed -i 's/, mode: append//' "$dir/life.yaml"
submit life >/dev/null
until_true more_lines "$dir/life.tsv" 200
"$squall" supervisor --stop
before=$(lines "$dir/life.tsv")
start
check "a file that is truncated at the start is not when the supervisor is started again" \
        eval 'until_true more_lines "$dir/life.tsv" $((before + 100)) && "$squall" kill life && no_gap "$dir/life.tsv"'
check "after all of this nothing was lost" eval '"$squall" kill steady && no_gap "$dir/steady.tsv"'

# ---- the supervisor is killed at random instants ----

declare -A model=([a]=gone [b]=gone)
count_of() { case $1 in gone) echo 0 ;; *) echo 4 ;; esac; }
has_workers() { [ "$(workers_of "$1" | wc -l)" = "$(count_of "$2")" ]; }
# is_now NAME STATE...: one of these, which $seen is then
is_now() {
        local now
        now=$(state "$1")
        for seen in "${@:2}"; do [ "$now" != "${seen/gone/}" ] || return 0; done
        return 1
}
# One random operation; what it must have come to if it says that it is done, and what it may have come to if not.
operate() {
        local name=$1 before=${model[$1]} after
        after=$before
        case $before:$((RANDOM % 5)) in
                gone:*) after=running; "$squall" submit "$dir/$name.yaml" ;;
                *:1) "$squall" update "$name" "$dir/$name-2.yaml" ;;
                *:2) "$squall" rebalance "$name" --component pass=2 ;;
                *:0) after=gone; "$squall" kill "$name" --wait $((RANDOM % 2 * 5)) ;;
                running:*) after=inactive; "$squall" deactivate "$name" ;;
                *) after=running; "$squall" activate "$name" ;;
        esac >/dev/null 2>&1
        echo "$? $before $after" >"$dir/op-$name"
}
one_instant() {
        local name status before after jobs=() seen
        for name in a b; do operate $name & jobs+=($!); done
        nap "0.$(printf %03d $((RANDOM % 150)))"
        kill_supervisor
        [ $((RANDOM % 4)) = 0 ] && { "$squall" supervisor --state-dir "$dir/state" >>"$dir/err" 2>&1 & supervisor=$!
                nap "0.0$((RANDOM % 90 + 10))"; kill_supervisor; } # in the middle of its own start
        start || { echo "the supervisor does not start"; return 1; }
        wait "${jobs[@]}"
        for name in a b; do
                read -r status before after <"$dir/op-$name"
                [ "$status" = 0 ] || after="$after $before"
                until_true is_now $name $after || { echo "$name: was $before, status $status, should be $after, is '$(state $name)'"; return 1; }
                until_true has_workers $name "$seen" || { echo "$name: $seen, with $(workers_of $name | wc -l) workers"; return 1; }
                model[$name]=$seen
        done
}
instants() {
        for ((i = 0; i < $1; i++)); do one_instant || { echo "at instant $i of seed $SQUALL_SEED"; return 1; }; done
}
for name in a b; do
        topology $name 0 100
        sed "s/'true'/n >= 0/" "$dir/$name.yaml" >"$dir/$name-2.yaml"
done
check "killed at ${SQUALL_KILLS:=4} random instants, every operation has happened wholly or not at all" instants "$SQUALL_KILLS"
for name in a b; do [ ${model[$name]} = gone ] || "$squall" kill $name --wait 0 >/dev/null; done

# ---- many rounds ----

fds() { ls "/proc/$supervisor/fd" | wc -l; }
rss() { awk '/VmRSS/ { print $2 }' "/proc/$supervisor/status"; }
rounds() { for ((i = 0; i < $1; i++)); do "$squall" submit "$dir/a.yaml" && "$squall" kill a --wait $((i % 2 * 5)) || return 1; done; }
check "a topology is submitted and killed ten times" rounds 10
before=$(fds) memory=$(rss)
check "and ${SQUALL_ROUNDS:=10} times more" rounds "$SQUALL_ROUNDS"
echo "# before and after $SQUALL_ROUNDS rounds: $before and $(fds) files open, $memory and $(rss) KiB resident"
check "the supervisor has no more files open than before" [ "$(fds)" -le "$before" ]
# A sanitizer keeps what is freed for a while.
[ "${SQUALL_TEST_MODE:-release}" != release ] || check "and no more memory" [ "$(rss)" -le $((memory + memory / 4 + 512)) ]
"$squall" supervisor --stop
export SQUALL_SOCKET=$dir/commands
start
check "a topology begins where the last one took the folder of the run directories with it" rounds 2
check "the end is clean" eval '"$squall" supervisor --stop && no_worker && [ -z "$(find "$XDG_RUNTIME_DIR" -mindepth 1 -not -path "$XDG_RUNTIME_DIR/squall")" ]'
exit $failures
