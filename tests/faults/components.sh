# SPDX-License-Identifier: Apache-2.0
# Components that go wrong, and tuples that do. Scenarios of tests/faults/run, which sources this.

hows=(exit status abort segfault memory starve hang fail)

# Ended by itself, after one restart at the most for each fault.
goes_on() {
        ended 60
        [ "$status" = 0 ] || { echo "exit status $status"; return 1; }
}

# Plays one fault: the topology of the variables, which ends by itself and loses nothing but LOST tuples. What is wrong goes into `wrong`.
play_fault() {
        local what=$1 lost=${LOST:-0}
        RATE=${RATE:-0} COUNT=20000
        topology
        begin -c supervisor.worker.timeout.secs=1 -c supervisor.worker.start.timeout.secs=1 -c topology.tick.tuple.freq.secs=0.02 -c topology.spout.retry.delay.ms=1
        [ -z "${STRIKE:-}" ] || { until_true 20 flows && strike "$STRIKE" 9; }
        goes_on >"$dir/check" 2>&1 || wrong+="$what: $(cat "$dir/check"); "
        find_out
        holds "lost == $lost" && holds "sent == 20000" && holds "corrupted == 0" || wrong+="$what: $(summary); "
        nothing_is_left || wrong+="$what leaves something; "
        unset LOST STRIKE
}

# Is this way to go wrong one of this callback? What has no result can't fail; in prepare a failure ends the topology (scenario_prepare).
can() {
        case $1-$2 in
                starve-cleanup | hang-cleanup | starve-prepare) return 1 ;;
                fail-execute | fail-flush | fail-replay | fail-seek) return 0 ;;
                fail-*) return 1 ;;
        esac
}

# The callbacks one after the other, each in its first incarnation. One in PART is drawn.
scenario_bolt() {
        local how place wrong='' at
        for how in "${hows[@]}"; do
                for place in prepare execute tick flush finish cleanup; do
                        can "$how" "$place" && one_in "${PART:-1}" || continue
                        case $place in execute) draw at 1 9000 ;; flush) draw at 1 9 ;; *) at=0 ;; esac
                        PASS=$(faulty "in: $place, how: $how, at: $at")
                        play_fault "$how in $place"
                done
        done
        check "nothing is lost by exit, abort, segfault, no memory, hang or failure in any callback of a bolt" test -z "$wrong"
        [ -z "$wrong" ] || echo "    $wrong"
}

# A spout replays when its bolt dies, seeks when it died itself, and gives up what the bolt calls poison.
scenario_spout() {
        local how place wrong='' at times
        for how in "${hows[@]}"; do
                for place in prepare seek next replay ack fail finish cleanup; do
                        can "$how" "$place" && one_in "${PART:-1}" || continue
                        at=0 times=1
                        case $place in
                                ack) draw at 0 9000 ;;
                                seek) times=2 RATE=40000 STRIKE=sent/0 ;;
                                replay) PASS=$(faulty "in: execute, how: abort, at: 3000, times: 2") ;;
                                fail) LOST=1 CONFIG="topology.spout.max.retries: 0" PASS=$(faulty "poison: 7, poison_every: 20") ;;
                        esac
                        SPOUT="in: $place, how: $how, at: $at, times: $times"
                        play_fault "$how in $place"
                done
        done
        check "nothing is lost by exit, abort, segfault, no memory, hang or failure in any callback of a spout" test -z "$wrong"
        [ -z "$wrong" ] || echo "    $wrong"
}
# An emit that finds no memory, at a time when acks are just going out.
scenario_starve() {
        local at wrong=''
        for _ in $(seq "${1:-20}"); do
                draw at 1 9000
                PASS=$(faulty "in: execute, how: starve, at: $at")
                play_fault "starve at $at"
        done
        check "nothing is lost by a bolt that runs out of memory in the middle of a batch" test -z "$wrong"
        [ -z "$wrong" ] || echo "    $wrong"
}
scenario_quick_starve() { scenario_starve 4; }

