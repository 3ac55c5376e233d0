#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The other side is not there when the topology starts: each connector waits for it, and says why. That a wrong password, or a table that is
# not there, ends the topology is tried in the script of each server.
# And while it is away a drain ends: who is asked to end does, and says what it leaves behind.
# modes: release asan
source "$(dirname "$0")/lib"

away=127.0.0.1:$(free_port) unknown=nosuch.invalid:1
# waits KIND NAME PROPERTIES [COMPONENT]: with HOST for the address, which is refused, and which nobody knows.
waits() {
        local host kind=$1 name=$2 n=0 pids=() status=0
        for host in "$away" "$unknown"; do
                local properties="component: $name, properties: { ${3//HOST/$host} }"
                if [ "$kind" = spouts ]; then topology "$properties" "component: 'null'"; else topology "$(count_to 0)" "$properties"; fi
                mv "$dir/t.yaml" "$dir/$name.$((n += 1)).yaml"
                (cd "$dir" && exec "$squall" run "$name.$n.yaml" >stdout 2>"$kind.$name.$n" </dev/null) &
                pids+=($!)
        done
        for n in 1 2; do
                until_true grep -Eq '^(in|out)/0: warning: .*(it may come up yet|tried again)' "$dir/$kind.$name.$n" && kill -0 "${pids[n - 1]}" || status=1
                kill -KILL "${pids[n - 1]}"
                wait "${pids[n - 1]}"
        done
        until_true no_worker && [ $status = 0 ]
}
each() { # KIND NAME PROPERTIES
        [ -e "$build/$1/$2.so" ] || { echo "ok - ${1%s} $2 # skip: it was not built"; return; }
        check "${1%s} $2 waits for a server that is away, or unknown, and says why" waits "$@"
}

each spouts kafka "brokers: 'HOST', topic: t, group: g"
each spouts redis "url: 'redis://HOST', key: k, group: g"
each spouts postgres "url: 'postgres://u@HOST/d', query: 'select n from t where n > \$1 order by n', cursor: n, fields: [n]"
each spouts mqtt "url: 'mqtt://HOST', topic: t"
each spouts nats "url: 'nats://HOST', subject: t"
each bolts kafka "brokers: 'HOST', topic: t"
each bolts redis "url: 'redis://HOST', kind: set, key: k"
each bolts postgres "url: 'postgres://u@HOST/d', table: t"
each bolts mqtt "url: 'mqtt://HOST', topic: t"
each bolts nats "url: 'nats://HOST', subject: t"
each bolts http "url: 'http://HOST/'"
each bolts lookup "from: redis, url: 'redis://HOST', key: '{n}'"

# gives_up DELIVERY NAME PROPERTIES SAYS: a drain ends soon after the message timeout, and names who holds what, and why.
has_emitted() { "$squall" status connectors --json | grep -q '"id":"in"[^}]*"emitted":[1-9]'; }
gives_up() {
        local status=0
        topology "component: generate, properties: { rate: 100, fields: { n: seq } }" "component: $2, properties: { ${3//HOST/$away} }"
        "$squall" run "$dir/t.yaml" -c topology.delivery="$1" -c topology.message.timeout.secs=1 -c topology.dead.letter.path="$dir/letters" \
                >"$dir/$2.out" 2>"$dir/$2.err" </dev/null &
        runner=$!
        until_true has_emitted && kill -INT $runner && until_true is_over
        wait $runner || status=$?
        runner=
        cat "$dir/$2.err"
        [ $status = 1 ] && grep -Eq "$4" "$dir/$2.err" && until_true no_worker
}
is_over() { [ ! -e "/proc/$runner" ] || grep -q '^State:.Z' "/proc/$runner/status"; }
if [ -e "$build/bolts/redis.so" ]; then
        check "a drain does not wait for ever for a server that is away" gives_up at-least-once redis "url: 'redis://HOST', kind: list, key: k" \
                "out/0 had not finished when the drain took longer than 1 s .*: 'out' has taken [0-9]+ of the [0-9]+ tuples that were sent to it; last it said: .*Connection refused"
        check "nor for the commit of the last epoch" gives_up exactly-once redis "url: 'redis://HOST', kind: list, key: k" \
                "out/0 had not committed epoch [0-9]+ when the drain took longer than 1 s .*last it said: .*Connection refused"
        check "and what was staged is not passed over in silence" grep -q "has reached no sink, and is gone with the temporary folder of the epochs" "$dir/redis.err"
fi

exit $failures
