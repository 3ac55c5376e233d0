#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bolt and the spout `redis` against redis-server.
# modes: release asan
source "$(dirname "$0")/lib"
needs redis-server redis-cli
needs_component bolts redis
needs_component spouts redis

port=$(free_port) server=
up() { # [OPTION...]
        redis-server --port "$port" --bind 127.0.0.1 --dir "$dir" --appendonly yes --appendfsync always --save '' "$@" >>"$dir/server.log" 2>&1 &
        server=$!
        until_true listens "$port" && until_true answers
}
answers() { case $(ask ping 2>&1) in PONG | *NOAUTH*) ;; *) return 1 ;; esac; }
down() { end "$server" "${1:-TERM}"; }
ask() { redis-cli -p "$port" --no-auth-warning "$@"; }
on_exit down
sink() { echo "component: redis, properties: { url: 'redis://127.0.0.1:$port', $1 }"; }

check "redis-server starts" up
set_all() {
        topology "$(count_to 500 "n: seq, w: const word")" "$(sink "kind: set, key: 'n:{n}', value: w")" && run &&
                [ "$(ask dbsize)" = 500 ] && [ "$(ask get n:7)" = word ]
}
check "set: a key with a field in it has the value of a field" set_all
json() { topology "$(count_to 3)" "$(sink "key: 'j:{n}'")" && run && [ "$(ask get j:2)" = '{"n":2}' ]; }
check "without a value the tuple stands there as JSON" json
formats() { # FORMAT WHAT-STANDS-THERE
        topology "$(count_to 1 "n: const 5, c: 'const a,b=c'")" "$(sink "kind: list, key: '$1', format: $1")" && run && [ "$(ask --raw lrange "$1" 0 -1)" = "$2" ]
}
check "the tuple stands there as CSV, without a line end" formats csv '5,"a,b=c"'
check "the tuple stands there as logfmt" formats logfmt 'n=5 c="a,b=c"'
check "the tuple stands there as text" formats text $'5\ta,b=c'
check "the tuple stands there as msgpack" formats msgpack $'\x82\xa1n\x05\xa1c\xa5a,b=c'
hash() {
        topology "$(count_to 10 "n: seq, c: const x y")" "$(sink "kind: hash, key: 'h:{n}', expire: 1000")" && run &&
                [ "$(ask hget h:3 c)" = "x y" ] && [ "$(ask ttl h:3)" -gt 900 ]
}
check "hash: the fields are the hash's, and it expires" hash
incr() {
        topology "$(count_to 3000)" "$(sink "kind: incr, key: sum, value: n, expire: 500")" && run && [ "$(ask get sum)" = 4498500 ] &&
                topology "$(count_to 70)" "$(sink "kind: incr, key: times")" && run && [ "$(ask get times)" = 70 ]
}
check "incr: adds up the values, or counts" incr
lists() {
        topology "$(count_to 100)" "$(sink "kind: list, key: l, value: n")" && run && [ "$(ask lrange l 0 -1 | sort -n | tr '\n' ' ')" = "$(seq -s ' ' 0 99) " ] &&
                topology "$(count_to 100)" "$(sink "kind: stream, key: s")" && run && [ "$(ask xlen s)" = 100 ] &&
                topology "$(count_to 20 "n: seq")" "$(sink "kind: zset, key: z, score: n, value: n")" && run && [ "$(ask zscore z 7)" = 7 ]
}
check "list, stream and zset hold each tuple" lists
subscribed() { [ "$(ask pubsub numsub c | tail -n 1)" = 1 ]; }
heard() { [ "$(grep -c '^message$' "$dir/heard")" = 50 ]; }
publish() {
        local listener
        ask subscribe c >"$dir/heard" &
        listener=$!
        until_true subscribed
        topology "$(count_to 50)" "$(sink "kind: publish, key: c")" && run && until_true heard
        local status=$?
        end $listener
        return $status
}
check "publish: a subscriber hears each tuple" publish

