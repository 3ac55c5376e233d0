#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bolt `sqlite` against the database that it writes.
# modes: release asan
source "$(dirname "$0")/lib"
needs sqlite3
needs_component bolts sqlite

sink() { echo "component: sqlite, properties: { path: $dir/db, table: $1 }"; }
ask() { sqlite3 -cmd '.timeout 5000' "$dir/db" "$1"; }

rows() {
        topology "$(count_to 3000 "n: seq, w: const it's, f: const 1.5")" "$(sink "rows")" && run &&
                [ "$(ask "select count(*), sum(n), min(w), max(f), typeof(max(n)) from rows")" = "3000|4498500|it's|1.5|integer" ]
}
check "each tuple is a row of a table that is made" rows
keys() {
        topology "$(count_to 3000 "n: seq, k: uniform 0 9")" "$(sink "keyed, key: k, batch: 7")" && run &&
                [ "$(ask "select count(*), max(n) >= 2990 from keyed")" = "10|1" ]
}
check "with a key the last tuple takes the place of the earlier" keys
refused() {
        ask "create table checked (n integer check (n % 100 <> 50))"
        topology "$(count_to 1000)" "$(sink checked)" refusing "topology.dead.letter.path: $dir/letters"
        run && [ "$(ask "select count(*) from checked")" = 990 ] && [ "$(grep -c 'CHECK constraint failed' "$dir/letters")" = 10 ] &&
                grep -q '"record":{"n":150}' "$dir/letters"
}
check "what a constraint refuses goes to the dead letters, and all else is there" refused
each_cause() {
        ask "create table two (n integer check (n % 100 <> 50), m integer check (m % 100 <> 20))"
        topology "$(count_to 1000 "n: seq, m: seq")" "$(sink two)" causes "topology.dead.letter.path: $dir/two-letters"
        run && [ "$(grep -c 'CHECK constraint failed: m .*"m":[0-9]*20}' "$dir/two-letters")" = 10 ] &&
                [ "$(grep -c 'CHECK constraint failed: n .*"m":[0-9]*50}' "$dir/two-letters")" = 10 ] &&
                grep -q 'CHECK constraint failed: m % 100 <> 20$' "$dir/err" && grep -q 'CHECK constraint failed: n % 100 <> 50$' "$dir/err" &&
                [ "$(grep -c 'left out a record' "$dir/err")" -lt 10 ] && [ "$(said_of m)" = 10 ] && [ "$(said_of n)" = 10 ]
}
# What the log counts of a cause: a line is one, and says how many more there were.
said_of() { sed -n "/warning: left out a record: .*failed: $1 /p" "$dir/err" | sed 's/.*(and \([0-9]*\) more like it)$/\1/; t; s/.*/1/' | awk '{ n += $1 } END { print n }'; }
check "each letter has the cause of its own record, and the log counts them by cause" each_cause
# A table, and the whole database, that go in the midst: what comes then is in the new one, and none of it is a dead letter.
gone() { # TABLE COMMAND...
        local runner table=$1 last
        shift
        rm -f "$dir/gone"
        topology "$(count_to 3000 n:\ seq ", rate: 1000")" "$(sink "$table")" gone "topology.dead.letter.path: $dir/gone"
        run &
        runner=$!
        until_true has "$table" 200 && last=$(ask "select max(n) from $table") && "$@" || return
        wait $runner || return
        [ ! -e "$dir/gone" ] && [ "$(ask "select max(n), count(*) > 100 and count(*) = max(n) - min(n) + 1 from $table")" = "2999|1" ] && [ "$(ask "select min(n) from $table")" -gt "$last" ]
}
has() { [ "$(ask "select count(*) from $1")" -ge "$2" ]; }
check "a table that is dropped is made again" gone dropped ask "drop table dropped"
check "so is a database whose file is removed" gone removed eval 'rm "$dir"/db*'
locked() {
        local runner locker
        mkfifo "$dir/lock"
        topology "$(count_to 500 n:\ seq ", rate: 1000")" "$(sink "locked, key: n, timeout: 0.2")"
        sqlite3 -cmd '.timeout 5000' "$dir/db" <"$dir/lock" & # those who look whether it has the lock take it for a moment
        locker=$!
        exec 9>"$dir/lock"
        echo "begin immediate;" >&9
        until_true eval '! sqlite3 "$dir/db" "begin immediate; rollback"'
        run &
        runner=$!
        until_true grep -q 'database is locked' "$dir/err"
        local seen=$?
        echo "commit;" >&9
        exec 9>&-
        wait $locker
        wait $runner && [ $seen = 0 ] && [ "$(ask "select count(*) from locked")" = 500 ]
}
check "a database that another has locked is waited for" locked
# One that is not in WAL mode yet: even to open it takes the lock.
locked_at_start() {
        local runner locker seen
        sqlite3 "$dir/cold" "create table other (n)" && mkfifo "$dir/cold.lock"
        topology "$(count_to 50)" "component: sqlite, properties: { path: $dir/cold, table: late, timeout: 0.1 }"
        sqlite3 -cmd '.timeout 5000' "$dir/cold" <"$dir/cold.lock" & # those who look whether it has the lock take it for a moment
        locker=$!
        exec 9>"$dir/cold.lock"
        echo "begin exclusive; select 'has it';" >&9
        until_true eval '! sqlite3 "$dir/cold" "select * from other"'
        run &
        runner=$!
        until_true grep -q 'cold: database is locked (it may come up yet)' "$dir/err"
        seen=$?
        echo "commit;" >&9
        exec 9>&-
        wait $locker
        wait $runner && [ $seen = 0 ] && [ "$(sqlite3 "$dir/cold" "select count(*) from late")" = 50 ]
}
check "so is one that is locked when the topology starts" locked_at_start
no_database() {
        echo "this is a text, and no database, however long one reads it" >"$dir/text"
        topology "$(count_to 5)" "component: sqlite, properties: { path: $dir/text, table: t }" && ! "$squall" check --connect "$dir/t.yaml" 2>"$dir/err" &&
                grep -q 'text: file is not a database' "$dir/err" && ! run && grep -q 'text: file is not a database' "$dir/err" &&
                topology "$(count_to 5)" "component: sqlite, properties: { path: $dir/no/where, table: t }" && ! run && grep -q 'where: unable to open database file' "$dir/err"
}
check "what is no database, and a folder that is not there, end the topology at once" no_database
killed() {
        local runner
        topology "$(count_to 20000 n:\ seq ", rate: 20000")" "$(sink "killed, key: n")"
        run &
        runner=$!
        for i in 1 2 3; do
                until_true grows $((i * 2000)) || return
                kill_worker out/0
        done
        wait $runner && [ "$(ask "select count(*), sum(n) from killed")" = "20000|199990000" ]
}
grows() { [ "$(ask "select count(*) from killed")" -ge "$1" ]; }
check "a worker that is killed loses no row, and leaves none twice" killed

