#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `squall check --connect`, of what needs no server; what does is tried in the script of each server.
# modes: release asan
source "$(dirname "$0")/lib"

into="component: write, properties: { path: $dir/out }"
probed() { topology "component: $build/tests/components/probed.so, properties: { how: $1 }" "$into"; }
# Of a note and of an error: the line, below it the mark.
said() {
        probed works && "$squall" check --connect "$dir/t.yaml" 2>"$dir/works" >/dev/null && grep -q ":3:16: note: in 'in': the connection works$" "$dir/works" || return
        probed broken && connects_not "it says no" && grep -q ":3:.*: error: in 'in'" "$dir/connects" && grep -q '\^\^\^\^\^\^' "$dir/connects"
}
check "says at the setting what does not work, and exits with 1" said
crashes() { probed crashes && connects_not "the component crashed while it tried"; }
check "a component that crashes in there takes nothing along" crashes
unasked() { probed broken && "$squall" check "$dir/t.yaml"; }
check "without --connect nothing is tried" unasked
refused() {
        topology "component: $build/tests/components/probed.so, properties: { how: never }" "$into"
        "$squall" check --connect "$dir/t.yaml" 2>"$dir/refused"
        [ $? = 2 ] && ! grep -q connection "$dir/refused"
}
check "nothing is tried of a file that is wrong" refused
json() { probed broken && "$squall" check --connect --json "$dir/t.yaml" | grep -q '"severity":"error","line":3,.*does not work: it says no'; }
check "--json says the same" json

out_of_reach() {
        topology "component: timer, properties: { interval: 1 }" "component: write, properties: { path: $dir/nowhere/out }" && connects_not "nowhere/out: No such file" &&
                topology "component: timer, properties: { interval: 1 }" "component: write, properties: { path: $dir/out2 }" && connects && [ ! -e "$dir/out2" ]
}
check "write: the folder must be there, and no file is made" out_of_reach
folders() {
        local counts="component: generate, properties: { count: 1, fields: { n: seq } }"
        : >"$dir/file"
        topology "$counts" "component: write, properties: { path: '$dir/file/{n}' }" && connects_not "$dir/file: " &&
                topology "$counts" "component: write, properties: { path: '$dir/new/more/{n}/{n}' }" && connects && [ ! -e "$dir/new" ]
}
check "write with fields in its path: folders can be made, and none is" folders
listening() {
        local port=$(free_port)
        topology "component: tcp, properties: { listen: '127.0.0.1:$port' }" "$into" && connects && behind && until_true listens "$port" || return
        topology "component: tcp, properties: { listen: '127.0.0.1:$port' }" "$into" && connects_not "127.0.0.1:$port: Address already in use"
        local status=$?
        stop
        return $status
}
check "tcp: another that listens there is found" listening

# unused KIND NAME PROPERTIES SETTING...: of those that each connector has, what the others leave without an effect.
unused() {
        local kind=$1 name=$2 properties=$3 setting
        shift 3
        [ -e "$build/$kind/$name.so" ] || return 0
        local it="component: $name, properties: { $properties }"
        if [ "$kind" = spouts ]; then topology "$it" "component: 'null'"; else topology "$(count_to 1)" "$it"; fi
        "$squall" check "$dir/t.yaml" 2>"$dir/unused"
        [ $? = 2 ] && [ "$(grep -c ': error: ' "$dir/unused")" = $# ] || { cat "$dir/unused"; return 1; }
        for setting in "$@"; do grep -q ": $setting: has no effect .*(leave it out)$" "$dir/unused" || { echo "nothing about $setting"; return 1; }; done
}
all_unused() {
        unused spouts http "listen: '*:1', separator: tab, journal.sync: each" separator journal.sync && unused bolts http "url: 'http://h', ca: x" ca &&
                unused spouts kafka "brokers: 'h:1', topic: t, group: g, meta: true, format: csv" format && unused bolts kafka "brokers: 'h:1', topic: t, mark-topic: m" mark-topic &&
                unused spouts mqtt "url: 'mqtt://h', topic: t, topics: true, format: text, ca: x" format ca && unused bolts mqtt "url: 'mqtt://h', topic: t, ca: x" ca &&
                unused spouts nats "url: 'nats://h', subject: s, start: latest, ack-wait: 5, ca: x" start ack-wait ca && unused bolts nats "url: 'nats://h', subject: s, ca: x" ca &&
                unused spouts postgres "url: 'postgres://h/d', query: 'select \$1', cursor: c, follow: false, every: 3, listen: l" every listen &&
                unused spouts redis "url: 'redis://h', key: k, kind: list, group: g, claim: 3, value: v" group claim value &&
                unused spouts redis "url: 'redis://h', key: k, group: g, format: json, strict: true" format strict &&
                unused bolts redis "url: 'redis://h', key: k, kind: publish, expire: 3, score: n, length: 4" expire score length &&
                unused bolts redis "url: 'redis://h', key: k, kind: hash, value: n, format: json" value format &&
                unused bolts lookup "path: x, column: c, key: '{n}', url: 'redis://h', table: t, cache: 3, expire: 4, password: 'env:P'" url table cache expire password &&
                unused bolts lookup "from: redis, url: 'redis://h', key: '{n}', path: x, column: c, table: t" path column table
}
check "settings of connectors that have no effect as the others are" all_unused
[ -e "$build/bolts/http.so" ] || exit $failures
secret() { printf "$1" >"$dir/secret" && topology "component: http, properties: { listen: '127.0.0.1:$(free_port)', token: 'file:$dir/secret' }" "$into"; }
secrets() {
        local text
        for text in 'two words' 'a\n' 'a\r\n'; do secret "$text" && connects || return; done
        for text in 'a\nb\n' 'a\n\n' 'a\r\r' 'a\0b' 'a\0' '\nb\n'; do secret "$text" && connects_not "$dir/secret: has more than one line" || return; done
        for text in '' '\n'; do secret "$text" && connects_not "$dir/secret: is empty" || return; done
}
check "the file of a secret has it alone" secrets
webhook() {
        local port=$(free_port)
        topology "component: timer, properties: { interval: 1 }" "component: http, properties: { url: 'http://127.0.0.1:$port/', token: 'env:NO_SUCH_TOKEN' }" && connects_not "the variable NO_SUCH_TOKEN" &&
                topology "component: timer, properties: { interval: 1 }" "component: http, properties: { url: 'http://127.0.0.1:$port/' }" && connects_not "http://127.0.0.1:$port/: "
}
check "http: a server that is away, and a token that is not there" webhook
messages() {
        local port=$(free_port)
        topology "component: zmq, properties: { endpoint: 'tcp://127.0.0.1:$port' }" "$into" && connects_not "127.0.0.1:$port: Connection refused" &&
                topology "component: zmq, properties: { endpoint: 'tcp://127.0.0.1:$port', bind: true }" "$into" && connects && behind && until_true listens "$port" || return
        topology "component: zmq, properties: { endpoint: 'tcp://127.0.0.1:$port' }" "$into" && connects
        local status=$?
        stop
        return $status
}
check "zmq: who connects needs somebody who listens" messages
exit $failures
