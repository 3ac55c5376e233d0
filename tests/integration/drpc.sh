#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Requests into a running topology: answers, and what is said instead of one where there is none.
# modes: release asan
source "$(dirname "$0")/supervised"
asker=$build/tests/bench/asker

# One that does what the arguments say: `later` sleeps over them, `number` fails what is no number, `drop` answers nothing.
cat >"$dir/calls.yaml" <<'Y'
name: calls
config: { topology.message.timeout.secs: 60 }
spouts:
  - { id: numbers, component: drpc, properties: { function: number } }
  - { id: laters, component: drpc, properties: { function: later, timeout: 40, in-flight: 500 } }
  - { id: drops, component: drpc, parallelism: 2, properties: { function: drop, timeout: 40, limit: 100 } }
  - { id: silents, component: drpc, properties: { function: silent, timeout: 0.2 } }
  - { id: parts, component: drpc, properties: { function: part, stages: 2 } }
bolts:
  - { id: cut, component: flatmap, properties: { each: "split(args, ',')", as: part } }
  - { id: each, component: map, properties: { emit: { number: int(part) } } }
  - { id: stage, component: filter, properties: { where: stage == 2 } }
  - { id: whole, component: map, properties: { emit: { request: request, result: "concat('stage ', stage)" } } }
  - { id: number, component: map, properties: { emit: { request: request, result: int(args) } } }
  - { id: nap, component: sleep, properties: { ms: 300000 } }
  - { id: later, component: map, properties: { emit: { request: request, result: args } } }
  - { id: drop, component: filter, properties: { where: args == 'nothing' } }
  - { id: dropped, component: map, properties: { emit: { request: request, result: args } } }
  - { id: return, component: return }
streams:
  - { from: numbers, to: number, grouping: { type: shuffle } }
  - { from: number, to: return, grouping: { type: shuffle } }
  - { from: laters, to: nap, grouping: { type: shuffle } }
  - { from: nap, to: later, grouping: { type: shuffle } }
  - { from: later, to: return, grouping: { type: shuffle } }
  - { from: parts, to: cut, grouping: { type: shuffle } }
  - { from: cut, to: each, grouping: { type: shuffle } }
  - { from: parts, to: stage, grouping: { type: all, streamId: finished } }
  - { from: stage, to: whole, grouping: { type: shuffle } }
  - { from: whole, to: return, grouping: { type: shuffle } }
  - { from: drops, to: drop, grouping: { type: shuffle } }
  - { from: silents, to: drop, grouping: { type: shuffle } }
  - { from: drop, to: dropped, grouping: { type: shuffle } }
  - { from: dropped, to: return, grouping: { type: shuffle } }
Y

ask() { timeout 60 "$squall" drpc "$@" 2>&1; }
endpoint() { "$squall" drpc "$1" --json | tr '{' '\n' | sed -n "s/.*\"function\":\"$2\".*\"endpoints\":\[\"\([^\"]*\)\".*/\1/p"; }
# metric SPOUT NAME: of the topology `calls`; counted SPOUT NAME N: it has come so far
metric() { "$squall" status calls --json | sed "s/.*\"id\":\"$1\"//; s/\"id\":.*//" | grep -oE "\"$2\":[0-9]+" | head -n 1 | cut -d: -f2; }
counted() { [ "$(metric "$1" "$2")" -ge "$3" ]; }

