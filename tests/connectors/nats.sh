#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bolt and the spout `nats` against nats-server, with JetStream and without.
# modes: release asan
source "$(dirname "$0")/lib"
needs nats-server
needs_component bolts nats
needs_component spouts nats

port=$(free_port) server=
up() { # [OPTION...]
        nats-server -a 127.0.0.1 -p "$port" -js -sd "$dir/js" -DV "$@" >>"$dir/server.log" 2>&1 &
        server=$!
        until_true listens "$port"
}
down() { end "$server" "${1:-TERM}"; }
on_exit down
sink() { echo "component: nats, properties: { url: 'nats://127.0.0.1:$port', $1 }"; }
from() { echo "component: nats, parallelism: ${2:-1}, properties: { url: 'nats://127.0.0.1:$port', $1 }"; }
begin() { # SPOUT NAME
        rm -f "$dir/out"
        topology "$1" "$out" "$2" && behind
}
send() { write_all "$(count_to "$1" "n: seq" "${3:-}")" "$(sink "$2")"; }
# make_stream NAME [MESSAGES [UPDATE]]: with the subjects NAME.*, by the API of JetStream; it refuses more messages than that. Or changes it.
make_stream() {
        local config="{\"name\":\"$1\",\"max_msg_size\":${size:--1},\"subjects\":[\"$1.*\"],\"storage\":\"file\",\"retention\":\"limits\",\"num_replicas\":1,\"discard\":\"$([ -n "${2:-}" ] && echo new || echo old)\",\"max_msgs\":${2:--1},\"max_bytes\":-1,\"max_consumers\":-1}"
        exec 4<>"/dev/tcp/127.0.0.1/$port"
        printf 'CONNECT {"verbose":false}\r\nSUB made 1\r\nPUB $JS.API.STREAM.%s.%s made %d\r\n%s\r\n' "${3:-CREATE}" "$1" ${#config} "$config" >&4
        timeout 20 grep -m 1 -q '"config"' <&4
        local status=$?
        exec 4>&-
        return $status
}

check "nats-server starts" up
core() {
        begin "$(from "subject: 'core.*', queue: q, fields: { n: int }" 2)" core
        until_true eval '[ "$(grep -c "SUB core\.\* q" "$dir/server.log")" -ge 2 ]' && send 500 "subject: core.a" && until_true distinct 500 && stop && numbers 500
}
check "tasks share by a queue what is published to a subject" core
there_and_back() {
        make_stream there && send 3000 "subject: there.a, stream: there" && begin "$(from "subject: there.a, durable: d, fields: { n: int }" 2)" there
        until_true distinct 3000 && stop && numbers 3000 && send 10 "subject: there.a, stream: there" && begin "$(from "subject: there.a, durable: d, fields: { n: int }")" there
        until_true distinct 10 && stop && numbers 10
}
check "JetStream: what is published comes back once, and a consumer goes on where it was" there_and_back
subjects() {
        make_stream sub && send 1 "subject: sub.a, stream: sub, value: n" && begin "$(from "subject: 'sub.*', durable: d, subjects: true")" subjects
        until_true distinct 1 && stop && [ "$(cat "$dir/out")" = '{"subject":"sub.a","payload":"0"}' ]
}
check "subjects: the subject and the text of a message are fields" subjects
lag() {
        spout() { from "subject: lag.a, durable: d, fields: { n: int }$1"; }
        more() { send "$1" "subject: lag.a, stream: lag"; }
        make_stream lag && follows_lag spout more
}
check "JetStream: status shows how many messages wait" lag
key() {
        make_stream keys && send 200 "subject: keys.a, stream: keys, key: 'k{n}'" && send 250 "subject: keys.a, stream: keys, key: 'k{n}'" &&
                begin "$(from "subject: keys.a, durable: d, fields: { n: int }")" keys
        until_true distinct 250 && stop && numbers 250
}
check "JetStream: what comes again with the same key is left out" key
# What a bolt that stands still has not processed dies with it and with the spout; the stream has it.
killed_together() {
        make_stream together && begin "$(from "subject: together.a, durable: d, ack-wait: 1, fields: { n: int }")" together
        until_true grep -q 'CONSUMER.MSG.NEXT.together' "$dir/server.log" && kill_worker out/0 STOP
        send 300 "subject: together.a, stream: together" && until_true eval '[ "$(grep -c "MSG.*together\.a" "$dir/server.log")" -ge 300 ]'
        kill_worker in/0
        kill_worker out/0
        until_true distinct 300 && stop
}
check "JetStream: what was fetched and not processed comes again when a spout and a bolt die at once" killed_together
killed_server() {
        make_stream broken && begin "$(from "subject: broken.a, durable: d, ack-wait: 2, fields: { n: int }")" broken
        survives_restarts 400 "$(count_to 4000 "n: seq" ", rate: 1000")" "$(sink "subject: broken.a, stream: broken, key: '{n}'")" KILL || return
        until_true distinct 4000 && stop && grep -q 'is back' "$dir/err" && grep -q 'is back after' "$dir/writer.err"
}
check "JetStream: five kills of the server lose nothing, on the way in and out" killed_server
refused() {
        topology "$(count_to 10 "n: seq, t: const a b")" "$(sink "subject: 'x.{t}'")" refused "topology.dead.letter.path: $dir/letters"
        run && [ "$(wc -l <"$dir/letters")" = 10 ] || return
        rm -f "$dir/letters"
        make_stream other && topology "$(count_to 10 "n: seq")" "$(sink "subject: other.a, stream: another")" refused "topology.dead.letter.path: $dir/letters"
        run && [ "$(wc -l <"$dir/letters")" = 10 ]
}
check "a subject that is none, or of another stream, goes to the dead letters" refused
# Without a key, and each time in the same batch; the message that is no subject is known here, the others by JetStream.
some_refused() {
        { seq 1 300 | sed 's/.*/{"n":&,"s":"some.a"}/' && printf '{"n":%d,"s":"some.a","t":"%s"}\n' 301 "$(printf 'x%.0s' {1..300})" 302 "$(printf 'y%.0s' {1..300})" && echo '{"n":303,"s":"some..a"}'; } | shuf --random-source="$0" >"$dir/in"
        size=250 make_stream some && topology "component: file, properties: { path: $dir/in, format: jsonl, fields: { n: int, s: str, t: str? } }" "$(sink "subject: '{s}', stream: some, batch: $1")" some "topology.dead.letter.path: $dir/some" && run || return
        cut -c 1-200 "$dir/some"
        [ "$(wc -l <"$dir/some")" = 3 ] && [ "$(grep -c 'message size exceeds maximum allowed.*"n":30[12],' "$dir/some")" = 2 ] && grep -q 'Invalid Subject.*"n":303,' "$dir/some" &&
                begin "$(from "subject: 'some.*', durable: d$1, fields: { n: int }")" reader && until_true distinct 300 && stop && [ "$(sed 's/[^0-9]//g' "$dir/out" | sort -n)" = "$(seq 1 300)" ]
}
check "JetStream: of a batch what it refuses goes to the dead letters, and all else is in the stream once" some_refused 1000
# A subject that is longer than a line of the protocol: the server has no word for it but to hang up.
hung_up_on() {
        { seq 1 40 | sed 's/.*/{"n":&,"s":"a"}/' && printf '{"n":41,"s":"%s"}\n' "$(printf 'x%.0s' {1..5000})" && seq 42 80 | sed 's/.*/{"n":&,"s":"a"}/'; } >"$dir/in"
        rm -f "$dir/hung" && make_stream hung && topology "component: file, properties: { path: $dir/in, format: jsonl }" "$(sink "subject: 'hung.{s}' ${1:-}")" hung "topology.dead.letter.path: $dir/hung" && run || return
        cut -c 1-200 "$dir/hung"
        [ "$(wc -l <"$dir/hung")" = 1 ] && grep -q 'each of 5 times that it was sent alone.*"n":41,' "$dir/hung"
}
check "JetStream: a message that the server hangs up on each time goes to the dead letters, and holds up no other" hung_up_on ", stream: hung, key: '{n}'"
in_once() { begin "$(from "subject: 'hung.*', durable: all, fields: { n: int }")" reader && until_true distinct 79 && stop && [ "$(sed 's/[^0-9]//g' "$dir/out" | sort -n)" = "$(seq 1 40; seq 42 80)" ]; }
check "JetStream: those are in the stream, by their key once" in_once
check "so it is without JetStream" hung_up_on
full() {
        make_stream full 10 && topology "$(count_to 30)" "$(sink "subject: full.a, stream: full, batch: 7, key: '{n}'")" full "topology.dead.letter.path: $dir/full" && behind &&
                until_true grep -q 'maximum messages exceeded: what is to go there waits' "$dir/err" && make_stream full 30 UPDATE && wait $runner
        local status=$?
        runner=
        [ $status = 0 ] && [ ! -s "$dir/full" ] && begin "$(from "subject: 'full.*', durable: all, fields: { n: int }")" reader && until_true distinct 30 && stop && numbers 30
}
check "a stream that is full is waited for" full
unknown() {
        topology "$(count_to 3)" "$(sink 'subject: a.b' | sed 's/127.0.0.1/no-such-host.invalid/')" && connects_not 'nats://no-such-host.invalid:[0-9]*: Name or service not known' &&
                topology "$(count_to 3)" "$(sink 'subject: a.b' | sed "s/:$port/:$(free_port)/")" && connects_not ': no server answers there'
}
check "a host that is not known, and a server that is away, are told apart" unknown
down

check "nats-server starts with a password" up --user me --pass 'se cret'
wrong() {
        topology "$(count_to 10)" "component: nats, properties: { url: 'nats://me@127.0.0.1:$port', subject: t, password: 'file:$dir/secret' }"
        echo wrong-one >"$dir/secret"
        ! run && grep -qi 'authorization\|authentication' "$dir/err" && ! grep -q wrong-one "$dir/err" && connects_not Auth && ! grep -q wrong-one "$dir/connects" &&
                topology "$(from "subject: t")" "$out" && ! run && grep -qi 'authorization\|authentication' "$dir/err"
}
check "a wrong password ends the topology with what the server says" wrong
right() {
        topology "$(count_to 10)" "component: nats, properties: { url: 'nats://me@127.0.0.1:$port', subject: t, password: 'env:NATS_SECRET' }"
        NATS_SECRET='se cret' run && ! grep -q 'se cret' "$dir/err" && NATS_SECRET='se cret' connects &&
                topology "$(count_to 10)" "component: nats, properties: { url: 'nats://me@127.0.0.1:$port', subject: t, stream: nowhere, password: 'env:NATS_SECRET' }" && (export NATS_SECRET='se cret'; connects_not "the stream 'nowhere'")
}
check "the password comes from the environment, and is in no log" right
down
# ---- TLS ---------------------------------------------------------------------------------------------
secured() { up --tls --tlscert "$dir/$1.pem" --tlskey "$dir/$1.key"; }
checks_tls nats "tls://127.0.0.1:$port" "subject: t, ca: %CA%"
late() {
        topology "$(count_to 100)" "$(sink "subject: late")"
        run &
        runner=$!
        until_true grep -q "may come up yet" "$dir/err"
        up
        wait $runner
}
check "a server that comes up later is waited for" late
down

refuses() { # TEXT SPOUT
        topology "$2" "$out"
        exits_with 2 "$squall" check "$dir/t.yaml" >"$dir/said" 2>&1
        cat "$dir/said"
        grep -qF "$1" "$dir/said"
}
check "check refuses several tasks that would each hear all" refuses "each of which would hear all" "$(from "subject: a" 2)"
no_stream() {
        local status
        mkdir -p "$dir/js2" && up -js -sd "$dir/js2" && topology "$(from "subject: a, stream: nix, durable: d")" "$out" && behind || return
        until_true grep -q 'stream not found.*tried again' "$dir/err"
        status=$?
        stop
        topology "$(count_to 1)" "$(sink "subject: nix.a, stream: nix")" && behind || return
        until_true grep -q 'no stream of JetStream takes the subject' "$dir/err" && [ $status = 0 ]
        status=$?
        end_runner
        down
        return $status
}
check "a stream that is not there is waited for, and the log says so" no_stream
check "check refuses a stream without a consumer" refuses "the name of the consumer" "$(from "subject: a, stream: s")"
exit $failures
