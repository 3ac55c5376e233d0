#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bolt and the spout `kafka` against a broker in one JVM: Apache Kafka of Maven Central, in KRaft mode.
# modes: release
# alone
source "$(dirname "$0")/lib"
needs java mvn
needs_component bolts kafka

place=$PWD/build/kafka # its jars stay, for the next run
fetch() {
        [ -e "$place/lib/done" ] && return
        mkdir -p "$place"
        cat >"$place/pom.xml" <<X
<project><modelVersion>4.0.0</modelVersion><groupId>squall</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>3.9.1</version></dependency></dependencies></project>
X
        mvn -q -B -f "$place/pom.xml" -Dmaven.repo.local="$place/m2" dependency:copy-dependencies -DoutputDirectory="$place/lib" >"$dir/mvn.log" 2>&1 &&
                touch "$place/lib/done"
}
fetch || { echo "ok - kafka # skip: Maven Central cannot be reached"; tail -n 3 "$dir/mvn.log" | sed 's/^/# /'; exit 0; }

port=$(free_port) controller=$(free_port) secured=$(free_port) server=
# A JVM takes its time where the machine is busy.
within() {
        local deadline=$((SECONDS + $1))
        until "${@:2}"; do
                [ $SECONDS -lt $deadline ] || return 1
                nap 0.1
        done
}
kafka() { java -Xmx512m -Dlog4j.configuration= -cp "$place/lib/*" "$@"; }
make_broker() {
        cat >"$dir/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller${tls:+,SECURED://127.0.0.1:$secured}
advertised.listeners=PLAINTEXT://127.0.0.1:$port${tls:+,SECURED://127.0.0.1:$secured}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL
controller.listener.names=CONTROLLER
log.dirs=$dir/log
num.partitions=3
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
P
        [ -z "$tls" ] || cat >>"$dir/server.properties" <<P
ssl.keystore.type=PEM
ssl.keystore.location=$dir/broker.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.secured.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_me="se cret";
listener.name.secured.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
P
        kafka kafka.tools.StorageTool format ${tls:+--add-scram 'SCRAM-SHA-256=[name=me,password=scrammed]'} -t "$(kafka kafka.tools.StorageTool random-uuid 2>/dev/null)" -c "$dir/server.properties" >"$dir/format.log" 2>&1
}
up() {
        java -Xmx512m -Dlog4j.configuration= -cp "$place/lib/*" kafka.Kafka "$dir/server.properties" >>"$dir/server.log" 2>&1 &
        server=$!
        within 120 listens "$port"
}
down() { end "$server" "${1:-TERM}"; }
on_exit down KILL
sink() { echo "component: kafka, properties: { brokers: '127.0.0.1:$port', topic: $1 }"; }
from() { echo "component: kafka, properties: { brokers: '127.0.0.1:$port', group: g, topic: $1 }"; }

# A second listener speaks SASL over TLS, by a certificate that `ca.pem` has signed.
tls=
if command -v openssl >/dev/null; then
        tls=yes
        check "openssl makes certificates" make_certificates
        cat "$dir/here.key" "$dir/here.pem" >"$dir/broker.pem"
fi
check "a broker is made" make_broker
check "the broker starts" up
begin() { # SPOUT BOLT
        topology "$1" "$2" kafka
        behind
}

