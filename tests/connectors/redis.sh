#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bolt and the spout `redis` against redis-server.
# modes: release asan
source "$(dirname "$0")/lib"
needs redis-server redis-cli
needs_component bolts redis

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
        until_true grep -q 'Resource temporarily unavailable\|timed out' "$dir/err"
        kill -CONT "$server"
        wait $runner && [ "$(ask exists slow:0)$(ask exists slow:1999)" = 11 ]
}
check "a server that does not answer for a while is waited for" slow
down

check "redis-server starts with a password" up --requirepass 'se cret'
wrong() {
        topology "$(count_to 10)" "$(sink "key: 'p:{n}', password: 'file:$dir/password'")"
        echo wrong-one >"$dir/password"
        ! run && grep -q 'WRONGPASS' "$dir/err" && ! grep -q wrong-one "$dir/err"
}
check "a wrong password ends the topology with what the server says" wrong
right() {
        topology "$(count_to 10)" "$(sink "key: 'p:{n}', password: 'env:REDIS_SECRET'")"
        REDIS_SECRET='se cret' run && ! grep -q 'se cret' "$dir/err" && [ "$(REDISCLI_AUTH='se cret' ask exists p:9)" = 1 ] &&
                ! REDIS_SECRET= run && grep -q NOAUTH "$dir/err"
}
check "the password comes from the environment, and is in no log" right
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
exit $failures
