#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# How topologies start and end: whatever the end, no process, no socket and no directory is left.
# alone
source "$(dirname "$0")/lib"
export XDG_RUNTIME_DIR=$dir/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
on_exit kill_all

# ---- our processes, known by their run directory ----

workers() { grep -ls "$XDG_RUNTIME_DIR/[s]quall/run-" /proc/[0-9]*/cmdline | tr -dc '0-9\n'; } # the brackets keep grep from finding itself
title() { tr '\0' '\n' 2>/dev/null <"/proc/$1/cmdline" | head -n 1; }
worker() { # the pid of the worker of task $1
        local pid
        for pid in $(workers); do case "$(title "$pid") " in *" $1 "*) echo "$pid"; return 0 ;; esac; done
        return 1
}
kill_all() { kill -KILL $(workers) ${supervisor:-} 2>/dev/null; }
no_worker() { [ -z "$(workers)" ]; }
nothing_in_rundir() { [ -z "$(find "$XDG_RUNTIME_DIR" -mindepth 1 -not -path "$XDG_RUNTIME_DIR/squall")" ]; }
nothing_is_left() {
        until_true no_worker || { echo "processes:"; for p in $(workers); do title "$p"; done; return 1; }
        until_true nothing_in_rundir || { find "$XDG_RUNTIME_DIR"; return 1; }
}

# ---- topologies ----

# topology TUPLES RATE BOLT: gen -> pass x 2 (or the bolt given) -> sink
topology() {
        cat >"$dir/t.yaml" <<YAML
name: life
spouts:
  - { id: gen, component: generate, properties: { count: $1, rate: $2, fields: { n: seq } } }
bolts:
  - { id: pass, ${3:-component: identity, parallelism: 2} }
  - { id: sink, component: "null" }
streams:
  - { from: gen, to: pass, grouping: { type: shuffle } }
  - { from: pass, to: sink, grouping: { type: shuffle } }
YAML
}
crasher() { echo "component: $build/tests/components/crasher.so, properties: { $1 }"; }
run() { timeout 60 "$squall" run --json "$@" "$dir/t.yaml" >"$dir/out" 2>"$dir/err"; }
start() { "$squall" run --json "$@" "$dir/t.yaml" >"$dir/out" 2>"$dir/err" & supervisor=$!; }
ends_with() { # the exit status of the supervisor in the background
        local status
        until_true is_gone || { echo "it does not end"; return 1; }
        wait "$supervisor"
        status=$?
        [ $status = "$1" ] || { echo "exit status $status"; return 1; }
}
is_gone() { [ ! -e "/proc/$supervisor" ] || grep -q '^State:.Z' "/proc/$supervisor/status"; }
status_of() { "$@"; status=$?; }
flows() { until_true has_workers "$1"; }
has_workers() { [ "$(workers | wc -l)" = "$1" ] && each_is_ready; }
# A task that waits for data has connected: its worker's control thread and its task thread are there.
each_is_ready() { local p; for p in $(workers); do [ "$(ls "/proc/$p/task" | wc -l)" -ge 4 ] || return 1; done; }

has_emitted() { "$squall" status life --json 2>/dev/null | grep -o '"id":"gen"[^}]*' | grep -q '"emitted":[1-9]'; }

number() { # number COMPONENT FIELD, of the summary
        grep -o "\"id\":\"$1\"[^}]*" "$dir/out" | grep -o "\"$2\":[0-9]*" | head -n 1 | cut -d: -f2
}
state() { grep -o '"state":"[a-z]*"' "$dir/out" | cut -d'"' -f4; }
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
says() { grep -qE -- "$1" "$dir/err" || { cat "$dir/err"; return 1; }; }
# Every tuple that the spout has emitted, replays not counted twice, was acked by all. What a killed spout had in flight when it last told its
# numbers was sent again by the next one, and counts twice: $1 of them may be.
nothing_is_lost() {
        local twice=$(($(number gen emitted) - $(number gen acked) - $(number gen replayed)))
        [ "$(number gen emitted)" -gt 0 ] && [ $twice -ge 0 ] && [ $twice -le "${1:-0}" ] || { cat "$dir/out"; return 1; }
}

# ---- ends ----

topology 10000 0
status_of run
check "a finite topology ends by itself with 0" is $status 0
check "its state is finished" is "$(state)" finished
check "its numbers are exact" is "$(number gen emitted) $(number pass executed) $(number sink executed)" "10000 10000 10000"
check "it leaves nothing" nothing_is_left

status_of run -c topology.workers=2
check "packed into two workers it ends with 0 too" is "$status $(number sink executed)" "0 10000"
check "packed, it leaves nothing" nothing_is_left

