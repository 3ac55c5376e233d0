#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The topologies that stand on servers, each fed by its own script.
# modes: release
source "$(dirname "$0")/lib"
needs redis-server redis-cli sqlite3 curl
needs_component bolts redis

port=$(free_port) listen=$(free_port) server=
end_server() {
        [ -z "$server" ] || end $server KILL
}
on_exit end_server
up() {
        redis-server --port "$port" --bind 127.0.0.1 --dir "$dir" --save '' >"$dir/server.log" 2>&1 &
        server=$!
        until_true listens "$port"
}
clickstream() {
        local total
        up || return
        (export REDIS=redis://127.0.0.1:$port LISTEN=127.0.0.1:$listen OUT=$dir && exec "$squall" run topologies/clickstream/clickstream.yaml >"$dir/stdout" 2>"$dir/err" </dev/null) &
        runner=$!
        until_true listens "$listen" && topologies/clickstream/feed 1000 "http://127.0.0.1:$listen/" || return
        total=$(for c in 0 1 2 3 4; do redis-cli -p "$port" get views:c$c; done | awk '{ n += $1 } END { print n }')
        stop
        [ "$total" = 666 ] && [ "$(sqlite3 "$dir/clicks.db" 'select count(*) from last_page')" = 50 ]
}
check "clickstream counts the views of each campaign and keeps the last page of each user" clickstream

router() {
        (export LISTEN=127.0.0.1:$listen OUT=$dir && exec "$squall" run topologies/router/router.yaml >"$dir/stdout" 2>"$dir/err" </dev/null) &
        runner=$!
        until_true listens "$listen" && topologies/router/feed 1000 127.0.0.1 "$listen" && until_true eval '[ "$(wc -l <"$dir/rest.jsonl")" = 100 ]' || return
        stop
        [ "$(wc -l <"$dir/errors.jsonl")" = 100 ] && [ "$(wc -l <"$dir/visits.csv")" = 601 ] && [ "$(sqlite3 "$dir/payments.db" 'select count(*) from payments')" = 200 ] &&
                grep -q 'rules: no route takes it","tuples":\[{"record":{"id":0,"kind":"signup"' "$dir/rest.jsonl"
}
check "router takes each event where the first rule says that holds, and the rest to the dead letters" router

broker_pid=
end_broker() { [ -z "$broker_pid" ] || end $broker_pid KILL; }
on_exit end_broker
# The webhook is another topology: what is posted to it goes into a file.
sensor_alerts() {
        local broker=$(free_port) hook=$(free_port) reader status
        [ -e "$build/spouts/mqtt.so" ] && PATH=$PATH:/usr/sbin command -v mosquitto >/dev/null || return 0
        printf '%s\n' "listener $broker 127.0.0.1" "allow_anonymous true" "max_queued_messages 0" "log_type all" >"$dir/mosquitto.conf"
        PATH=$PATH:/usr/sbin mosquitto -c "$dir/mosquitto.conf" >"$dir/mosquitto.log" 2>&1 &
        broker_pid=$!
        topology "component: http, properties: { listen: 127.0.0.1:$hook, wait: true }" "component: write, properties: { path: $dir/posted, format: jsonl }" webhook && behind
        reader=$runner
        until_true listens "$broker" && until_true listens "$hook" || return
        (export MQTT=mqtt://127.0.0.1:$broker WEBHOOK=http://127.0.0.1:$hook/ && exec "$squall" run topologies/sensor-alerts/sensor-alerts.yaml >"$dir/stdout" 2>"$dir/alerts.err" </dev/null) &
        runner=$!
        until_true grep -q 'Sending SUBACK' "$dir/mosquitto.log" || return
        MQTT=mqtt://127.0.0.1:$broker SQUALL=$squall topologies/sensor-alerts/feed 1000 && until_true eval '[ "$(sort -u "$dir/posted" | wc -l)" = 500 ]'
        status=$?
        stop
        runner=$reader
        stop
        [ $status = 0 ] && grep -q '"sensor":"s4","n":19,"celsius":39.0,"level":"critical","text":"s4 has 39.0 degrees"' "$dir/posted"
}
check "sensor-alerts posts each reading that a rule finds" sensor_alerts
exit $failures