refused() {
        ask set taken text >/dev/null
        topology "$(count_to 10 "n: seq")" "$(sink "kind: incr, key: 'r:{n}', value: n")" && run || return
        ask set r:4 text >/dev/null
        topology "$(count_to 10 "n: seq")" "$(sink "kind: incr, key: 'r:{n}', value: n")" refusing "topology.dead.letter.path: $dir/letters"
        run --json && [ "$(ask get r:5)" = 10 ] && [ "$(wc -l <"$dir/letters")" = 1 ] &&
                grep -q '"cause":"redis://.*not an integer.*"record":{"n":4}' "$dir/letters"
}
check "what Redis refuses goes to the dead letters with its cause, and nothing else is held up" refused
no_secret() {
        : >"$dir/empty"
        topology "$(count_to 1)" "$(sink "key: a, password: 'file:$dir/empty'")"
        connects_not "$dir/empty: is empty" && ! run && grep -q "$dir/empty: is empty" "$dir/err"
}
check "a file without the password that it should hold is told" no_secret
nowhere() { # PATTERN URL
        topology "$(count_to 1)" "component: redis, properties: { url: '$2', key: a }"
        ! "$squall" check "$dir/t.yaml" >"$dir/said" 2>&1 && grep -q "$1" "$dir/said"
}
check "a database has a number" nowhere 'names no database' redis://127.0.0.1/main
check "TLS is not built in, and what will do is said" nowhere stunnel rediss://127.0.0.1
# A time that Redis cannot reckon with: the command is executed, and what belongs to it is not.
lasting() { # [CONFIG]
        rm -f "$dir/letters"
        topology "$(count_to 3 "n: seq")" "$(sink "kind: hash, key: 'lasting:{n}', expire: 9000000000000000000")" lasting "topology.dead.letter.path: $dir/letters${1:+, $1}"
        run --json && [ "$(ask hget lasting:2 n)" = 2 ] && [ "$(wc -l <"$dir/letters")" = 3 ] && grep -q 'does not expire: ERR invalid expire' "$dir/letters"
}
check "what is written and does not expire as it should goes there, too" lasting
check "and under exactly-once" lasting "topology.delivery: exactly-once, topology.checkpoint.interval.ms: 100"

killed() { # KIND CHECK: five times killed while tuples flow
        local runner i status
        ask flushall >/dev/null
        topology "$(count_to 4000 "n: seq" ", rate: 1000")" "$(sink "kind: $1")"
        run &
        runner=$!
        until_true grows "$2" 100
        for i in 1 2 3 4 5; do
                down KILL
                up || return
                until_true grows "$2" $((i * 500)) || return
        done
        wait $runner
        status=$?
        return $status
}
grows() { [ "$(ask $1)" -ge "$2" ]; }
none_lost() { killed "set, key: 'n:{n}'" dbsize && [ "$(ask dbsize)" = 4000 ] && grep -q 'is back after' "$dir/err"; }
check "five kills of the server lose nothing, and leave no duplicate of a key" none_lost
once() {
        killed "stream, key: s, once: 'seen:{n}'" "xlen s" && [ "$(ask xlen s)" = 4000 ]
}
check "once: five kills leave each entry in the stream exactly once" once
has_entries() { grows "llen exact" "$1"; }
exact() {
        ask flushall >/dev/null
        exactly "$(sink "kind: list, key: exact, value: n, batch: 40")" has_entries && ask lrange exact 0 -1 | sort -n | cmp - <(seq 0 5999) &&
                [ "$(ask keys 'squall:mark:out/0/*' | wc -l)" = 1 ]
}
check "exactly once each tuple is one element of a list, whoever is killed" exact
crashed() {
        local i
        ask flushall >/dev/null
        topology "$(count_to 5000 "n: seq, k: uniform 0 9" ", rate: 1500")" "$(sink "kind: incr, key: 'exact:{k}', expire: 1000, batch: 40, timeout: 0.3")" crashed "topology.delivery: exactly-once, topology.checkpoint.interval.ms: 50"
        behind
        until_true grows "get exact:1" 10 || return
        for i in 1 2 3; do
                down KILL
                [ $i = 3 ] || kill_worker "$([ $i = 1 ] || echo out/0)"
                up && until_true grows "get exact:1" $((i * 60)) || return
        done
        wait $runner && [ $(($(ask mget exact:{0,1,2,3,4,5,6,7,8,9} | paste -sd+))) = 5000 ]
}
check "so it is of counters when the server is killed, and while it is away the workers" crashed
refused_once() {
        ask flushall >/dev/null
        ask set 'exact:7' text >/dev/null
        topology "$(count_to 1000 "n: seq, k: uniform 0 9")" "$(sink "kind: incr, key: 'exact:{k}', expire: 1000, batch: 40")" refused "topology.delivery: exactly-once, topology.dead.letter.path: $dir/exact-letters"
        run && [ $(($(ask mget exact:{0,1,2,3,4,5,6,8,9} | paste -sd+) + $(wc -l <"$dir/exact-letters"))) = 1000 ] && grep -q 'not an integer.*"k":7' "$dir/exact-letters"
}
check "exactly once, too, what Redis refuses goes to the dead letters, and all else is there" refused_once
down

