# SPDX-License-Identifier: Apache-2.0
# Workers, runs and supervisors that are killed, or stopped. Scenarios of tests/faults/run, which sources this.

tasks=(sent/0 pass/0 pass/1 got/0 got/1)
strike_any() { local task; draw_of task "${tasks[@]}"; strike "$task" 9; }

scenario_control() {
        COUNT=300000 RATE=0 topology
        begin
        check "a run without faults ends with 0" ended 60
        verdict "a run without faults has no duplicate and keeps the order of each key" "duplicates == 0" "disordered == 0" "sent == 300000" "gaps == 0"
}

scenario_kill() {
        topology
        start
        for _ in $(seq "${1:-5}"); do
                pause_between 0 "${2:-6000}"
                strike_any
        done
        pause 1
        drain
        verdict "nothing is lost by kill -9 of any worker at random moments, and nothing waits for its time-out" "strikes >= ${1:-5}" "timed_out == 0" "gaps == 0"
}

scenario_kill_bolt() {
        RATE=0 PASSES=1 topology
        start
        pause 1
        for _ in 1 2 3; do
                strike pass/0 9
                pause_between 1500 2500
        done
        drain
        verdict "kill -9 of a bolt under full load: a gap of ${GAP_MS:-1000} ms at most, replay within ${REPLAY_MS:-100} ms" "strikes == 3" \
                "gap_worst_ms <= ${GAP_MS:-1000}" "replay_worst_ms <= ${REPLAY_MS:-100}"
}

scenario_kill_supervisor() {
        SPOUT="note_acks: true" topology
        start
        pause_between 0 1000
        kill_host
        check "when the supervisor of a run is killed its workers end, and nothing is left" nothing_is_left
        ended 10
        ACKED=1 verdict "and what was acked was processed"
}

# The daemon dies, and at times a worker while there is none.
scenario_kill_daemon() {
        local n=${1:-4} before
        topology
        host
        submit
        for _ in $(seq "$n"); do
                pause_between 0 "${2:-3000}"
                kill_host
                one_in 2 || strike_any
                pause_between 0 500
                before=$(out)
                check "a daemon that was killed is followed by another one" host
                check "which takes over each task, once" until_true 20 each_task_once
                check "and the work goes on" until_true 20 has_more "$before"
        done
        dismiss
        verdict "nothing is lost when the daemon is killed at random moments, and workers while there is none"
}
has_more() { [ "$(out)" -gt "$1" ]; }
scenario_quick_daemon() { scenario_kill_daemon 1 500; }

# Two daemons for one directory: the second is refused while the first one lives; of two that come at a time one is.
scenario_two() {
        local first second pids
        topology
        host
        submit
        pids=$(workers)
        check "a second daemon for one directory is refused" refused --socket "$XDG_RUNTIME_DIR/squall/other"
        check "on the same socket, too" refused
        for _ in $(seq "${1:-4}"); do
                kill_host
                "$squall" supervisor --state-dir "$dir/state" >>"$dir/out" 2>>"$dir/err" & first=$!
                "$squall" supervisor --state-dir "$dir/state" >>"$dir/out" 2>>"$dir/err" & second=$!
                check "of two daemons that start at a time one stays" until_true 20 one_of $first $second
                is_dead $first && supervisor=$second || supervisor=$first
                until_true 20 answers
        done
        check "and the workers are the ones of the beginning" test "$(workers)" = "$pids"
        dismiss
        verdict "two daemons on one directory start nothing twice, and lose nothing" "duplicates == 0"
}
refused() { ! timeout 10 "$squall" supervisor --state-dir "$dir/state" "$@"; }
is_dead() { [ ! -e "/proc/$1/stat" ] || grep -q '^State:.Z' "/proc/$1/status"; }
one_of() { { is_dead "$1" && ! is_dead "$2"; } || { is_dead "$2" && ! is_dead "$1"; }; }

scenario_quick_killer() { scenario_killer 1; }
scenario_quick_kill() { scenario_kill 3 500; }
scenario_quick_burst() { scenario_burst 8; }

