#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A supervisor that says nothing, for it is stopped, or died in the middle: whoever asks is told so, and what to do, with status 3. And who follows what
# nobody reads any more ends with one line, and 1.
# modes: release
source "$(dirname "$0")/lib"

export XDG_RUNTIME_DIR=$dir/run
mkdir -m 700 "$XDG_RUNTIME_DIR"
# supervisor NAME: at the socket $dir/NAME; its pid is ${pids[NAME]}.
declare -A pids asking
supervisor() {
        mkdir -m 700 "$dir/$1"
        "$squall" supervisor --state-dir "$dir/$1/state" --socket "$dir/$1/socket" >>"$dir/err" 2>&1 &
        pids[$1]=$!
        until_true "$squall" list --socket "$dir/$1/socket" >/dev/null
}
# asks NAME SUPERVISOR COMMAND...: in the background.
asks() {
        local name=$1 whom=$2
        shift 2
        "$squall" "$@" --socket "$dir/$whom/socket" >"$dir/$name.out" 2>"$dir/$name.err" &
        asking[$name]=$!
}
# is_told NAME TEXT: with status 3, one line, and nothing on stdout.
is_told() {
        local status=0
        wait "${asking[$1]}" || status=$?
        cat "$dir/$1.err"
        [ $status = 3 ] && [ ! -s "$dir/$1.out" ] && [ "$(wc -l <"$dir/$1.err")" = 1 ] && grep -qF "$2" "$dir/$1.err"
}

supervisor stopped
supervisor dies
kill -STOP ${pids[stopped]} ${pids[dies]}
asks looks stopped list --json
asks changes stopped deactivate any
asks dead dies status any
nap 0.3
kill -KILL ${pids[dies]}

supervisor read
(set -o pipefail; timeout 20 "$squall" events -f --socket "$dir/read/socket" 2>"$dir/events" | true)
check "events that nobody reads end with 1" [ $? = 1 ]
check "and one line" grep -qx "squall: nobody reads the output any more (it was cut short)" "$dir/events"
check "who looks is told that the supervisor is stopped" is_told looks "has said nothing for 10 s: it is stopped, or stuck (let it go on,"
check "who wants something done, that it may still be" is_told changes "what was asked for may still be done"
check "who asks one that died, that there is none" is_told dead "no supervisor answers at $dir/dies/socket (start one"
kill -CONT ${pids[stopped]}
kill -KILL ${pids[stopped]} ${pids[read]}
wait 2>/dev/null

exit $failures