late() {
        local runner
        topology "$(count_to 100)" "$(sink "key: 'late:{n}'")"
        run &
        runner=$!
        until_true grep -q "may come up yet" "$dir/err"
        up
        wait $runner && [ "$(ask exists late:99)" = 1 ]
}
check "a server that comes up later is waited for" late
slow() {
        local runner
        topology "$(count_to 2000 "n: seq" ", rate: 2000")" "$(sink "key: 'slow:{n}', timeout: 0.3")"
        run &
        runner=$!
        until_true grows dbsize 200
        kill -STOP "$server"
        until_true grep -q 'no answer for 0.3 s' "$dir/err"
        kill -CONT "$server"
        wait $runner && [ "$(ask exists slow:0)$(ask exists slow:1999)" = 11 ]
}
check "a server that does not answer for a while is waited for" slow
down

check "redis-server starts with a password" up --requirepass 'se cret'
wrong() {
        topology "$(count_to 10)" "$(sink "key: 'p:{n}', password: 'file:$dir/password'")"
        echo wrong-one >"$dir/password"
        ! run && grep -q 'WRONGPASS' "$dir/err" && ! grep -q wrong-one "$dir/err" && connects_not WRONGPASS && ! grep -q wrong-one "$dir/connects"
}
check "a wrong password ends the topology with what the server says" wrong
right() {
        topology "$(count_to 10)" "$(sink "key: 'p:{n}', password: 'env:REDIS_SECRET'")"
        REDIS_SECRET='se cret' run && ! grep -q 'se cret' "$dir/err" && [ "$(REDISCLI_AUTH='se cret' ask exists p:9)" = 1 ] && REDIS_SECRET='se cret' connects &&
                ! REDIS_SECRET= run && grep -q NOAUTH "$dir/err"
}
check "the password comes from the environment, and is in no log" right
down

check "redis-server starts for a user of few rights" up --user few on '>few' '~may:*' '~squall:*' +ping +set +watch +get +multi +exec +del --user default on nopass '~*' '+@all'
few() { # OPTIONS [CONFIG]: rows whose keys begin with may:, but for some
        rm -f "$dir/letters"
        topology "$(count_to 100)" "component: redis, properties: { url: 'redis://few@127.0.0.1:$port', password: 'env:FEW', $1 }" "" "topology.dead.letter.path: $dir/letters${2:+, $2}"
        FEW=few run
}
not_this_command() { ! few "kind: list, key: 'may:l', value: n" "$1" && grep -q 'NOPERM' "$dir/err" && [ ! -s "$dir/letters" ]; }
for delivery in at-least-once exactly-once; do
        check "a command that the user may not run ends the topology ($delivery)" not_this_command "topology.delivery: $delivery"
done
not_this_key() {
        few "kind: set, key: \"{if n % 10 == 0 then 'not' else 'may'}:{n}\", value: n" && [ "$(wc -l <"$dir/letters")" = 10 ] && grep -q NOPERM "$dir/letters" &&
                [ "$(ask exists may:1)$(ask exists not:10)" = 10 ]
}
check "a key that the user may not write makes a dead letter" not_this_key
down

other=
other_down() { end "$other"; }
cluster() { # two nodes, and a slot of each half
        local there
        there=$(free_port)
        mkdir -p "$dir/here" "$dir/other"
        up --dir "$dir/here" --cluster-enabled yes --cluster-port "$(free_port)" --cluster-config-file here.conf
        redis-server --port "$there" --bind 127.0.0.1 --dir "$dir/other" --save '' --cluster-enabled yes --cluster-port "$(free_port)" >>"$dir/server.log" 2>&1 &
        other=$!
        on_exit other_down
        until_true listens "$there"
        ask cluster addslotsrange 0 8191 && redis-cli -p "$there" cluster addslotsrange 8192 16383 &&
                ask cluster meet 127.0.0.1 "$there" "$(redis-cli -p "$there" config get cluster-port | tail -n 1)" && until_true whole
}
whole() { ask cluster info | grep -q cluster_state:ok; }
a_node() {
        topology "$(count_to 100)" "$(sink "key: 'c:{n}'")" "" "topology.dead.letter.path: $dir/node-letters"
        ! run && grep -q 'MOVED .*one node of a cluster' "$dir/err" && [ ! -s "$dir/node-letters" ]
}
check "two nodes of a cluster start" cluster
check "a node of a cluster ends the topology, with what to do" a_node
other_down
down