there_and_back() {
        rm -f "$dir/out"
        topology "$(count_to 20000 "n: seq")" "$(sink "there, key: '{n}'")" && run || return
        begin "$(from "there, fields: { n: int }")" "$out"
        within 90 distinct 20000 && stop && [ "$(wc -l <"$dir/out")" = 20000 ] && [ "$(sed 's/[^0-9]//g' "$dir/out" | sort -n | tail -n 1)" = 19999 ]
}
check "what is sent to a topic comes back from all of its partitions, once" there_and_back
formats() {
        local format
        for format in csv logfmt text msgpack; do
                rm -f "$dir/out"
                topology "$(count_to 1 "n: const 5, c: 'const a,b=c'")" "component: kafka, properties: { brokers: '127.0.0.1:$port', topic: as-$format, format: $format }" && run || return
                case $format in
                text) begin "$(from "as-text, format: text")" "$out" ;;
                *) begin "$(from "as-$format, format: $format, fields: { n: int, c: str }")" "$out" ;;
                esac
                within 90 distinct 1 && stop || return
                case $format in
                text) [ "$(cat "$dir/out")" = '{"line":"5\ta,b=c"}' ] ;;
                *) [ "$(cat "$dir/out")" = '{"n":5,"c":"a,b=c"}' ] ;;
                esac || { echo "$format"; cat "$dir/out"; return 1; }
        done
}
check "a message is CSV, logfmt, text or msgpack" formats
# With a value, and without one: a tombstone. Both have a key, a place and a time.
meta() {
        rm -f "$dir/out"
        cat >"$dir/t.yaml" <<Y
name: kafka-meta
spouts: [{ id: in, $(count_to 2 "n: seq") }]
bolts:
  - { id: made, component: map, properties: { set: { v: 'if n == 0 then "here" else null' } } }
  - { id: out, component: kafka, properties: { brokers: '127.0.0.1:$port', topic: meta, key: 'k{n}', value: v } }
streams:
  - { from: in, to: made, grouping: { type: shuffle } }
  - { from: made, to: out, grouping: { type: shuffle } }
Y
        run || return
        begin "$(from "meta, meta: true")" "$out"
        within 90 distinct 2 && stop && sort "$dir/out" | sed -E 's/"partition":[0-2],"offset":[01],"time":"20[-0-9]*T[0-9:.]*Z"/PLACE/' |
                diff - <(printf '%s\n' '{"key":"k0","value":"here","topic":"meta",PLACE}' '{"key":"k1","value":null,"topic":"meta",PLACE}')
}
check "meta: the key, the place and the time of a message are fields; a nil value is a message without one" meta
goes_on() {
        rm -f "$dir/out"
        topology "$(count_to 500 "n: seq")" "$(sink there)" && run || return
        begin "$(from "there, fields: { n: int }")" "$out"
        within 90 distinct 500 && stop && [ "$(wc -l <"$dir/out")" = 500 ]
}
check "a group goes on where it was committed" goes_on
killed_worker() {
        rm -f "$dir/out"
        topology "$(count_to 30000 "n: seq")" "$(sink killing)" && run || return
        begin "$(from "killing, fields: { n: int }, rate: 10000")" "$out"
        within 90 distinct 2000 && kill_worker in/0
        within 90 distinct 8000 && kill_worker out/0
        within 90 distinct 20000 && kill_worker in/0
        within 120 distinct 30000 && stop
}
check "a spout and a bolt that are killed lose nothing" killed_worker
# What a bolt that stands still has not processed dies with it and with the spout; the group has not committed it.
killed_together() {
        rm -f "$dir/out"
        topology "$(count_to 300 "n: seq")" "$(sink together)" && run || return
        begin "$(from "together, fields: { n: int }, rate: 200")" "$out"
        within 90 distinct 20 && kill_worker out/0 STOP && nap 0.5
        kill_worker in/0
        kill_worker out/0
        within 120 distinct 300 && stop
}
check "what was received and not processed comes again when a spout and a bolt die at once" killed_together
since() {
        rm -f "$dir/out"
        topology "$(count_to 100 "n: seq")" "$(sink since)" && run && nap 1 && time=$(date -u +%FT%T.%3NZ) && nap 0.1 || return
        topology "component: generate, properties: { count: 50, fields: { n: seq, late: const yes } }" "$(sink since)" && run || return
        begin "component: kafka, properties: { brokers: '127.0.0.1:$port', group: since, topic: since, start: '$time', fields: { n: int, late: str? } }" "$out"
        within 90 distinct 50 && stop && [ "$(grep -c yes "$dir/out")" = 50 ] && [ "$(wc -l <"$dir/out")" = 50 ] || return
        topology "$(count_to 10 "n: seq, late: const more")" "$(sink since)" && run && rm "$dir/out" &&
                begin "component: kafka, properties: { brokers: '127.0.0.1:$port', group: since, topic: since, start: '$time', fields: { n: int, late: str? } }" "$out"
        within 90 distinct 10 && stop && [ "$(grep -c more "$dir/out")" = 10 ] && [ "$(wc -l <"$dir/out")" = 10 ]
}
check "start: a group begins at a time, and goes on where it was" since
# The first question where a time is in the partitions gets no answer.
unanswered() {
        cat >"$dir/unanswered.c" <<'C'
#include <dlfcn.h>
int rd_kafka_offsets_for_times(void *client, void *list, int ms)
{
        static int asked;
        int (*ask)(void *, void *, int);
        *(void **)&ask = dlsym(dlopen("librdkafka.so.1", RTLD_NOW | RTLD_NOLOAD), "rd_kafka_offsets_for_times");
        return asked++ == 0 ? -185 : ask(client, list, ms);
}
C
        ${CC:-cc} -shared -fPIC -o "$dir/unanswered.so" "$dir/unanswered.c" -ldl && rm -f "$dir/out" || return
        LD_PRELOAD=$dir/unanswered.so begin "component: kafka, properties: { brokers: '127.0.0.1:$port', group: unanswered, topic: since, start: '$time', fields: { n: int, late: str? } }" "$out"
        within 90 distinct 60 && nap 1 && stop && grep -q 'is not known' "$dir/err" && [ "$(grep -c '"late":"' "$dir/out")" = 60 ] && [ "$(wc -l <"$dir/out")" = 60 ]
}
check "start: where a time is not known yet nothing is read" unanswered
# Whoever reads what is committed sees each number once. The reader is a topology of another folder, so none of its workers is killed.
read_committed() {
        mkdir -p "$dir/reader" && rm -f "$dir/out"
        topology "$(from "$1, fields: { n: int }")" "$out" && mv "$dir/t.yaml" "$dir/reader/t.yaml"
        (cd "$dir/reader" && exec "$squall" run t.yaml >stdout 2>err </dev/null) &
        reader=$!
}
committed() { [ "$(wc -l 2>/dev/null <"$dir/out" || echo 0)" -ge "$1" ]; }
exactly_once() {
        local reader
        read_committed exactly
        exactly "$(sink "exactly, batch: 100, key: '{n}'")" committed && within 90 committed 6000
        local status=$?
        end $reader INT
        [ $status = 0 ] && sed 's/[^0-9]//g' "$dir/out" | sort -n | cmp - <(seq 0 5999)
}
check "exactly once: a sink that is killed as it commits writes each message once" exactly_once
marked() {
        topology "$(count_to 10)" "$(sink "'{n}'")" marked "topology.delivery: exactly-once"
        says "name one in \`mark-topic\`" "$squall" check "$dir/t.yaml"
}
check "exactly once: where the topic depends on the tuple another one is asked for" marked
killed_broker() {
        rm -f "$dir/out"
        begin "$(from "broken, fields: { n: int }")" "$out"
        patience="within 90" survives_restarts 300 "$(count_to 6000 "n: seq" ", rate: 400")" "$(sink broken)" KILL || return
        within 120 distinct 6000 && stop
}
check "five kills of the broker lose nothing, on the way in and out" killed_broker
# A broker that says nothing at all: the sink says so after a second, and begins anew in its own process when another one has died.
stalled() {
        local reader pid status
        read_committed stalled
        topology "$(count_to 6000 n:\ seq ", rate: 1500")" "$(sink stalled)" stalled "topology.delivery: exactly-once, topology.checkpoint.interval.ms: 50"
        behind
        within 90 committed 300 && pid=$(workers out/0) && kill -STOP "$server" && within 30 grep -q 'no broker has answered for a second\|Timed out\|timed out' "$dir/err" && kill_worker in/0
        within 30 grep -q 'in/0: .*killed' "$dir/err" && nap 7
        status=$?
        kill -CONT "$server"
        [ $status = 0 ] && within 90 committed 1000 && [ "$(workers out/0)" = "$pid" ] && wait $runner
        status=$?
        runner=
        within 90 committed 6000
        end $reader INT
        [ $status = 0 ] && ! grep -q 'did not come back' "$dir/err" && sed 's/[^0-9]//g' "$dir/out" | sort -n | cmp - <(seq 0 5999)
}
check "exactly once: a sink that waits for a broker in silence begins anew where it is" stalled
lag() {
        spout() { from "lag, fields: { n: int }$1"; }
        send() { topology "$(count_to "$1" "n: seq")" "$(sink lag)" && run; }
        follows_lag spout send
}
check "status shows how many messages the partitions hold behind the offsets" lag
shared() {
        rm -f "$dir/out"
        begin "component: kafka, parallelism: 2, properties: { brokers: '127.0.0.1:$port', group: shared, topic: there, fields: { n: int } }" "$out"
        within 90 distinct 20000 && stop && [ "$(wc -l <"$dir/out")" -ge 20500 ]
}
check "two tasks share a topic as members of the group" shared
large() {
        python3 -c 'print("x" * 1500000); print("small")' >"$dir/in"
        topology "component: file, properties: { path: $dir/in }" "$(sink large)" large "topology.dead.letter.path: $dir/letters"
        run && [ "$(wc -l <"$dir/letters")" = 1 ] && grep -q 'too large' "$dir/letters"
}
check "a message that the broker would not take goes to the dead letters" large
tried() {
        topology "$(count_to 3)" "$(sink tried)" && connects && topology "$(count_to 3)" "component: kafka, properties: { brokers: '127.0.0.1:$(free_port)', topic: tried }" && connects_not 'Connection refused'
}
check "check --connect finds the broker, or says why not" tried

# ---- SASL and TLS ------------------------------------------------------------------------------------
[ -n "$tls" ] || { echo "ok - kafka: SASL and TLS # skip: openssl is not installed"; exit $failures; }
echo 'se cret' >"$dir/secret"
echo wrong-one >"$dir/wrong"
echo scrammed >"$dir/scram"
# secured CA PASSWORD-FILE [MECHANISM]: properties
secured() {
        echo "brokers: '127.0.0.1:$secured', topic: secured, password: 'file:$dir/$2', security: { security.protocol: SASL_SSL, ssl.ca.location: $dir/$1.pem, sasl.mechanism: ${3:-PLAIN}, sasl.username: me }"
}
encrypted() { # MECHANISM PASSWORD-FILE
        rm -f "$dir/out"
        topology "$(count_to 500 "n: seq")" "component: kafka, properties: { $(secured ca "$2" "$1") }" && run && connects || return
        begin "component: kafka, properties: { group: $1, fields: { n: int }, $(secured ca "$2" "$1") }" "$out"
        within 90 distinct 500 && stop && ! grep -qF "$(cat "$dir/$2")" "$dir/err"
}
check "SASL PLAIN over TLS: what is sent comes back, and the password is in no log" encrypted PLAIN secret
check "SASL SCRAM over TLS: likewise" encrypted SCRAM-SHA-256 scram
refused() { # PATTERN PROPERTIES
        topology "$(count_to 10 "n: seq")" "component: kafka, properties: { $2 }"
        ! run && cat "$dir/err" && grep -qi "$1" "$dir/err" && ! grep -q wrong-one "$dir/err" || return
        connects_not "" && grep -qi "$1" "$dir/connects" && ! grep -q wrong-one "$dir/connects" || return
        topology "component: kafka, properties: { group: refused, fields: { n: int }, $2 }" "$out"
        ! run && cat "$dir/err" && grep -qi "$1" "$dir/err"
}
check "SASL: a wrong password ends the topology with what the broker says" refused 'authentication failed' "$(secured ca wrong)"
untrusted() {
        topology "$(count_to 10 "n: seq")" "component: kafka, properties: { $(secured other secret) }"
        connects_not "" && grep -qi 'certificate verify failed' "$dir/connects"
}
check "TLS: a broker whose certificate another authority has signed is not trusted" untrusted
exit $failures
