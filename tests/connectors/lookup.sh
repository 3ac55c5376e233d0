#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bolt `lookup` in a CSV file, a SQLite database and a Redis that change while it runs.
# modes: release asan
source "$(dirname "$0")/lib"
needs redis-server redis-cli sqlite3
needs_component bolts lookup

port=$(free_port) server=
up() {
        redis-server --port "$port" --bind 127.0.0.1 --dir "$dir" --save '' >>"$dir/server.log" 2>&1 &
        server=$!
        until_true listens "$port"
}
down() { [ -z "$server" ] || end "$server" "${1:-TERM}"; }
on_exit down
ask() { redis-cli -p "$port" "$@"; }
# begin PROPERTIES [COLOR]: looks up the color of `k`, which is always x, two hundred times a second.
begin() {
        rm -f "$dir/out"
        cat >"$dir/t.yaml" <<Y
name: lookup
spouts: [{ id: in, component: generate, properties: { count: 0, rate: 200, fields: { k: const x } } }]
bolts:
  - { id: color, component: lookup, properties: { fields: [color], $1 } }
  - { id: out, component: write, properties: { path: $dir/out, format: jsonl } }
streams:
  - { from: in, to: color, grouping: { type: shuffle } }
  - { from: color, to: out, grouping: { type: shuffle } }
Y
        behind
        [ -z "${2:-}" ] || until_true comes "$2"
}
# comes COLOR: it is that of the last tuple.
comes() { [ "$(tail -n 1 "$dir/out")" = "{\"k\":\"x\",\"color\":$1}" ]; }

csv() {
        printf 'id,color\nx,red\n' >"$dir/colors.csv"
        begin "path: $dir/colors.csv, column: id, key: '{k}'" '"red"' || return
        printf 'id,color\nx,blue\ny,red\n' >"$dir/new.csv" && mv "$dir/new.csv" "$dir/colors.csv" && until_true comes '"blue"' || return
        printf 'color\n' >"$dir/new.csv" && mv "$dir/new.csv" "$dir/colors.csv" && until_true grep -q 'what was read before is used still' "$dir/err" && comes '"blue"' || return
        printf 'id,color\ny,red\n' >"$dir/new.csv" && mv "$dir/new.csv" "$dir/colors.csv" && until_true comes null && stop
}
check "a CSV file is read anew when it is another one, and not where that is wrong" csv
sqlite() {
        sqlite3 "$dir/colors.db" "create table colors (id text, color text); insert into colors values ('x', 'red')"
        begin "from: sqlite, path: $dir/colors.db, table: colors, column: id, key: '{k}'" '"red"' || return
        sqlite3 -cmd '.timeout 5000' "$dir/colors.db" "update colors set color = 'blue'" && until_true comes '"blue"' || return
        sqlite3 -cmd '.timeout 5000' "$dir/colors.db" "delete from colors" && until_true comes null || return
        sqlite3 "$dir/new.db" "create table colors (id text, color text); insert into colors values ('x', 'green')"
        mv "$dir/new.db" "$dir/colors.db" && until_true comes '"green"' && stop
}
check "what is remembered of a database goes when that has changed" sqlite
locked() {
        local locker
        sqlite3 "$dir/cold.db" "create table colors (id text, color text); insert into colors values ('x', 'red')" && mkfifo "$dir/lock"
        sqlite3 -cmd '.timeout 5000' "$dir/cold.db" <"$dir/lock" & # who looks whether it has the lock takes it for a moment
        locker=$!
        exec 9>"$dir/lock"
        echo "begin exclusive;" >&9
        until_true eval '! sqlite3 "$dir/cold.db" "select * from colors"'
        begin "from: sqlite, path: $dir/cold.db, table: colors, column: id, key: '{k}'" "" && until_true grep -q 'database is locked (it may come up yet)' "$dir/err" || return
        printf 'commit;\n.quit\n' >&9
        exec 9>&-
        wait $locker
        until_true comes '"red"' && stop
}
check "a database that is locked at the start is waited for" locked
no_column() {
        sqlite3 "$dir/columns.db" "create table colors (id text, color text)"
        begin "from: sqlite, path: $dir/columns.db, table: colors, column: nix, key: '{k}'"
        wait $runner
        [ $? = 1 ] && grep -q 'no such column: t.nix' "$dir/err"
}
check "a column that a database has not ends the topology" no_column
redis() {
        up && ask hset color:x color red >/dev/null
        begin "from: redis, url: 'redis://127.0.0.1:$port', key: 'color:{k}', expire: 0.2" '"red"' || return
        ask hset color:x color blue >/dev/null && until_true comes '"blue"' || return
        ask del color:x >/dev/null && until_true comes null || return
        down KILL
        until_true grep -q 'is away\|refused\|closed' "$dir/err"
        up && ask hset color:x color green >/dev/null && until_true comes '"green"' && stop
}
check "what came from Redis is asked for again after a while, and a server that is away is waited for" redis
exit $failures