scenario_quick_bolt() { PART=8 scenario_bolt; }
scenario_quick_spout() { PART=8 scenario_spout; }

scenario_prepare() {
        local how wrong=''
        for how in exit status abort segfault memory fail; do
                COUNT=1000 PASS=$(faulty "in: prepare, how: $how, times: 1000") topology
                begin
                ended 30
                [ "$status" = 1 ] || wrong+="$how: exit status $status; "
                nothing_is_left || wrong+="$how leaves something; "
        done
        check "a topology whose bolt never gets through prepare fails, and leaves nothing" test -z "$wrong"
        [ -z "$wrong" ] || echo "    $wrong"
}

scenario_loop() {
        RATE=1000 PASSES=1 PASS=$(faulty "in: execute, how: segfault, at: 0, times: 1000000") topology
        begin
        ended 60
        check "a topology whose bolt crashes at every tuple fails in the end" test "$status" = 1
        check "and says why" grep -q "killed by signal 11" "$dir/err"
        check "and leaves nothing" nothing_is_left
}

dead_letters() { wc -l 2>/dev/null <"$dir/dead" || echo 0; }

scenario_poison() {
        COUNT=100000 LOST=2 PASS=$(faulty "poison: 7, poison_every: 50") \
                CONFIG="topology.spout.max.retries: 3, topology.spout.retry.delay.ms: 2, topology.dead.letter.path: $dir/dead" topology
        begin
        check "a topology with tuples that always fail gets done" goes_on
        LOST=2 verdict "all but the poison comes through"
        check "each poison tuple is in the dead letters once" test "$(dead_letters)" = 2
        check "with its cause" test "$(grep -c 'poison: key 7, seq [49]9' "$dir/dead")" = 2
}

scenario_killer() {
        local n=${1:-2}
        COUNT=$((n * 50000)) PASS=$(faulty "poison: 7, poison_every: 50, poison_how: segfault") \
                CONFIG="topology.spout.max.retries: 2, topology.spout.retry.delay.ms: 2, topology.dead.letter.path: $dir/dead" topology
        begin
        check "a topology with tuples that kill their worker gets done" goes_on
        LOST=$n verdict "all but the tuples that kill comes through"
        check "each tuple that kills is in the dead letters once" test "$(dead_letters)" = "$n"
}

# Retried for ever it ends a run, by the rule of the ten deaths; all else is done by then.
scenario_killer_for_ever() {
        COUNT=50000 PASS=$(faulty "poison: 7, poison_every: 50, poison_how: segfault") CONFIG="topology.spout.max.retries: -1" topology
        begin
        ended 90
        check "with a tuple that kills its worker, and retries without end, a run fails" test "$status" = 1
        check "and says why" grep -q "killed by signal 11" "$dir/err"
        LOST=1 verdict "all other tuples have come through"
}

# Acks that come later than the message timeout: the timeout was begun anew each time, or it is over and they are nobody's any more.
scenario_late() {
        local keeper="component: $build/tests/components/keeper.so, properties: { first: 1000, hold: 1.5"
        RATE=1000 COUNT=4000 PASSES=1 PASS="$keeper, reset: true }" topology
        begin -c topology.message.timeout.secs=0.5 -c topology.tick.tuple.freq.secs=0.05
        check "with tuples that are kept three times their timeout, and say so, a topology gets done" goes_on
        verdict "none of them times out, and the pairs they are joined to are complete" "duplicates == 0" "sent == 4000" "restarts == 0"
        check "nobody is warned of them" eval '! grep -q "have timed out" "$dir/err"'
        RATE=1000 COUNT=4000 PASSES=1 PASS="$keeper }" topology
        begin -c topology.message.timeout.secs=0.5 -c topology.tick.tuple.freq.secs=0.05
        check "with tuples that are kept and do not say so it gets done, too" goes_on
        verdict "each of them times out and comes again, and its late ack harms nobody" "duplicates >= 1000" "sent == 4000" "restarts == 0"
        check "somebody is warned of them" grep -q "have timed out" "$dir/err"
}
