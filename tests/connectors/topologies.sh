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
exit $failures
