#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bolt and the spout `mqtt` against the broker mosquitto.
# modes: release asan
source "$(dirname "$0")/lib"
PATH=$PATH:/usr/sbin
needs mosquitto
needs_component bolts mqtt
needs_component spouts mqtt

port=$(free_port) server=
# What the broker has taken it keeps through a stop, not through a kill.
config() { # [LINE...]
        printf '%s\n' "listener $port 127.0.0.1" "persistence true" "persistence_location $dir/" "max_queued_messages 0" "user root" "$@" >"$dir/mosquitto.conf"
}
up() {
        mosquitto -c "$dir/mosquitto.conf" >>"$dir/server.log" 2>&1 &
        server=$!
        until_true listens "$port"
}
down() { end "$server" "${1:-TERM}"; }
on_exit down
sink() { echo "component: mqtt, properties: { url: 'mqtt://127.0.0.1:$port', $1 }"; }
from() { echo "component: mqtt, properties: { url: 'mqtt://127.0.0.1:$port', $1 }"; }
begin() { # SPOUT [NAME [CONFIG]]
        rm -f "$dir/out"
        topology "$1" "$out" "${2:-reader}" "${3:-}" && behind
        until_true heard "${2:-reader}.in.0"
}
# heard ID: the broker has seen that client subscribe.
heard() { grep -q "Sending SUBACK to $1" "$dir/server.log"; }
send() { write_all "$(count_to "$1" "$2" "${4:-}")" "$(sink "$3")"; }

config "allow_anonymous true" "log_type all"
check "mosquitto starts" up
there_and_back() {
        begin "$(from "topic: 'a/+/c', fields: { n: int }")"
        send 2000 "n: seq, t: const b" "topic: 'a/{t}/c'" && send 10 "n: seq" "topic: a/b/d" && until_true distinct 2000 && stop && grep -q '"n":7' "$dir/out" && numbers 2000
}
check "what is published to a topic comes back by a pattern of topics, once" there_and_back
while_away() {
        send 300 "n: seq, t: const b" "topic: 'a/{t}/c'" && rm -f "$dir/out" &&
                topology "$(from "topic: 'a/+/c', fields: { n: int }")" "$out" reader && behind
        until_true distinct 300 && stop && numbers 300
}
check "what is published while the topology is away is kept for it" while_away
texts() {
        begin "$(from "topic: 'home/#', topics: true")" texts
        send 1 "t: const kitchen, c: const 21.5" "topic: 'home/{t}', value: c" && until_true distinct 1 && stop && [ "$(cat "$dir/out")" = '{"topic":"home/kitchen","payload":"21.5"}' ]
}
check "topics: the topic and the text of a message are fields" texts
once() {
        begin "$(from "topic: once, qos: 0, format: logfmt, fields: { n: int }")" once "topology.delivery: at-most-once"
        send 100 "n: seq" "topic: once, format: logfmt, qos: 0" && until_true distinct 100 && stop && numbers 100
}
check "QoS 0, and logfmt" once
killed_workers() {
        begin "$(from "topic: killing, fields: { n: int }, rate: 3000")" killing
        send 8000 "n: seq" "topic: killing" &&
                until_true distinct 1000 && kill_worker in/0 && until_true distinct 3000 && kill_worker out/0 && until_true distinct 5000 && kill_worker in/0
        until_true distinct 8000 && stop
}
check "a spout and a bolt that are killed lose nothing" killed_workers
# What a bolt that stands still has not processed dies with it and with the spout; the broker has it.
killed_together() {
        begin "$(from "topic: together, fields: { n: int }")" together
        kill_worker out/0 STOP
        send 300 "n: seq" "topic: together" && until_true eval '[ "$(grep -c "Sending PUBLISH to together.in.0" "$dir/server.log")" -ge 20 ]'
        kill_worker in/0
        kill_worker out/0
        until_true distinct 300 && stop
}
check "what was received and not processed comes again when a spout and a bolt die at once" killed_together
restarted() {
        begin "$(from "topic: restarted, fields: { n: int }")" restarted
        survives_restarts 400 "$(count_to 4000 "n: seq" ", rate: 1000")" "$(sink "topic: restarted")" || return
        until_true distinct 4000 && stop && grep -q 'is back' "$dir/err" && grep -q 'is back after' "$dir/writer.err"
}
check "five restarts of the broker lose nothing, on the way in and out" restarted
bad_topic() {
        topology "$(count_to 10 "n: seq, t: const a+")" "$(sink "topic: '{t}'")" refused "topology.dead.letter.path: $dir/letters"
        run && [ "$(wc -l <"$dir/letters")" = 10 ]
}
check "a topic that no broker takes goes to the dead letters" bad_topic
down
# MQTT 3.1.1 has no word for a message that is too large for the broker.
config "allow_anonymous true" "log_type all" "max_packet_size 2000"
too_large() {
        { seq 1 40 | sed 's/.*/{"n":&}/' && printf '{"n":41,"t":"%s"}\n' "$(printf 'x%.0s' {1..3000})" && seq 42 80 | sed 's/.*/{"n":&}/'; } >"$dir/in"
        begin "$(from "topic: large, fields: { n: int }")" large && write_all "component: file, properties: { path: $dir/in, format: jsonl, fields: { n: int, t: str? } }" "$(sink "topic: large")" ||
                return
        until_true distinct 79 && stop && [ "$(sed 's/[^0-9]//g' "$dir/out" | sort -nu)" = "$(seq 1 40; seq 42 80)" ] && grep -q 'left out a record: .*, each of 5 times that it was sent alone' "$dir/writer.err" &&
                grep -q 'left_out 1$' "$dir/writer.err"
}
up
check "a message that the broker hangs up on each time is left out, and holds up no other" too_large
down