times() {
        printf '{"at":"2026-11-27T06:00:00Z"}\n' >"$dir/in"
        topology "component: file, properties: { path: $dir/in, format: jsonl, fields: { at: time } }" "$(sink times)" && run &&
                [ "$(ask "select at, datetime(at, '+1 day') from times")" = "2026-11-27T06:00:00Z|2026-11-28 06:00:00" ]
}
check "a time is a text that the date functions of SQLite read" times

has_rows() { [ "$(ask "select count(*) from exact")" -ge "$1" ]; }
exact() {
        exactly "$(sink "exact, batch: 40")" has_rows && [ "$(ask "select count(*), count(distinct n), sum(n) from exact")" = "6000|6000|17997000" ] &&
                [ "$(ask "select count(*) from squall_marks where task glob 'out/0/*' and mark glob '* exactly'")" = 1 ]
}
check "exactly once each tuple is one row, without a key, whoever is killed" exact
refused_once() {
        ask "create table parity (n integer check (n <> 150 and n < 999))"
        topology "$(count_to 1000)" "$(sink parity)" parity "topology.delivery: exactly-once, topology.dead.letter.path: $dir/exact-letters"
        run && [ "$(ask "select count(*), sum(n) from parity")" = "998|498351" ] && [ "$(wc -l <"$dir/exact-letters")" = 2 ]
}
check "exactly once, too, what a constraint refuses goes to the dead letters, and all else is there" refused_once
exit $failures