scenario_burst() {
        local n=${1:-30}
        topology
        start
        for _ in $(seq "$n"); do
                strike_any
                pause_between 100 1000
        done
        pause 1
        drain
        verdict "nothing is lost by a burst of $n kills, and nothing waits for its time-out" "strikes == $n" "timed_out == 0" "gaps == 0"
}

# The readers of a broadcast die, at full load: a batch that goes out between two readers is a batch that nobody gets.
scenario_broadcast() {
        local task
        RATE=${RATE:-0} GROUPING="{ type: all }" SINKS=1 topology
        start
        for _ in $(seq "${1:-6}"); do
                draw_of task pass/0 pass/1
                strike "$task" 9
                pause_between 50 700
        done
        pause 1
        drain
        verdict "nothing is lost when readers of a broadcast are killed, and nothing waits for its time-out" "timed_out == 0" "gaps == 0"
}

scenario_storm() {
        local task
        topology
        start
        for task in "${tasks[@]}"; do strike "$task" 9 & done
        wait $(jobs -p | grep -vx "$supervisor" | grep -vx "$sampler")
        pause 2
        drain
        verdict "nothing is lost when all workers are killed at once, and nothing waits for its time-out" "strikes == 5" "timed_out == 0" "gaps == 0"
}

scenario_stop() {
        local secs=$1 task
        CONFIG="supervisor.worker.timeout.secs: 3" topology
        start
        draw_of task "${tasks[@]}"
        strike "$task" 19
        local pid
        pid=$(worker "$task")
        pause "$secs"
        kill -CONT "$pid" 2>/dev/null
        pause 2
        drain
        if [ "$secs" -lt 3 ]; then
                verdict "a worker that is stopped for $secs s goes on as if nothing had been" "restarts == 0" "duplicates == 0"
        else
                verdict "a worker that is stopped for $secs s is killed and replaced, and cannot write any more" "restarts == 1"
        fi
}

scenario_stop_1() { scenario_stop 1; }
scenario_stop_10() { scenario_stop 10; }
scenario_stop_60() { scenario_stop 60; }

# What users build of: each reader, bolt and writer of ours is killed, and the result is held against one reckoned without Squall.
scenario_builtins() {
        local tasks=(in/0 words/0 words/1 keep/0 named/0 out/0) wanted=${1:-6}
        mkdir -p "$dir/j"
        seq 80000 | awk '{ print "n" $1, "w" $1 * 7 % 1000 }' >"$dir/lines"
        tr ' ' '\n' <"$dir/lines" | grep -v '^w0$' | sed 's/$/\tword/' | sort -u >"$dir/expected"
        cat >"$dir/t.yaml" <<YAML
name: faults
config: { topology.delivery: at-least-once }
spouts:
  - { id: in, component: file, properties: { path: $dir/lines, rate: 12000 } }
bolts:
  - { id: words, component: split, parallelism: 2 }
  - { id: keep, component: filter, properties: { where: "word != 'w0'" } }
  - { id: named, component: map, properties: { emit: { word: word, what: "'word'" } } }
  - { id: out, component: write, properties: { path: $dir/out.tsv } }
streams:
  - { from: in, to: words, grouping: { type: shuffle } }
  - { from: words, to: keep, grouping: { type: fields, args: [word] } }
  - { from: keep, to: named, grouping: { type: local-or-shuffle } }
  - { from: named, to: out, grouping: { type: global } }
YAML
        begin
        until_true 20 [ -s "$dir/out.tsv" ]
        for _ in $(seq "$wanted"); do
                strike_any
                pause_between 0 600
        done
        check "a run of the built-ins ends by itself, with 0, whoever was killed" eval 'ended 90 && [ $status = 0 ]'
        check "each word of the file has come out of it, in whole lines" eval '[ -s "$dir/j/strikes" ] && sort -u "$dir/out.tsv" | cmp - "$dir/expected"'
        check "and nothing waited for its time-out, or seemed to be missing on its way" eval '! grep -oE "\"(timed_out|gaps)\":[1-9]" "$dir/out"'
        check "and nothing is left" nothing_is_left
}
scenario_quick_builtins() { scenario_builtins 3; }
