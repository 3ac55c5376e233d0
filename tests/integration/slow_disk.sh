#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A disk that takes its time to make the folder of an epoch, or to make an epoch, the snapshot of a hand-over, a savepoint, or where the spouts are, durable: the
# supervisor answers meanwhile, the topology goes on, a worker that dies begins again, if need be when the disk is done, and what is written is exact in the end.
# modes: release
source "$(dirname "$0")/stepped"

awk 'BEGIN { for (i = 0; i < 3000; i++) print "w" (i * i) % 89 }' >"$dir/words"
awk '{ print $1 "\t" ++n[$1] }' "$dir/words" | sort >"$dir/want"
yaml() { # DELIVERY [RATE]
        cat <<YAML
name: counts
config: { topology.delivery: $1, topology.checkpoint.interval.ms: 60, topology.checkpoint.timeout.secs: 1 }
spouts: [{ id: lines, component: file, properties: { path: $dir/words, rate: ${2:-4000} } }]
bolts:
  - { id: count, component: count, parallelism: 2, properties: { by: [line] } }
  - { id: sink, component: write, properties: { path: $dir/got } }
streams:
  - { from: lines, to: count, grouping: { type: fields, args: [line] } }
  - { from: count, to: sink, grouping: { type: global } }
YAML
}
is_struck() { [ -e "$dir/steps/struck" ]; }
hold() { # NUMBER of the time that the supervisor comes to it, WHAT
        rm -f "$dir/steps/struck"
        arm supervisor hold "$@"
}
pid_of() { "$squall" status counts | awk -v task="$1" '$1 == task { print $3 }'; }
is_another() { local pid; pid=$(pid_of "$1") && [ -n "$pid" ] && [ "$pid" != "$2" ] && [ -e "/proc/$pid" ]; }
shows() { "$squall" status counts | grep -q -e "$1"; }
at_once() { timeout 30 "$squall" "$@" >/dev/null; } # the disk waits for us, however long
is_exact() { sort "$dir/got" | cmp - "$dir/want"; }
end() { "$squall" kill counts --wait 0 >/dev/null; }

start
yaml exactly-once >"$dir/counts.yaml"
hold 3 sync manifest.new
"$squall" submit "$dir/counts.yaml" --wait >/dev/null
until_true is_struck
check "an epoch waits for the disk, and status is answered" at_once status counts
all_written() { [ "$(wc -l <"$dir/got")" = 3000 ]; }
check "the topology goes on meanwhile" until_true all_written
check "and says so when it takes long" until_true eval 'grep -q "the disk has not taken epoch 3 for 1 s" "$dir/err"'
kill -KILL "$(pid_of count/0)"
check "a worker that dies is waited with" until_true shows "the disk is to take an epoch"
check "and status is answered" at_once status counts
disarm
check "when the disk has taken it all begin from there, and end" until_true is_over
check "with what is right" is_exact
end

rm "$dir/got"
hold 3 folder .open.N
"$squall" submit "$dir/counts.yaml" --wait >/dev/null
until_true is_struck
check "an epoch waits for its folder, and status is answered" at_once status counts
died=$(pid_of count/0)
kill -KILL "$died"
check "a worker that dies then is not waited with" until_true is_another count/0 "$died"
check "the topology goes on" until_true all_written
check "and says so when it takes long" until_true eval 'grep -q "the disk has not taken epoch 3 for 1 s" "$dir/err"'
disarm
check "when the folder is there it ends" until_true is_over
check "with what is right" is_exact
end

rm "$dir/got"
yaml at-least-once 1000 >"$dir/counts.yaml" # it is to be in the midst of its work when the hand-over comes
"$squall" submit "$dir/counts.yaml" --wait >/dev/null
hold 1 sync manifest.new
until_true test -s "$dir/got"
"$squall" rebalance counts -p count=3 >"$dir/said" 2>&1 &
until_true is_struck
check "a hand-over waits for the disk, and status is answered" at_once status counts
kill -KILL "$(pid_of count/0)"
disarm
check "it is done then, also without a worker that has died meanwhile" wait $!
check "and nothing is lost" until_true is_over
check "nor counted twice" is_exact
end

