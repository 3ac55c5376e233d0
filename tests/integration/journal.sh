#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# With a journal a spout whose source keeps nothing emits again what it took in, whoever dies: under exactly-once each
# message counts once, at least once none is lost. What was taken in is read out of the journal itself; its messages are
# JSON, which stands there as it came.
#
#     SQUALL_SEED=N     the instants (1)      SQUALL_KILLS=N     kills in a run (4)
source "$(dirname "$0")/supervised"

RANDOM=${SQUALL_SEED:-1} kills=${SQUALL_KILLS:-4}
if [ ! -e "$build/spouts/zmq.so" ]; then
        echo "ok - journal # skip: zmq is not built"
        exit 0
fi

# Messages are written as they come; all epochs are kept, and so is all of the journal.
# topology NAME CONFIG [SPOUT]
topology() {
        cat <<YAML
name: $1
config: { $2 }
spouts: [{ id: in, ${3:-component: zmq, properties: { endpoint: 'ipc://$dir/$1.socket', bind: true, format: json, fields: [n], journal: $dir/$1.journal \}} }]
bolts: [{ id: count, component: count, parallelism: 2 }, { id: write, component: write, properties: { path: $dir/$1.tsv } }]
streams: [{ from: in, to: count, grouping: { type: fields, args: [n] } }, { from: count, to: write, grouping: { type: global } }]
YAML
}
exactly='topology.delivery: exactly-once, topology.checkpoint.interval.ms: 60, topology.checkpoint.keep: 1000'
# sends NAME N RATE: the numbers below N, each once
sends() {
        cat >"$dir/sender.yaml" <<YAML
name: sender
spouts: [{ id: numbers, component: generate, properties: { count: $2, rate: $3, fields: { n: seq } } }]
bolts: [{ id: out, component: zmq, properties: { endpoint: 'ipc://$dir/$1.socket', format: json, timeout: 5 } }]
streams: [{ from: numbers, to: out, grouping: { type: shuffle } }]
YAML
        timeout 120 "$squall" run "$dir/sender.yaml" >"$dir/sender.said" 2>&1
}
breathe() { nap "0.$((RANDOM % 3))$((RANDOM % 10))1"; }
one_of() { [ $# -eq 0 ] || eval "echo \${$((RANDOM % $# + 1))}"; }

# What is in the segments of NAME, or was when `keep` was called last.
keep() { mkdir -p "$dir/kept" && ln -f "$dir/$1".journal/in-0/0* "$dir/kept/" 2>/dev/null; return 0; }
journalled() { cat "$dir/$1".journal/in-0/0* "$dir/kept"/0* 2>/dev/null | grep -aoE '\{"n":[0-9]+\}' | tr -dc '0-9\n' | sort -nu; }
has_all() { [ "$(journalled "$1" | wc -l)" -le "$(sort -nu "$dir/$1.tsv" | wc -l)" ]; }
# How many were taken in and not emitted: the last that were in the socket when the spout ended.
left() { grep -rhoE '[0-9]+ messages wait in the journal' "$@" | tail -n 1 | tr -dc 0-9; }
# all_but LEFT FILE: it has all messages that were taken in, but as many as are left, and no others
all_but() {
        [ "$(wc -l <"$dir/want")" -ge 500 ] || { echo "only $(wc -l <"$dir/want") messages were taken in"; return 1; }
        sort -u "$2" | comm -23 - <(sort "$dir/want") | head -n 5 >"$dir/others"
        [ ! -s "$dir/others" ] || { echo "never taken in:"; cat "$dir/others"; return 1; }
        [ $(($(wc -l <"$dir/want") - $(sort -u "$2" | wc -l))) = "${1:-0}" ] || { echo "${1:-0} are left"; wc -l "$dir/want" "$2"; return 1; }
}
# Each message has come once: its count is 1, its line is there once.
exact() {
        journalled "$1" >"$dir/want" && cut -f 1 "$dir/$1.tsv" >"$dir/got" && all_but "$(left "$dir/$1.said")" "$dir/got" || return
        [ -z "$(sort "$dir/got" | uniq -d)" ] && ! awk '$2 != 1' "$dir/$1.tsv" | grep .
}

# ---- Who is accepted ---------------------------------------------------------------------------------
accepted() {
        local name=$1 properties=$2
        topology check "topology.delivery: exactly-once" "component: $name, properties: { $properties, format: json, fields: [n] }" >"$dir/check.yaml"
        says "give it a folder for its journal" "$squall" check "$dir/check.yaml" || return
        sed -i "/^spouts/s,properties: { ,&journal: $dir/j\, ," "$dir/check.yaml"
        "$squall" check "$dir/check.yaml"
}
for spout in "zmq endpoint: tcp://127.0.0.1:1" "tcp listen: '127.0.0.1:1'" "udp listen: '127.0.0.1:1'" "unix listen: '$dir/u'" \
        "http listen: '127.0.0.1:1'" "exec command: 'true', restart: always"; do
        [ ! -e "$build/spouts/${spout%% *}.so" ] || check "with a journal exactly-once takes the spout ${spout%% *}" accepted "${spout%% *}" "${spout#* }"
done

# ---- Exactly-once ------------------------------------------------------------------------------------
lines() { cat "$dir/$1.tsv" 2>/dev/null | wc -l; }
more_of() { [ "$(lines "$1")" -gt "$2" ] || ! is_running || ! is_sending; }
is_sending() { kill -0 $sender; }
is_running() { kill -0 $run; }
# killed NAME ALL-OR-SPOUT: workers of the run that `run` is, each time when it has got on
killed() {
        local i pids
        for ((i = 0; i < kills; i++)); do
                until_true more_of "$1" "$(lines "$1")"
                breathe
                pids=$(pgrep -P $run -f "squall: worker.*$([ "$2" = spout ] && echo in/0)")
                [ -z "$pids" ] || kill -KILL $pids 2>/dev/null
        done
}
# When all is counted the run is ended: as it should, by the signal.
drains() {
        local status=0
        until_true has_all "$1" || status=1
        kill -INT $run
        wait $run
        [ $? = 130 ] || { cat "$dir/$1.said"; return 1; }
        return $status
}
runs() {
        "$squall" run "$dir/$1.yaml" >"$dir/$1.said" 2>&1 &
        run=$!
        sends "$1" 6000 4000 &
        sender=$!
        killed "$1" "$2"
        wait $sender || { cat "$dir/sender.said"; return 1; }
        drains "$1"
}
for who in spout all; do
        topology $who "$exactly" >"$dir/$who.yaml"
        check "messages come by zmq while workers are killed: $who" runs $who $who
        check "each that was taken in counts once" exact $who
done

# ---- By other ways than zmq --------------------------------------------------------------------------
# by_WAY gives each number.
fed() {
        "$squall" run "$dir/$1.yaml" >"$dir/$1.said" 2>&1 &
        run=$!
        "by_$1" &
        sender=$!
        killed "$1" all
        wait $sender && drains "$1"
}
port=$(free_port)
# A connection for each 20; one that is not there, or ends, takes what it held along.
by_tcp() {
        local i
        for ((i = 0; i < 3000; i += 20)); do
                until seq -f '{"n":%g}' $i $((i + 19)) >"/dev/tcp/127.0.0.1/$port" || ! is_running; do nap 0.02; done
        done 2>/dev/null
        return 0
}
by_exec() { until [ "$(lines exec)" -ge 700 ] || ! is_running; do nap 0.1; done; } 2>/dev/null
for way in "tcp listen: '127.0.0.1:$port'" \
        "exec restart: always, every: 0.01, command: 'while :; do echo \"{\\\"n\\\":\$(date +%s%N)}\"; done'"; do
        who=${way%% *}
        topology $who "$exactly" "component: $who, properties: { ${way#* }, format: json, fields: [n], journal: $dir/$who.journal }" >"$dir/$who.yaml"
        check "messages come by $who while all workers are killed" fed $who
        check "each that was taken in counts once, by $who" exact $who
done

# Who posts knows what was taken in: what was answered with 202. A message without an answer is sent again.
posted() {
        local answer= # it stays so where the connection is reset
        exec 3<>"/dev/tcp/127.0.0.1/$port" || return
        printf 'POST / HTTP/1.1\r\nHost: squall\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s' $((${#1} + 6)) "{\"n\":$1}" >&3
        read -rt 10 answer <&3
        exec 3>&-
        [[ $answer == *" 202 "* ]]
}
by_http() {
        local n
        trap '' PIPE
        for ((n = 0; n < 600; n++)); do
                until posted $n || ! is_running; do nap 0.02; done
        done 2>/dev/null
        return 0
}
answered_counts() {
        exact_but_sent_again http && [ "$(cut -f 1 "$dir/http.tsv" | sort -nu | wc -l)" = 600 ]
}
# One that was sent again is another message: it counts, too, and no number is left out or comes twice.
exact_but_sent_again() { awk '$2 != ++n[$1] { print "after " n[$1] - 1 ": " $0; exit 1 }' "$dir/$1.tsv"; }
if [ -e "$build/spouts/http.so" ]; then
        topology http "$exactly" "component: http, properties: { listen: '127.0.0.1:$port', fields: [n], journal: $dir/http.journal, journal.sync: each }" >"$dir/http.yaml"
        check "messages are posted while all workers are killed" fed http
        check "each that was answered for counts" answered_counts
fi

# ---- The run itself dies -----------------------------------------------------------------------------
topology again "$exactly, topology.checkpoint.dir: $dir/epochs" >"$dir/again.yaml"
has_epoch() { [ -n "$(find "$dir/epochs" -maxdepth 1 -name '[0-9]*')" ]; }
dies() {
        local i
        sends again 6000 4000 &
        sender=$!
        for i in 1 2 3; do
                "$squall" run "$dir/again.yaml" $([ $i = 1 ] || echo --from "$dir/epochs") >"$dir/again.said" 2>&1 &
                run=$!
                until_true has_epoch
                breathe
                breathe
                kill -KILL $run
                wait $run
        done 2>/dev/null
        return 0
}
goes_on() {
        "$squall" run "$dir/again.yaml" --from "$dir/epochs" >"$dir/again.said" 2>&1 &
        run=$!
        wait $sender && drains again
}
check "a run is killed with all of its own" dies
check "and goes on from where its folder says" goes_on
check "with each message that was taken in counted once by all of them" exact again

# ---- The run is told to end --------------------------------------------------------------------------
topology told "$exactly, topology.checkpoint.dir: $dir/told.epochs" >"$dir/told.yaml"
told_to_end() {
        local i
        sends told 6000 4000 &
        sender=$!
        for i in 1 2 3; do
                "$squall" run "$dir/told.yaml" $([ $i = 1 ] || echo --from "$dir/told.epochs") >"$dir/told.said" 2>&1 &
                run=$!
                [ $i = 3 ] || { until_true more_of told "$(lines told)" && kill -INT $run; }
                [ $i = 3 ] || { wait $run; [ $? = 130 ]; } || return
        done
        wait $sender && drains told
}
check "a run is told to end, and gone on from, twice" told_to_end
check "with each message that was taken in counted once by all of them" exact told

# ---- Under the daemon --------------------------------------------------------------------------------
start
topology daemon "$exactly" >"$dir/daemon.yaml"
"$squall" submit "$dir/daemon.yaml" >/dev/null
without_supervisor() {
        local i
        sends daemon 6000 4000 &
        sender=$!
        for ((i = 0; i < 3; i++)); do
                breathe
                kill_supervisor
                [ $i != 1 ] || kill -KILL $(one_of $(workers)) 2>/dev/null
                start || return
        done
        wait $sender && until_true has_all daemon
}
check "the supervisor is killed, and a worker without it" without_supervisor
rebalanced() {
        "$squall" rebalance daemon -p count=3 && sends daemon 100 4000 && until_true has_all daemon && stop
}
check "it is rebalanced, and stopped" rebalanced
# the second sender's numbers came before
counted_on() {
        journalled daemon >"$dir/want"
        awk '$2 == 1 { first[$1]++ } $2 == 2 { second[$1]++ } $2 > 2 || $1 > 99 && $2 > 1 { print "counted too often: " $0; exit 1 }
             END { for (n in first) if (first[n] > 1) { print n " begins anew"; exit 1 } for (n in second) if (second[n] > 1) { print n " counts twice"; exit 1 } }' \
                "$dir/daemon.tsv" && cut -f 1 "$dir/daemon.tsv" >"$dir/got" && all_but "$(left "$dir/state")" "$dir/got"
}
check "with each message that was taken in counted once by whichever supervisor" counted_on

# ---- At least once -----------------------------------------------------------------------------------
# The journal is cut behind what is acked: what it holds is looked at before each kill.
topology least "topology.delivery: at-least-once" >"$dir/least.yaml"
rm -rf "$dir/kept"
loses_nothing() {
        local i pid
        "$squall" run "$dir/least.yaml" >"$dir/least.said" 2>&1 &
        run=$!
        sends least 6000 4000 &
        sender=$!
        for ((i = 0; i < kills; i++)); do
                until_true more_of least "$(lines least)"
                breathe
                pid=$(pgrep -P $run -f 'squall: worker.*in/0')
                keep least
                [ -z "$pid" ] || kill -KILL $pid
        done
        wait $sender && drains least || return
        journalled least >"$dir/want"
        cut -f 1 "$dir/least.tsv" >"$dir/got" # and perhaps more: what was cut before it was looked at
        sort -u "$dir/got" | comm -13 - <(sort "$dir/want") >"$dir/lost"
        [ "$(wc -l <"$dir/want")" -ge 500 ] && [ "$(wc -l <"$dir/lost")" -le "0$(left "$dir/least.said")" ]
}
check "at least once nothing that was taken in dies with the worker of the spout" loses_nothing

# ---- What waits in it --------------------------------------------------------------------------------
# waiting COMMAND RATE MS: how long the bolt takes for each
waiting() {
        cat >"$dir/waiting.yaml" <<YAML
name: waiting
spouts: [{ id: in, component: exec, properties: { command: "$1; exec sleep 1000", journal: $dir/waiting.journal, rate: $2 } }]
bolts: [{ id: out, component: sleep, properties: { ms: $3 } }]
streams: [{ from: in, to: out, grouping: { type: shuffle } }]
YAML
        "$squall" submit "$dir/waiting.yaml" >>"$dir/err" 2>&1
}
taken_in() { cat "$dir"/waiting.journal/in-0/0* | grep -ao number | wc -l; }
has_taken_in() { [ "$(taken_in)" -ge 10 ]; }
lag_is() {
        local lag
        lag=$("$squall" status waiting --json | sed -n 's/.*"lag":{"amount":\([0-9]*\),"unit":"messages"}.*/\1/p')
        [ "${lag:-0}" -ge "$1" ] && [ "${lag:-0}" -le "$2" ]
}
shown() {
        start && waiting "while echo number; do sleep 0.01; done" 0 100000 && until_true has_taken_in && "$squall" kill waiting --wait 0 >>"$dir/err" &&
                waiting : 0.1 0 && until_true lag_is $(($(taken_in) - 3)) "$(taken_in)"
}
# The epoch is behind all that stands in it by then.
shortened() {
        local status
        cat >"$dir/short.yaml" <<YAML
name: short
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 60, topology.checkpoint.dir: $dir/short.epochs }
spouts: [{ id: in, component: exec, properties: { command: "seq 100; exec sleep 1000", restart: failed, journal: $dir/short.journal } }]
bolts: [{ id: out, component: write, properties: { path: $dir/short.tsv, visible: commit } }]
streams: [{ from: in, to: out, grouping: { type: global } }]
YAML
        "$squall" run "$dir/short.yaml" >"$dir/short.said" 2>&1 & run=$!
        until_true eval '[ "$(wc -l <"$dir/short.tsv")" = 100 ]' || return
        kill -KILL $run; wait $run
        truncate -s 70 "$dir"/short.journal/in-0/00000000000000000001
        "$squall" run "$dir/short.yaml" --from "$dir/short.epochs" >"$dir/short.said" 2>&1 & run=$!
        until_true grep -q 'the journal ends before it' "$dir/short.said" && kill -INT $run
        wait $run
        status=$?
        [ $status = 1 ] && grep -q 'bytes are torn, and are cut off' "$dir/short.said"
}
[ ! -e "$build/spouts/exec.so" ] || check "one that was shortened behind an epoch counts as lost, and is named" shortened
[ ! -e "$build/spouts/exec.so" ] || check "what an earlier process has left in the journal is the lag of the spout" shown
exit $failures