# ---- The spout ---------------------------------------------------------------------------------------
check "redis-server starts again" up
from() { echo "component: redis, parallelism: ${2:-1}, properties: { url: 'redis://127.0.0.1:$port', $1 }"; }
fresh() { rm -f "$dir/out"; ask flushall >/dev/null; }
settled() { [ "$(ask xpending s g | head -n 1)" = 0 ]; }
from_stream="kind: stream, key: s, group: g, fields: { n: int }"
from_list="kind: list, key: l, consumer: c, fields: { n: int }"
fill() { topology "$(count_to "$1")" "$(sink "$2")" && run; }

stream() {
        fresh
        fill 3000 "kind: stream, key: s" && topology "$(from "$from_stream, follow: false")" "$out" && run && numbers 3000 && settled &&
                fill 10 "kind: stream, key: s" && topology "$(from "$from_stream, follow: false")" "$out" && run && numbers 10
}
check "stream: each entry is a tuple, is acked, and a group goes on where it was" stream
message() {
        fresh
        ask xadd s 5-1 user ann body '{"n":7}' >/dev/null
        topology "$(from "kind: stream, key: s, group: g, value: body, follow: false")" "$out" && run && [ "$(cat "$dir/out")" = '{"value":{"n":7}}' ] &&
                topology "$(from "kind: stream, key: s, group: h, id: at, follow: false, fields: [at, user]")" "$out" && run &&
                [ "$(cat "$dir/out")" = '{"at":"5-1","user":"ann"}' ]
}
check "stream: a field of the entry is the message, or all are a map with the id" message
list() {
        fresh
        fill 3000 "kind: list, key: l" && topology "$(from "$from_list, follow: false")" "$out" && run && numbers 3000 && [ "$(ask dbsize)" = 0 ] &&
                fill 300 "kind: list, key: l" && topology "$(from "$from_list, follow: false")" "$out" "" "topology.delivery: at-most-once" && run &&
                numbers 300 && [ "$(ask dbsize)" = 0 ]
}
check "list: each element is a tuple, and is in no list any more" list
subscribe() {
        fresh
        topology "$(from "kind: subscribe, key: 'c*', fields: { n: int }" 2)" "$out" && behind
        until_true eval '[ "$(ask pubsub numpat)" = 1 ]' && fill 50 "kind: publish, key: c1" && until_true distinct 50 && stop && numbers 50
}
check "subscribe: one task hears each message of a pattern of channels" subscribe

dying() { # FROM INTO EMPTY: workers die while tuples flow
        fresh
        fill 20000 "$2" && topology "$(from "$1, rate: 8000")" "$out" dying && behind
        until_true distinct 1000 && kill_worker in/0
        until_true distinct 5000 && kill_worker out/0
        until_true distinct 9000 && kill_worker in/0
        until_true distinct 20000 && stop && $3
}
nothing_left() { [ "$(ask dbsize)" = 0 ] || { ask keys '*'; return 1; }; }
check "stream: a spout and a bolt that are killed lose nothing" dying "$from_stream" "kind: stream, key: s" settled
check "list: a spout and a bolt that are killed lose nothing" dying "$from_list" "kind: list, key: l" nothing_left

given() { [ "$(ask $2 | head -n 1)" -ge "$1" ]; }
# What a bolt that stands still has not processed dies with it and with the spout; Redis has it.
together() { # FROM INTO EMPTY COMMAND: its answer is how much was given to the task
        fresh
        topology "$(from "$1")" "$out" together && behind
        until_true eval '[ -n "$(workers out/0)" ]' && until_true eval 'ask client list | grep -q "cmd=xreadgroup\|cmd=blmove"' && kill_worker out/0 STOP || return
        fill 300 "$2" && until_true given 10 "$4" && kill_worker in/0 && kill_worker out/0 && until_true distinct 300 && stop && $3
}
check "stream: what was given and not processed comes again when a spout and a bolt die at once" together "$from_stream" "kind: stream, key: s" settled "xpending s g"
check "list: what was given and not processed comes again when a spout and a bolt die at once" together "$from_list" "kind: list, key: l" nothing_left "llen l:c.0"

broken() { # FROM INTO EMPTY: the server dies while tuples come and go
        fresh
        topology "$(from "$1")" "$out" reader && behind
        survives_restarts 500 "$(count_to 5000 "n: seq" ", rate: 1000")" "$(sink "$2")" KILL || return
        until_true distinct 5000 && stop && $3 && grep -q 'is back' "$dir/err" && [ "$(sort -u "$dir/out" | sed 's/[^0-9]//g' | sort -n | tail -n 1)" = 4999 ]
}
check "stream: five kills of the server lose nothing, on the way in and out" broken "$from_stream" "kind: stream, key: s" settled
check "list: five kills of the server lose nothing, on the way in and out" broken "$from_list" "kind: list, key: l" nothing_left