mosquitto_passwd -c -b "$dir/passwords" me 'se cret' 2>/dev/null || echo "me:$(mosquitto_passwd -h)" >/dev/null
config "allow_anonymous false" "password_file $dir/passwords"
check "mosquitto starts with a password" up
wrong() {
        topology "$(count_to 10)" "component: mqtt, properties: { url: 'mqtt://me@127.0.0.1:$port', topic: t, password: 'file:$dir/secret' }"
        echo wrong-one >"$dir/secret"
        ! run && grep -qi 'not authorised\|bad user' "$dir/err" && ! grep -q wrong-one "$dir/err" && connects_not 'uthori[sz]ed' && ! grep -q wrong-one "$dir/connects" &&
                topology "component: mqtt, properties: { url: 'mqtt://127.0.0.1:$port', topic: t }" "$out" && ! run && grep -qi 'not authorised\|bad user' "$dir/err"
}
check "a wrong password ends the topology with what the broker says" wrong
right() {
        topology "$(count_to 10)" "component: mqtt, properties: { url: 'mqtt://me@127.0.0.1:$port', topic: t, password: 'env:MQTT_SECRET' }"
        MQTT_SECRET='se cret' run && ! grep -q 'se cret' "$dir/err" && MQTT_SECRET='se cret' connects
}
check "the password comes from the environment, and is in no log" right
down
# ---- TLS ---------------------------------------------------------------------------------------------
secured() { config "allow_anonymous true" "certfile $dir/$1.pem" "keyfile $dir/$1.key" && up; }
checks_tls mqtt "mqtts://127.0.0.1:$port" "topic: t, ca: %CA%"
late() {
        config "allow_anonymous true"
        topology "$(count_to 100)" "$(sink "topic: late")"
        run &
        runner=$!
        until_true grep -q "may come up yet" "$dir/err"
        up
        wait $runner
}
check "a broker that comes up later is waited for" late
down

refuses() { # TEXT SPOUT
        topology "$2" "$out"
        exits_with 2 "$squall" check "$dir/t.yaml" >"$dir/said" 2>&1
        cat "$dir/said"
        grep -qF "$1" "$dir/said"
}
check "check refuses several tasks that would each hear all" refuses 'each of several tasks would hear all: write $share/NAME/a' "component: mqtt, parallelism: 2, properties: { url: 'mqtt://h', topic: a }"
check "check refuses a topic that is none" refuses "is not one that can be subscribed to" "$(from "topic: 'a#b'")"
check "check refuses another QoS" refuses "is 0 or 1" "$(from "topic: a, qos: 2")"
exit $failures