topology 0 1000
status_of run --for 300ms
check "--for drains and ends with 0" is "$status $(state)" "0 drained"
check "--for loses nothing" nothing_is_lost
check "--for leaves nothing" nothing_is_left

for signal in INT:130 TERM:143; do
        start
        check "four workers come up (SIG${signal%:*})" flows 4
        kill -"${signal%:*}" $supervisor
        check "SIG${signal%:*} drains and ends with ${signal#*:}" ends_with "${signal#*:}"
        check "SIG${signal%:*} leaves nothing" nothing_is_left
done
check "a drained topology says so" is "$(state)" drained

# Whoever holds the other end of a terminal is killed, as ssh is when its line is cut.
if command -v script >/dev/null; then
        script -qec "exec $squall run --json $dir/t.yaml >$dir/out 2>$dir/err" /dev/null </dev/null >/dev/null 2>&1 & terminal=$!
        until_true pgrep -P $terminal >/dev/null
        supervisor=$(pgrep -P $terminal)
        check "four workers come up (on a terminal)" flows 4
        until_true has_emitted
        kill -KILL $terminal
        check "the end of its terminal drains" until_true is_gone
        check "and loses nothing" eval 'is "$(state)" drained && nothing_is_lost && nothing_is_left'
else
        echo "ok - the end of its terminal drains # skip no script (Debian: bsdutils)"
fi

start
flows 4
until_true has_emitted
check "a worker's command line names topology and task" is "$(title "$(worker pass/1)")" "squall: worker life pass/1"
kill -INT $(workers) $supervisor
check "Ctrl-C to the whole process group drains as well" ends_with 130
check "and loses nothing" nothing_is_lost

start 7</dev/null
flows 4
check "a worker inherits no descriptor but stdin, stdout and stderr" [ ! /proc/"$(worker sink/0)"/fd/7 -ef /dev/null ]
kill -INT $supervisor
ends_with 130 >/dev/null

topology 0 0 'component: sleep, properties: { ms: 200 }'
start -c topology.max.spout.pending=1000
flows 3
until_true has_emitted # what is drained has something in it
kill -INT $supervisor
until_true grep -q draining "$dir/err"
kill -INT $supervisor
check "a second Ctrl-C kills and ends with 1" ends_with 1
check "the state is killed" is "$(state)" killed
check "the second Ctrl-C leaves nothing" nothing_is_left

start -c topology.max.spout.pending=1000 -c topology.message.timeout.secs=1
flows 3
until_true has_emitted
kill -INT $supervisor
check "a drain that takes longer than the message timeout ends with 1" ends_with 1
check "and says what did not finish" says "had not finished when the drain took longer than 1 s"
check "and leaves nothing" nothing_is_left

# ---- kill -9 ----

topology 0 1000
start
flows 4
kill -KILL $supervisor
wait $supervisor 2>/dev/null
check "after kill -9 of the supervisor its workers end and take the run directory along" nothing_is_left

start
flows 4
kill -KILL $(workers) $supervisor
wait $supervisor 2>/dev/null
check "kill -9 of everything leaves no process" until_true no_worker
topology 100 0
run
check "the next run sweeps what kill -9 of everything has left" nothing_is_left

topology 0 1000
start
flows 4
orphan=$(workers | tail -n 1)
kill -STOP $orphan
kill -KILL $supervisor
wait $supervisor 2>/dev/null
ended() { ! workers | grep -qx $orphan; }
others_ended() { [ "$(workers)" = $orphan ]; }
check "a worker that is stopped stays when its supervisor is killed" until_true others_ended
topology 100 0
run
check "the next run has ended it, for it would write into the same files" ended
check "and swept its run directory away" nothing_is_left

topology 0 1000
for task in gen/0 pass/1 sink/0; do
        start
        flows 4
        pid=$(worker $task)
        kill -KILL "$pid"
        comes_back() { local p; p=$(worker $task) && [ "$p" != "$pid" ] && says "^squall: $task: back" >/dev/null; }
        check "a killed worker of $task comes back" until_true comes_back
        check "without a wait" says "^squall: $task: killed by signal 9 \(Killed\); restarting it$"
        kill -INT $supervisor
        check "the topology drains after it" ends_with 130
        check "nothing is lost by it" nothing_is_lost $([ $task != gen/0 ] || echo 100)
        check "the restart is counted" is "$(number ${task%/*} restarts)" 1
        check "nothing is left by it" nothing_is_left
done

# ---- components that go wrong ----