claimed() {
        fresh
        fill 100 "kind: stream, key: s" && ask xgroup create s g 0 >/dev/null && ask xreadgroup group g gone count 60 streams s '>' >/dev/null &&
                topology "$(from "$from_stream, claim: 0.2")" "$out" && behind
        until_true distinct 100 && until_true settled && stop && numbers 100
}
check "stream: what a consumer holds that is gone is taken from it" claimed
gathered() {
        fresh
        ask rpush l:c.0 '{"n":0}' >/dev/null && ask rpush l:c.7 '{"n":1}' '{"n":2}' >/dev/null && ask rpush l:c.12 '{"n":3}' >/dev/null &&
                topology "$(from "$from_list, follow: false" 2)" "$out" && run && numbers 4 && nothing_left
}
check "list: what tasks hold that are no more is processed" gathered
alike() {
        fresh
        topology "$(count_to 2000 "n: const same")" "$(sink "kind: list, key: l")" && run && topology "$(from "kind: list, key: l, rate: 1500")" "$out" && behind
        until_true eval '[ "$(wc -l <"$dir/out")" -ge 500 ]' && kill_worker in/0
        until_true nothing_left && stop && [ "$(wc -l <"$dir/out")" -ge 2000 ]
}
check "list: none of many equal elements is lost with a worker" alike
deleted() {
        fresh
        topology "$(from "kind: stream, key: s, group: g, start: latest, fields: { n: int }")" "$out" && behind
        until_true eval 'ask xinfo groups s | grep -qx g' && fill 10 "kind: stream, key: s" && until_true distinct 10 && ask del s >/dev/null &&
                topology "$(count_to 30)" "$(sink "kind: stream, key: s")" && run && until_true distinct 30 && stop
}
check "stream: one that is deleted and made anew is read from its start" deleted
trimmed() {
        fresh
        fill 20 "kind: stream, key: s" && ask xgroup create s g 0 >/dev/null && ask xreadgroup group g c.0 count 10 streams s '>' >/dev/null && ask xtrim s maxlen 15 >/dev/null &&
                topology "$(from "$from_stream, consumer: c, follow: false")" "$out" && ! run && [ "$(wc -l <"$dir/out")" = 15 ] && settled && grep -q "was deleted before" "$dir/err"
}
check "stream: entries that were deleted before they were processed are counted as lost" trimmed
lag_of_stream() {
        spout() { from "$from_stream$1"; }
        send() { fill "$1" "kind: stream, key: s"; }
        fresh
        follows_lag spout send
}
check "stream: status shows how many entries nobody was given yet" lag_of_stream
lag_of_list() {
        spout() { from "$from_list$1"; }
        send() { fill "$1" "kind: list, key: l"; }
        fresh
        follows_lag spout send
}
check "list: status shows how many elements are left" lag_of_list
wrong_type() {
        fresh
        ask set s text >/dev/null
        topology "$(from "$from_stream")" "$out" && ! run && grep -q WRONGTYPE "$dir/err"
}
check "what is not a stream ends the topology with what the server says" wrong_type
down

refuses() { # TEXT PROPERTIES
        topology "$(count_to 1)" "component: redis, properties: { $2 }"
        exits_with 2 "$squall" check "$dir/t.yaml" >"$dir/said" 2>&1
        cat "$dir/said"
        grep -qF "$1" "$dir/said"
}
check "check refuses a password in the URL" refuses "has a password" "url: 'redis://me:pw@h', key: k"
check "check refuses a password in the file" refuses "does not stand in the topology file" "url: 'redis://h', key: k, password: plain"
check "check refuses a field that is not there" refuses "the field \`m\` is not in" "url: 'redis://h', key: '{m}'"
check "check refuses a batch of nothing" refuses "must be from 1" "url: 'redis://h', key: k, batch: 0"
refuses_to_read() { # TEXT PROPERTIES
        topology "component: redis, properties: { url: 'redis://h', $2 }" "$out"
        exits_with 2 "$squall" check "$dir/t.yaml" >"$dir/said" 2>&1
        cat "$dir/said"
        grep -qF "$1" "$dir/said"
}
check "check refuses to read a stream without a group" refuses_to_read "the consumer group" "key: k"
check "check refuses to read a channel to its end" refuses_to_read "has no end" "key: k, kind: subscribe, follow: false"
exit $failures