# http METHOD PATH [BODY [HEADER...]]: the status and the body of the answer.
http() {
        local fd method=$1 path=$2 body=${3-} line headers=""
        shift $(($# < 3 ? $# : 3))
        for line in "$@"; do headers+="$line"$'\r\n'; done
        exec {fd}<>"/dev/tcp/127.0.0.1/$port" || return
        printf '%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %s\r\n%s\r\n%s' "$method" "$path" ${#body} "$headers" "$body" >&"$fd"
        timeout 60 cat <&"$fd" | tr -d '\r' | awk 'NR == 1 { printf "%s ", $2 } body { print } /^$/ { body = 1 }'
        exec {fd}>&-
}

# ---- in the foreground ----

port=$(free_port)
"$squall" run topologies/basic-drpc/basic-drpc.yaml --http "127.0.0.1:$port" >>"$dir/err" 2>&1 &
foreground=$!
end_foreground() { kill -KILL $foreground 2>/dev/null; }
on_exit end_foreground
hello() { [ "$(ask basic-drpc exclamation hello)" = 'hello!' ]; }
until_true hello
check "a topology in the foreground answers" hello
check "no arguments are an empty text" [ "$(ask basic-drpc exclamation)" = '!' ]
many() { cmp <(seq 3000 | ask basic-drpc exclamation --lines) <(seq 3000 | sed 's/$/!/'); }
check "each line is a request, and the answers come in their order" many
json() { ask basic-drpc exclamation 'a "b"' --json | grep -qE '^\{"function":"exclamation","args":"a \\"b\\"","status":200,"result":"a \\"b\\"!","us":[0-9]+\}$'; }
check "--json says the status, the result and how long it took" json
check "a function that is not there is bad usage" exits_with 2 "$squall" drpc basic-drpc exclamtion hello
check "with the nearest, and all there are" says "no function 'exclamtion' (did you mean 'exclamation'?) (it has: exclamation)" "$squall" drpc basic-drpc exclamtion hello
check "functions are listed" [ "$(ask basic-drpc)" = exclamation ]
at=$(endpoint basic-drpc exclamation)
check "a program asks by a REQ" [ "$("$asker" ask "$at" exclamation hello)" = '200 hello!' ]
check "and is told what a wrong function is" says "404 there is no function 'nothing' here: this is 'exclamation'" "$asker" ask "$at" nothing hello
check "a thousand in flight are all answered" [ "$("$asker" many "$at" exclamation 1000)" = '200 1000' ]
check "HTTP asks by a path" [ "$(http GET /drpc/exclamation/hello%20you%2Fthere)" = '200 hello you/there!' ]
check "by a query" [ "$(http GET '/drpc/exclamation?args=a%26b&timeout=5')" = '200 a&b!' ]
check "and by a body" [ "$(http POST /drpc/exclamation 'a body')" = '200 a body!' ]
long() {
        local fd
        exec {fd}<>"/dev/tcp/127.0.0.1/$port" || return
        printf 'POST /drpc/exclamation HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16385\r\n\r\n' >&"$fd"
        timeout 60 head -n 1 <&"$fd"
        exec {fd}>&-
}
check "which has a limit" says " 413 " long
large() { yes 'line after line' | head -c 300000 | tr '\n' ' ' >"$dir/large"; cmp <(ask basic-drpc exclamation --lines <"$dir/large") <(cat "$dir/large"; echo '!'); }
check "an answer may be long" large
bytes() { cmp <(printf 'a\0b\xff\n\n\0\n' | ask basic-drpc exclamation --lines) <(printf 'a\0b\xff!\n!\n\0!\n'); }
check "they and their answers may be any bytes" bytes
check "a function that no topology has is not found, and those there are are named" says "no topology has a function 'nothing' (there are: exclamation)" http GET /drpc/nothing/x
check "a time-out is a time" says "400 " http GET '/drpc/exclamation/x?timeout=soon'
check "there is no third part of a path" says "404 " http GET /drpc/exclamation/a/b
check "a page of another site may not ask" says "403 " http GET /drpc/exclamation/x "" "Sec-Fetch-Site: cross-site"
drains() { kill -INT $foreground && wait $foreground; [ $? = 130 ]; }
check "and it drains as any other" drains

# ---- under a supervisor ----

"$squall" run topologies/reach/reach.yaml >>"$dir/err" 2>&1 &
foreground=$!
urls() { printf '%s\n' foo.com/blog/1 engineering.twitter.com/blog/5 tech.backtype.com/blog/123 nowhere; }
reaches() { [ "$(urls | ask reach reach --lines | tr '\n' ' ')" = '16 14 7 0 ' ]; }
until_true reaches
check "stages want at-least-once" says "which knows when all of a request is processed" "$squall" check topologies/reach/reach.yaml -c topology.delivery=at-most-once
check "reach counts each follower of a request once, in whatever task" reaches
crowded() { [ "$(for _ in {1..100}; do urls; done | ask reach reach --lines | sort | uniq -c | tr -s ' \n' ' ')" = ' 100 0 100 14 100 16 100 7 ' ]; }
check "and mixes up no requests" crowded
check "nothing is left of them" eval 'kill -INT $foreground; wait $foreground; [ $? = 130 ]'
start --http "127.0.0.1:$port"
token="Authorization: Bearer $(cat "$dir/state/http.token")"
"$squall" submit "$dir/calls.yaml" --wait >>"$dir/err" 2>&1
check "a number is a number" [ "$(ask calls number 7)" = 7 ]
check "a tuple that a bolt fails answers at once, with the bolt's reason" says "number: number/0: " "$squall" drpc calls number seven
check "and the status of what failed" says '"status":500,"error":"number/0: ' "$squall" drpc calls number seven --json
check "which ends with 1" exits_with 1 "$squall" drpc calls number seven
check "a request that nothing answers ends by the spout's time-out" says "the time was over before an answer came (status 504)" "$squall" drpc calls silent x
check "or by the client's, which is shorter" says "(status 504)" "$squall" drpc calls drop x --timeout 0.1
check "arguments have a limit" says "have 101 bytes, and 'drop' takes 100 at most (status 413)" "$squall" drpc calls drop "$(printf %101s x)"
check "several tasks answer" [ "$(for _ in 1 2 3 4 5 6; do ask calls drop nothing; done | sort -u)" = nothing ]

check "bolts are told when all of a request is processed, stage by stage" [ "$(ask calls part 1,2,3)" = 'stage 2' ]
check "and not when a part has failed" says "part: each/0: " "$squall" drpc calls part 1,two,3

check "a supervisor wants its token" says "401 " http GET /drpc/number/7
check "for a body too" says "401 " http POST /drpc/number 7
check "and answers who has it" [ "$(http GET /drpc/number/7 "" "$token") $(http POST /drpc/number 8 "$token")" = '200 7 200 8' ]
check "HTTP says why there is no answer" says '500 {"error":"Internal Server Error","errorMessage":"number/0: ' http GET /drpc/number/seven "" "$token"
check "and when the time is over" says '504 {"error":"Gateway Timeout"' http GET '/drpc/drop/x?timeout=0.1' "" "$token"

# Begins a request that is not answered, and waits until it was taken; the client is then $client.
begun=0
begin() {
        begun=$((begun + 1))
        "$squall" drpc calls later x >"$dir/said" 2>&1 &
        client=$!
        until_true counted laters requests $begun
}
# ends STATUS TEXT: how that client does, and what it says.
ends() {
        local status=0
        wait $client || status=$?
        cat "$dir/said"
        [ $status = "$1" ] && grep -q "$2" "$dir/said"
}
hangs_up() {
        begun=$((begun + 1))
        exec {fd}<>"/dev/tcp/127.0.0.1/$port" && printf 'GET /drpc/later/x HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n' "$token" >&"$fd" || return
        until_true counted laters requests $begun || return
        exec {fd}>&-
        until_true counted laters cancelled 1
}
check "who hangs up on HTTP cancels a request" hangs_up
interrupted() { begin && kill -INT $client && { wait $client; [ $? = 130 ]; } && until_true counted laters cancelled 2; }
check "Ctrl-C cancels a request" interrupted
dies() { begin && kill -KILL "$(pid calls nap/0)" && ends 1 'later: a worker of the topology died while it was in flight (status 500)'; }
check "a request in a worker that dies is answered at once" dies
loses() { begin && kill -KILL "$(pid calls laters/0)" && ends 1 'the worker of the `drpc` spout has ended, .* (status 502)'; }
check "so is one whose spout dies" loses
check "the next one is asked of the next spout" until_true says "status 504" "$squall" drpc calls later x --timeout 1
comes_back() { kill -KILL "$(pid calls numbers/0)" && [ "$(ask calls number 7)" = 7 ]; }
check "the first answer of a spout that was started again comes, too" comes_back
hangs() {
        local worker r=0
        worker=$(pid calls numbers/0) && kill -STOP "$worker" || return
        says "its worker hangs (status 504)" "$squall" drpc calls number 7 --timeout 0.1 || r=1
        kill -CONT "$worker"
        return $r
}
check "who asks a process that was stopped waits for his own time, and a second" hangs

at=$(endpoint calls later)
full() { "$asker" many "$at" later 600 >"$dir/full" 2>&1 & crowd=$!; until_true counted laters refused 100; }
check "what is too many is refused at once" full
cancels() { { kill -KILL $crowd && wait $crowd; } 2>/dev/null; until_true counted laters cancelled 500; }
check "a client that is killed takes its requests along" cancels
leaves() { "$asker" leave "$at" later 200 && until_true counted laters cancelled 700; }
check "so does one that leaves" leaves
check "who is not active refuses" eval '"$squall" deactivate calls && until_true says "the topology is not active" "$squall" drpc calls number 7 --timeout 0.5'
check "and answers when it is again" eval '"$squall" activate calls && [ "$(ask calls number 7)" = 7 ]'

moves() {
        local client
        (until [ -e "$dir/enough" ]; do echo 7; done) | ask calls number --lines >"$dir/answers" &
        client=$!
        until_true test -s "$dir/answers"
        "$squall" rebalance calls --component number=2 --component numbers=2 >>"$dir/err" 2>&1 || return
        touch "$dir/enough"
        wait $client
        sort "$dir/answers" | uniq -c
        grep -q '^7$' "$dir/answers" || return
        [ "$(grep -vc '^7$' "$dir/answers")" = "$(grep -c 'status 50[02]' "$dir/answers")" ]
}
kill -KILL "$(pid calls nap/0)" # nobody waits for what it has, but draining would
"$squall" submit topologies/basic-drpc/basic-drpc.yaml --wait >>"$dir/err" 2>&1
check "a rebalance answers, or says what it could not" moves
stays() { [ "$(ask calls part 1,2) $(ask calls drop nothing)" = 'stage 2 nothing' ]; }
check "a spout whose worker goes on answers where the topology is now" stays
check "a function is one topology's" says "exclamation" "$squall" submit topologies/basic-drpc/basic-drpc.yaml --name again
check "kill sends away who waits" exits_with 0 "$squall" kill calls --wait 0
stop
exit $failures