rm "$dir/got"
hold 1 sync positions.new
"$squall" submit "$dir/counts.yaml" --wait >/dev/null
until_true is_struck
check "where the spouts are waits for the disk, and status is answered" at_once status counts
died=$(pid_of sink/0)
kill -KILL "$died"
check "a worker that dies begins again meanwhile" until_true is_another sink/0 "$died"
check "and so does what is commanded" at_once deactivate counts
at_once activate counts
disarm
check "when the disk has taken it the topology ends" until_true is_over
# What died with the sink is counted again: each word is counted as often as it is there, at least.
is_all_there() { awk '$2 > n[$1] { n[$1] = $2 } END { for (word in n) all += n[word]; exit all < 3000 }' "$dir/got"; }
check "and nothing is lost" is_all_there
end
# A sink whose own disk does not take what it is to commit at the end of a hand-over; there is no epoch before that one.
rm "$dir/got"
yaml exactly-once 1000 | sed 's/interval.ms: 60/interval.ms: 600000, topology.message.timeout.secs: 1/; s,path: .*got,visible: commit\, &,' >"$dir/counts.yaml"
"$squall" submit "$dir/counts.yaml" --wait >/dev/null
rm -f "$dir/steps/struck"
arm sink/0 hold 1 sync got
"$squall" rebalance counts -p count=3 >"$dir/said" 2>&1
check "a rebalance does not wait for ever for a sink that does not commit" [ $? = 1 ]
check "but says so" grep -q "the drain took too long" "$dir/said"
check "and who it was" eval '"$squall" logs counts | grep -q "sink/0 had not committed epoch .* when the drain took longer than 2 s"'
disarm
check "the topology goes on with as many tasks as it had, and ends" until_true is_over
check "with what is right" is_exact
check "and no more tasks" eval '! shows "^count/2"'
end

# A savepoint, on another file system if there is one: then it is copied, while the topology goes on.
saves=$(mktemp -d -p /dev/shm 2>/dev/null) || saves=$dir/saves
on_exit remove_saves
remove_saves() { rm -rf "$saves"; }
begin_saving() { # DELIVERY NAME [OPTION]...
        rm -f "$dir/got"
        yaml "$1" 1000 >"$dir/counts.yaml"
        disarm
        "$squall" submit "$dir/counts.yaml" --wait >/dev/null
        until_true test -s "$dir/got"
        hold_copy
        "$squall" savepoint counts "$saves/$2" "${@:3}" >"$dir/said" 2>&1 &
        saving=$!
        until_true is_struck
}
hold_copy() { hold 2 sync topology.yaml; } # the first is that of the update that makes it
is_there() { "$squall" savepoint show "$saves/$1" >/dev/null; }
is_gone() { [ -z "$(state)" ]; }
for delivery in at-least-once exactly-once; do
        begin_saving $delivery $delivery
        check "a savepoint waits for the disk ($delivery), and status is answered" at_once status counts
        check "what is commanded is done" at_once deactivate counts
        at_once activate counts
        check "a topology of that name is not taken for one that has ended" eval '! at_once submit "$dir/counts.yaml"'
        check "another savepoint is made meanwhile" at_once savepoint counts "$saves/another-$delivery"
        check "but not in the same place" eval '! at_once savepoint counts "$saves/$delivery"'
        check "the topology goes on, and ends" until_true is_over
        check "with what is right" is_exact
        check "while the savepoint is not there yet" eval '[ ! -e "$saves/$delivery" ] && kill -0 $saving'
        disarm
        check "when the disk has taken it, it is" wait $saving
        check "whole" is_there $delivery
        check "with keys of its own time" eval '[ "$("$squall" savepoint show "$saves/$delivery" --json | grep -o "\"keys\":[0-9]*" | head -n 1)" != "\"keys\":0" ]'
        end
        until_true is_gone
done

# What becomes of the topology is nothing to it.
begin_saving exactly-once outlives
check "a topology is rebalanced while its savepoint is made" eval 'until_true "$squall" rebalance counts -p count=3 >/dev/null && shows "^count/2"'
at_once kill counts --wait 0
check "and killed" until_true is_gone
rm -f "$dir/got"
yaml at-least-once >"$dir/counts.yaml"
at_once submit "$dir/counts.yaml"
check "and another of its name begins" until_true test -n "$(state)"
disarm
check "the savepoint is made of what there was" wait $saving
check "whole" is_there outlives
until_true is_over
end
until_true is_gone

