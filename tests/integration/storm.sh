#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The verbs with --storm, against a Nimbus of the test's own: what it is asked, what is made of its answers, whom they follow.
source "$(dirname "$0")/lib"
command -v python3 >/dev/null || { echo "ok - the verbs speak with a Nimbus # skip: no python3"; exit 0; }

pids=()
end_all() { [ ${#pids[@]} = 0 ] || { kill "${pids[@]}"; wait "${pids[@]}"; } 2>/dev/null; }
on_exit end_all
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
nimbus() { # MODE PORT TOPOLOGY...
        python3 tests/integration/nimbus.py "$1" "$dir/asked" "${@:3}" >>"$dir/err" 2>&1 &
        pids+=($!)
        until_true listens "$2"
}
port=$(free_port)
check "a Nimbus listens" nimbus "$port" "$port" words stubborn
storm="--storm 127.0.0.1:$port"
asked() { grep -qxF "$1" "$dir/asked" || { cat "$dir/asked"; return 1; }; }

lists() { "$squall" list $storm >"$dir/out" && grep -Eq '^words +active +1 m 15 s +7 +6 +2$' "$dir/out" || { cat "$dir/out"; return 1; }; }
check "list shows what Nimbus has" lists
check "by name alone" eval '[ "$("$squall" list $storm --names | xargs)" = "words stubborn" ]'
check "and as JSON" says '{"topology":"words","id":"words-1-1700000000","state":"active","uptime_s":75,"tasks":7,"executors":6,"workers":2}' "$squall" list $storm --json
shown() { "$squall" status words $storm >"$dir/out" && grep -Eq "$1" "$dir/out" || { cat "$dir/out"; return 1; }; }
check "status shows the state" shown '^words: active, up 1 m 15 s, 7 tasks in 2 workers on Storm$'
check "and what each component has done" shown '^lines +spout +2 +2 +1.20 k +2.40 k +1.10 k +3 +12.5 ms$'
check "and where it is" shown '^count +4-5 +node1:6700 +1 m 10 s$'
check "and its errors, the first line of each" shown '^count: at node1:6700: java.lang.RuntimeException: no room$'
check "activate asks for it" says words "$squall" activate words $storm
check "by name" asked 'activate {"1": "words"}'
check "deactivate too" says '{"topology":"words","state":"inactive"}' "$squall" deactivate words $storm --json
check "rebalance asks for executors" says words "$squall" rebalance words $storm -p count=3 -p lines=2
check "of each component" asked 'rebalance {"1": "words", "2": {"3": {"count": 3, "lines": 2}}}'
check "a refusal is Nimbus' own words, with 1" exits_with 1 "$squall" rebalance stubborn $storm -p x=9
check "all of them" says "Nimbus says: Executors for component x greater than tasks" "$squall" rebalance stubborn $storm -p x=9
check "kill waits until it is gone" says words "$squall" kill words $storm --wait 2.5
check "with the time that the spouts are off, in whole seconds" asked 'killTopologyWithOpts {"1": "words", "2": {"1": 3}}'
check "what is not alive is told of, with 2" exits_with 2 "$squall" status words $storm
check "a savepoint is the supervisor's alone" says "--savepoint goes with a supervisor" "$squall" kill words $storm --savepoint

other=$(free_port)
check "another Nimbus names it as the leader" nimbus "leader:$other:$port" "$other" elsewhere
check "and is followed" eval '[ "$("$squall" list --storm "127.0.0.1:$other" --names)" = stubborn ]'
check "the first that answers is asked" says stubborn "$squall" list --storm "127.0.0.1:1,localhost:$port" --names
check "where nobody answers the status is 3" exits_with 3 "$squall" list --storm 127.0.0.1:1
check "and that is said" says "no Nimbus answers at 127.0.0.1:1" "$squall" list --storm 127.0.0.1:1
check "what is not an address is refused" exits_with 2 "$squall" list --storm 127.0.0.1:port
mute=$(free_port)
check "somebody speaks another protocol" nimbus "other:$mute" "$mute"
check "which is told of, with what may be the cause" says "has it another storm.thrift.transport?" "$squall" list --storm "127.0.0.1:$mute"
exit $failures
