#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A disk that takes its time to make durable what a command promises, or what a supervisor notes of its topologies: it answers meanwhile, what runs goes on,
# nobody is told that something is done before it is, and a supervisor that dies over it leaves what the next one goes on with.
# modes: release
source "$(dirname "$0")/stepped"

yaml() { # NAME TUPLES
        cat <<YAML
name: $1
config: { topology.delivery: at-least-once }
spouts: [{ id: lines, component: generate, properties: { rate: 500, count: $2 } }]
bolts: [{ id: sink, component: "null" }]
streams: [{ from: lines, to: sink, grouping: { type: shuffle } }]
YAML
}
is_struck() { [ -e "$dir/steps/struck" ]; }
hold() { # NUMBER of the time that the supervisor comes to it, WHAT
        rm -f "$dir/steps/struck"
        arm supervisor hold "$@"
}
at_once() { timeout 30 "$squall" "$@" >/dev/null; } # the disk waits for us, however long
state_of() { "$squall" list --json | tr '{' '\n' | sed -n 's/.*"topology":"'"$1"'","state":"\([a-z]*\)".*/\1/p'; }
is_in() { [ "$(state_of "$1")" = "$2" ]; }
is_gone() { [ -z "$(state_of "$1")" ]; }
pid_of() { "$squall" status "${2:-counts}" | awk -v task="$1" '$1 == task { print $3 }'; }
is_another() { local pid; pid=$(pid_of "$1") && [ -n "$pid" ] && [ "$pid" != "$2" ] && [ -e "/proc/$pid" ]; }
runs() { kill -0 "$1" 2>/dev/null; }

# Begins a command, whose id is $asking then, and waits until the disk holds it up.
ask() { # COMMAND...
        "$squall" "$@" >"$dir/said" 2>&1 &
        asking=$!
        until_true is_struck
}
# The disk does not take WHAT of a command.
is_slow() { # WHAT COMMAND...
        local what=$1
        shift
        hold 1 $what
        ask "$@"
        check "$1 waits for the disk ($what), and status is answered" at_once status counts
        check "nobody is told that $1 is done" runs $asking
}
is_done() {
        disarm
        check "when the disk has taken it, it is done" wait $asking
}

start
yaml counts 100000000 >"$dir/counts.yaml"
yaml other 100000000 >"$dir/other.yaml"
"$squall" submit "$dir/counts.yaml" --wait >/dev/null

is_slow "sync record.new" deactivate counts
died=$(pid_of sink/0)
kill -KILL "$died"
check "a worker that dies begins again meanwhile" until_true is_another sink/0 "$died"
check "and what was commanded is not done before" is_in counts running
is_done
check "then it is" until_true is_in counts inactive
at_once activate counts
hold 1 sync record.new
ask deactivate counts
check "whoever asks is told what it waits for" until_true grep -q "the supervisor is at it: the disk of .* takes its time" "$dir/said"
"$squall" activate counts >"$dir/behind" 2>&1 &
behind=$!
check "and so is who comes behind it" until_true grep -q "it is behind 1 other that waits for the disk" "$dir/behind"
disarm
check "then both are done" eval 'wait $asking && wait $behind'
check "and that was said once" [ "$(grep -c "is at it" "$dir/said")" = 1 ]
is_slow "sync levels.new" logs counts sink --set-level debug
is_done
is_slow "sync requests.new" deactivate counts
is_done
at_once activate counts
is_slow "rename .new-S" submit "$dir/other.yaml"
check "a topology is not there before the disk has it" is_gone other
"$squall" deactivate counts >/dev/null 2>&1 &
next=$!
check "another command waits for its turn" is_in counts running
is_done
check "and has it" wait $next
at_once activate counts
is_slow "sync record.new" kill other
check "what is killed is not drained before that is written down" until_true is_in other running
is_done
is_slow "rename .new-S" update counts "$dir/counts.yaml"
disarm
check "an update is put together, and done" wait $asking
"$squall" submit "$dir/other.yaml" >/dev/null
is_slow "sync topologies" kill other
check "what is killed is gone for whoever waits for that when the disk has it" runs $asking
is_done
check "then it is" is_gone other

# What follows from its end.
hold 1 rename .next-counts
ask update counts "$dir/counts.yaml"
check "two plans wait for the disk to change places, and list is answered" at_once list
check "and status" at_once status counts
disarm
check "then the topology goes on" wait $asking
check "as it should" until_true is_in counts running
sed 's,component: "null",component: write\, properties: { path: /nowhere/at/all },' "$dir/counts.yaml" >"$dir/worse.yaml"
hold 2 rename .next-counts
ask update counts "$dir/worse.yaml"
check "the way back of one that failed waits for the disk, and status is answered" at_once status counts
check "it is still under way" is_in counts updating
disarm
check "then whoever asked hears why" eval '! wait $asking && grep -q "rolled back: sink/0: /nowhere/at/all" "$dir/said"'
check "and the former one runs" until_true is_in counts running
yaml short 10 >"$dir/short.yaml"
hold 3 sync record.new # submitted, started, ended
"$squall" submit "$dir/short.yaml" >/dev/null
until_true is_struck
check "that a topology has ended is written down, and status is answered" at_once status short
check "its workers are not told to exit before it is" runs "$(pid_of sink/0 short)"
disarm
check "then they are, and it is over" until_true is_in short finished
at_once kill short
until_true is_gone short
hold 3 sync record.new
"$squall" submit "$dir/short.yaml" >/dev/null
until_true is_struck
kill -KILL $supervisor
wait 2>/dev/null
disarm
start
check "a supervisor that dies over that leaves it to the next one" until_true is_in short finished
check "and what else ran goes on" until_true is_in counts running
at_once kill short
until_true is_gone short

# The supervisor dies while a command waits for the disk: it is done, or not, and whoever asks again hears which.
hold 1 sync record.new
ask kill counts --wait 0
kill -KILL $supervisor
disarm
start
check "who asked a supervisor that died asks the next one, which does it" wait $asking
check "and it is gone" until_true is_gone counts

# It is told to stop meanwhile.
"$squall" submit "$dir/counts.yaml" --wait >/dev/null
hold 1 sync record.new
ask deactivate counts
kill -TERM $supervisor
check "a supervisor that is told to stop meanwhile answers" at_once status counts
check "and waits for the disk" lives
disarm
check "then it has done what was commanded before" wait $asking
check "and ends" until_true is_dead
start
check "as the next one sees" until_true is_in counts inactive
at_once activate counts
hold 1 sync positions.new
"$squall" supervisor --stop >"$dir/said" 2>&1 &
asking=$!
until_true is_struck
check "where its spouts were in the end waits for the disk, and list is answered" at_once list
disarm
check "and the supervisor ends when it has it" wait $asking
check "in the end no process is left" until_true no_worker
exit $failures