# What a topology is to begin from is copied before it is there.
begin_from() { # SAVEPOINT
        rm -f "$dir/got"
        hold 1 sync count.N
        "$squall" submit "$dir/counts.yaml" --from "$saves/$1" --wait >"$dir/said" 2>&1 &
        submitting=$!
        until_true is_struck
}
yaml at-least-once >"$dir/counts.yaml"
begin_from at-least-once
check "a topology waits for the copy of its savepoint, and status is answered" at_once list
check "it is not there yet" is_gone
disarm
check "when the disk has it, it is" wait $submitting
check "and ends" until_true is_over
# What the sink has beside what it had when the savepoint was made, where each line is the count of a word.
counts_on() { awk '$2 > n[$1] { n[$1] = $2 } END { for (word in n) all += n[word]; exit all != 3000 }' "$dir/got"; }
check "with the counts of its savepoint and what came after it" counts_on
end
until_true is_gone
begin_from at-least-once
kill -TERM $supervisor
is_ending() { grep -q "draining all topologies" "$dir/err"; }
until_true is_ending
disarm
check "a supervisor that is told to stop meanwhile ends" until_true is_dead
check "whoever submits hears that" eval '! wait $submitting'
check "it leaves no copy" eval '! ls -d "$dir"/state/snapshots/counts-*'
start
check "and no topology" is_gone
begin_from at-least-once
kill -KILL $supervisor $submitting
wait 2>/dev/null
disarm
check "a supervisor that dies over it leaves what it has copied" eval 'ls -d "$dir"/state/snapshots/counts-*'
start
check "but no topology" is_gone
check "and the next one sweeps it" eval '! ls -d "$dir"/state/snapshots/counts-*'

begin_saving at-least-once died
kill -KILL $supervisor
wait $supervisor 2>/dev/null
check "a supervisor that dies over it leaves none" eval '[ ! -e "$saves/died" ]'
disarm
start
check "whoever waits hears that" eval '! wait $saving'
check "the next one ends the topology" until_true is_over
check "with all that is right" is_all_there
end
until_true is_gone
rm -f "$dir/got"
"$squall" submit "$dir/counts.yaml" --wait >/dev/null
until_true test -s "$dir/got"
check "what is left of that is in the way of no other" eval '[ -e "$saves/died.new" ] && "$squall" savepoint counts "$saves/died" >/dev/null'
check "which is whole" is_there died
check "and nothing is left" eval '[ ! -e "$saves/died.new" ]'
until_true is_over
end
until_true is_gone

begin_saving at-least-once unwanted
"$squall" supervisor --stop >"$dir/said" 2>&1 &
stopping=$!
is_stopping() { "$squall" deactivate counts 2>&1 | grep -q 'supervisor is ending'; }
until_true is_stopping
kill -TERM $supervisor
disarm
wait $stopping
check "a supervisor that is told twice to stop does not wait until it is written" until_true is_dead
wait $saving
start
check "and leaves a whole one or none" eval 'if [ -e "$saves/unwanted" ]; then is_there unwanted; else [ ! -e "$saves/unwanted.new" ]; fi'
until_true is_over
end
until_true is_gone

# One that ends its topology holds it until it is there.
rm -f "$dir/got"
yaml at-least-once >"$dir/counts.yaml"
"$squall" submit "$dir/counts.yaml" --wait >/dev/null
until_true test -s "$dir/got"
hold_copy
"$squall" kill counts --savepoint --to "$saves/ends" >"$dir/said" 2>&1 &
saving=$!
until_true is_struck
check "a topology that is to end in its savepoint waits for it" shows updating
check "another savepoint is refused meanwhile" eval '! at_once savepoint counts "$saves/other"'
"$squall" kill counts >/dev/null 2>&1 &
killing=$!
until_true shows stopping
disarm
check "who kills it meanwhile does not harm the savepoint" wait $saving
check "which is whole" is_there ends
wait $killing
check "then it is gone" until_true is_gone

begin_saving exactly-once stopped
"$squall" supervisor --stop >"$dir/said" 2>&1 &
stopping=$!
until_true is_stopping
disarm
check "a stop waits until it is written" wait $stopping
check "whole" is_there stopped
check "who waited for it hears so" wait $saving
check "in the end no process is left" until_true no_worker
exit $failures