# goes_wrong SETTINGS: a short topology with a crasher
goes_wrong() { topology 100 0 "$(crasher "$1")"; shift; status_of run "$@"; }

goes_wrong "in: prepare, how: fail"
check "an error in prepare fails the topology with 1" is "$status $(state)" "1 failed"
check "and shows the text" says "^squall: pass/0: .*told to fail in prepare"
check "and tries no second time" is "$(grep -c 'going wrong' "$dir/err")" 1
goes_wrong "in: prepare, how: crash"
check "a crash in prepare fails the topology with 1" is "$status $(state)" "1 failed"
check "and names the signal" says "^squall: pass/0: killed by signal 11"
goes_wrong "in: prepare, how: exit"
check "an exit in prepare fails the topology with 1" is "$status $(state)" "1 failed"
check "and names the status" says "^squall: pass/0: exited with status 7"
goes_wrong "in: execute, how: crash, at: 50, once: true"
check "a crash in execute is survived" is "$status $(state) $(number pass restarts)" "0 finished 1"
check "and loses nothing" nothing_is_lost
goes_wrong "in: execute, how: hang, at: 50, once: true" -c supervisor.worker.timeout.secs=1
# Who gets no processor for a second has stood still as well.
check "a task that hangs is killed and replaced" eval 'is "$status $(state)" "0 finished" && [ "$(number pass restarts)" -ge 1 ]'
check "and it is said why" says "pass/0 stood still for 1 s and was killed"
goes_wrong "in: finish, how: crash, once: true"
check "a crash in finish is survived" is "$status $(state)" "0 finished"
goes_wrong "in: cleanup, how: crash"
check "a crash in cleanup is told, but everything was processed" is "$status $(state) $(number sink executed)" "0 finished 100"
check "and it is said which signal" says "killed by signal 11 .* while it cleaned up"
check "none of them leaves anything" nothing_is_left

topology 0 1000
start -c supervisor.worker.timeout.secs=1
flows 4
kill -STOP "$(worker pass/0)"
check "a stopped worker is seen by its silence, killed and replaced" until_true says "^squall: pass/0: gave no heartbeat for 1 s"
check "and is back" until_true says "^squall: pass/0: back"
kill -INT $supervisor
check "the topology drains after it" ends_with 130
check "it leaves nothing" nothing_is_left

# ---- sizes and limits ----

for n in 64 200; do
        if [ "${SQUALL_TEST_MODE:-release}" != release ]; then
                echo "ok - $n tasks start and drain right # skip: only in the release build"
                continue
        fi
        topology 5000 0 "component: identity, parallelism: $((n - 2))"
        status_of run
        check "$n tasks start and drain right" is "$status $(number sink executed)" "0 5000"
        check "$n tasks leave nothing" nothing_is_left
done
topology 10 0 "component: identity, parallelism: 198"
(ulimit -n 64; run; echo $? >"$dir/status")
check "too few open files are refused with 1" is "$(cat "$dir/status")" 1
check "and explained with numbers" says "^squall: 200 tasks in 200 workers need up to [0-9]+ open files in a process, and the limit is 64 "

# ---- run directories that will not do ----

topology 10 0
mkdir -p "$XDG_RUNTIME_DIR/squall"
chmod 755 "$XDG_RUNTIME_DIR/squall"
status_of run
check "a run directory that is open to others is refused with 1" is $status 1
check "and named" says "^squall: the run directory $XDG_RUNTIME_DIR/squall is open to others"
rmdir "$XDG_RUNTIME_DIR/squall"
if [ "$(id -u)" = 0 ]; then
        mkdir -m 700 "$XDG_RUNTIME_DIR/squall" && chown 65534 "$XDG_RUNTIME_DIR/squall"
        status_of run
        check "a run directory of somebody else is refused with 1" is $status 1
        check "and its owner is named" says "belongs to user 65534"
        rmdir "$XDG_RUNTIME_DIR/squall"
fi
: >"$XDG_RUNTIME_DIR/squall"
status_of run
check "a file in the place of the run directory is refused with 1" is "$status $(grep -c '^squall: ' "$dir/err")" "1 1"
rm "$XDG_RUNTIME_DIR/squall"
long=$XDG_RUNTIME_DIR/$(printf 'x%.0s' {1..100})
mkdir -m 700 "$long"
XDG_RUNTIME_DIR=$long status_of run
check "a path too long for a socket is refused with 1" is $status 1
check "and it is said what to do" says "too long a path for a socket \(set XDG_RUNTIME_DIR"
rm -r "$long"
check "nothing is left at the end" nothing_is_left

exit $failures
