#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bolt and the spout `postgres` against a server of its own.
# modes: release asan
source "$(dirname "$0")/lib"
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
PATH=$PATH:${bin:-}
needs postgres initdb psql
needs_component bolts postgres

port=$(free_port) server=
chmod 711 "$dir"
as=() # the server does not run as root
[ "$(id -u)" != 0 ] || { as=(setpriv --reuid=postgres --regid=postgres --clear-groups); install -d -o postgres "$dir/pg"; }
make_database() {
        echo 'se cret' >"$dir/password"
        chmod 644 "$dir/password"
        (cd / && "${as[@]}" initdb -D "$dir/pg/data" -U me --auth=scram-sha-256 --pwfile="$dir/password" --no-sync) >"$dir/initdb.log" 2>&1
}
up() { # [OPTION...]
        (cd / && exec "${as[@]}" postgres -D "$dir/pg/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$dir/pg" "$@") >>"$dir/server.log" 2>&1 &
        server=$!
        until_true ask "select 1"
}
down() { end "$server" "${1:-INT}"; }
ask() { PGPASSWORD='se cret' psql -qAt -h 127.0.0.1 -p "$port" -U me postgres -c "$1"; }
on_exit down
url="postgres://me@127.0.0.1:$port/postgres"
at="url: '$url', password: 'file:$dir/password'"
sink() { echo "component: postgres, properties: { $at, table: $1 }"; }

check "initdb makes a database" make_database
check "postgres starts" up
copied() {
        ask 'create table rows (n bigint, "the text" text, f float8, x jsonb)' &&
                printf '{"n":%d,"the text":"a\\tb\\\\n\\n%d","f":null,"x":{"a":[1]}}\n' 1 1 2 2 >"$dir/in" &&
                topology "component: file, properties: { path: $dir/in, format: jsonl }" "$(sink rows)" && run &&
                [ "$(ask "select count(*), sum(n), count(f), min(x->'a'->>0), min(length(\"the text\")) from rows")" = '2|3|0|1|7' ]
}
check "each tuple is a row, whatever stands in its texts" copied
upserted() {
        ask 'create table keyed (k bigint primary key, n bigint, unused text)' &&
                topology "$(count_to 3000 "n: seq, k: uniform 0 9")" "$(sink "keyed, key: k")" && run &&
                [ "$(ask "select count(*), max(n) >= 2990 from keyed")" = "10|t" ]
}
check "with a key the last tuple takes the place of the earlier" upserted
# PostgreSQL takes no two nulls for the same, in one batch as in two.
nulls() {
        ask 'create table nulls (k text unique, n bigint)' &&
                printf '{"k":%s,"n":%d}\n' null 1 '"a"' 2 null 3 '"a"' 4 null 5 >"$dir/in" &&
                topology "component: file, properties: { path: $dir/in, format: jsonl }" "$(sink "nulls, key: k")" && run &&
                [ "$(ask "select k, n from nulls order by k, n" | paste -sd ' ')" = 'a|4 |1 |3 |5' ]
}
check "a row whose key is null takes the place of none" nulls
# What the database has no letter for is refused.
latin_ask() { PGPASSWORD='se cret' psql -qAt -h 127.0.0.1 -p "$port" -U me latin -c "$1"; }
of_latin() { sed "s,/postgres',/latin'," <<<"$1"; }
latin() {
        ask "create database latin encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0" && latin_ask 'create table words (n bigint, w text)' &&
                printf '{"n":%d,"w":"%s"}\n' 1 'für' 2 '中' 3 'für' >"$dir/in" &&
                topology "component: file, properties: { path: $dir/in, format: jsonl }" "$(of_latin "$(sink words)")" latin "topology.dead.letter.path: $dir/unwritten" && run &&
                [ "$(latin_ask "select count(*), max(length(w)) from words")" = '2|3' ] && grep -q 'no equivalent in encoding.*"n":2' "$dir/unwritten" &&
                topology "$(of_latin "component: postgres, properties: { $at, query: 'select n, w from words where n > \$1 order by n', cursor: n, follow: false, fields: { w: str } }")" "$out" && run &&
                [ "$(sort -u "$dir/out")" = '{"w":"für"}' ]
}
check "texts are what they are in a database of another encoding, too, there and back" latin
refused() {
        ask 'create table checked (n bigint check (n % 100 <> 50))' &&
                topology "$(count_to 1000)" "$(sink checked)" refusing "topology.dead.letter.path: $dir/letters" && run &&
                [ "$(ask "select count(*) from checked")" = 990 ] && [ "$(grep -c 'violates check constraint' "$dir/letters")" = 10 ] &&
                grep -q '"record":{"n":150}' "$dir/letters"
}
check "what a constraint refuses goes to the dead letters, and all else is there" refused
no_table() { topology "$(count_to 3)" "$(sink nowhere)" && ! run && grep -q 'relation "nowhere" does not exist' "$dir/err"; }
check "a table that is not there ends the topology" no_table
# Nothing ever comes to write.
idle="component: timer, properties: { interval: 3600 }"
no_table_idle() { topology "$idle" "$(sink nowhere)" && ! run && grep -q 'relation "nowhere" does not exist' "$dir/err"; }
check "it does so before a tuple comes" no_table_idle
probes() {
        ask 'create table probed (n bigint, k bigint); create table others (n bigint); create role other login password $$se cret$$' || return
        topology "$(count_to 3)" "$(sink nowhere)" && connects_not 'relation "nowhere" does not exist' &&
                topology "$(count_to 3 "m: seq")" "$(sink probed)" && connects_not 'column "m" of relation "probed" does not exist' &&
                topology "$(count_to 3 "n: seq, k: seq")" "$(sink "probed, key: k")" && connects_not 'no unique or exclusion constraint matching' &&
                topology "$(count_to 3)" "$(sink others | sed s/me@/other@/)" && connects_not 'permission denied for table others' &&
                ask 'create unique index on probed (k)' && topology "$(count_to 3 "n: seq, k: seq")" "$(sink "probed, key: k")" && connects &&
                topology "$(count_to 3)" "$(sink probed)" && connects && [ "$(ask 'select count(*) from probed')" = 0 ]
}
check "check --connect asks the server for the table, its columns, the index of the key and what is allowed" probes
raised() {
        ask 'create table raising (n bigint, t text unique);
             create function no() returns trigger as $$begin if new.n = 7 then raise exception $e$not seven$e$; end if; return new; end$$ language plpgsql;
             create trigger no before insert on raising for each row execute function no()' || return
        { seq 1 20 | sed 's/.*/{"n":&,"t":"&"}/' && echo '{"n":21,"t":"'"$(head -c 9000 /dev/urandom | base64 -w 0)"'"}'; } >"$dir/in"
        topology "component: file, properties: { path: $dir/in, format: jsonl }" "$(sink raising)" raising "topology.dead.letter.path: $dir/raised" && run &&
                [ "$(ask 'select count(*), max(n) from raising')" = '19|20' ] && grep -q 'not seven' "$dir/raised" && grep -q 'index row' "$dir/raised"
}
check "so goes what a trigger or an index refuses" raised
# Of states that PostgreSQL knows, that a trigger has made up, and that come with the COMMIT.
each_cause() {
        ask 'create table causes_of (e int primary key); insert into causes_of values (1);
             create table causes (n smallint primary key, at timestamptz, w varchar(3), e int references causes_of (e) deferrable initially deferred);
             create function own() returns trigger as $$begin if new.n = 5 then raise $e$mine$e$ using errcode = $e$MY001$e$; end if; return new; end$$ language plpgsql;
             create trigger own before insert on causes for each row execute function own()' || return
        {
                seq 10 99 | sed 's/.*/{"n":&}/'
                printf '%s\n' '{"n":1,"at":"today or so"}' '{"n":2,"w":"too long"}' '{"n":70000}' '{"n":4,"e":2}' '{"n":5}' '{"n":7,"w":"ok","e":1}' '{"n":50}'
        } | shuf --random-source="$0" >"$dir/in"
        topology "component: file, properties: { path: $dir/in, format: jsonl, fields: { n: int, at: str?, w: str?, e: int? } }" "$(sink causes)" causes "topology.dead.letter.path: $dir/causes" && run || return
        cat "$dir/causes"
        [ "$(ask 'select count(*) from causes')" = 91 ] && [ "$(wc -l <"$dir/causes")" = 6 ] && [ "$(ask "select w from causes where n = 7")" = ok ] &&
                cause 'invalid input syntax for type timestamp' '"n":1,' && cause 'too long for type' '"n":2,' && cause 'out of range' '"n":70000' &&
                cause 'violates foreign key' '"n":4,' && cause 'ERROR:  mine' '"n":5,' && cause 'duplicate key' '"n":50,'
}
cause() { grep "$1" "$dir/causes" | grep -qF "$2"; }
check "of a batch that is refused for several causes each row has its own, and the others are there once" each_cause
# A right to a row is the row's, one to the table is the set-up's. COPY is not for such a table.
by_row() {
        ask "create table own_rows (n bigint primary key, t text); alter table own_rows enable row level security;
             create policy few on own_rows for insert to other with check (n <> 7); create policy all_of_them on own_rows for select to other using (true); create policy again on own_rows for update to other using (true);
             create view of_two as select a.n from own_rows a, own_rows b; grant select, insert, update on own_rows, of_two to other" || return
        for key in "" ", key: n"; do
                rm -f "$dir/by_row"
                topology "$(count_to 20 "n: seq, t: const x")" "$(sink "own_rows$key" | sed s/me@/other@/)" by-row "topology.dead.letter.path: $dir/by_row" && run || { cat "$dir/err"; return 1; }
                [ "$(ask 'select count(*), max(n) from own_rows')" = '19|19' ] && [ "$(wc -l <"$dir/by_row")" = 1 ] && grep -q 'row-level security.*"n":7,' "$dir/by_row" && ask 'truncate own_rows' || return
        done
        topology "$(count_to 3)" "$(sink "of_two, key: n")" && ! run && grep -q 'out/0: .*of_two' "$dir/err"
}
check "a row that row-level security refuses goes to the dead letters; a view that takes no rows ends the topology" by_row
dropped() {
        local runner
        ask 'create table dropped (n bigint primary key)'
        topology "$(count_to 0 n:\ seq ", rate: 1000")" "$(sink "dropped, key: n")"
        run &
        runner=$!
        until_true grows dropped 100 && ask 'drop table dropped' || return
        ! wait $runner && grep -q 'out/0: .*relation "dropped" does not exist' "$dir/err"
}
grows() { [ "$(ask "select count(*) from $1")" -ge "$2" ]; }
check "a table that is dropped ends the topology" dropped
wrong() {
        echo wrong-one >"$dir/other"
        topology "$(count_to 3)" "component: postgres, properties: { url: '$url', password: 'file:$dir/other', table: rows }"
        ! run && grep -q 'password authentication failed' "$dir/err" && ! grep -q wrong-one "$dir/err" && connects_not 'password authentication failed' && ! grep -q wrong-one "$dir/connects" &&
                topology "$(count_to 3)" "$(sink rows)" && connects
}
check "a wrong password ends the topology with what the server says" wrong
insecure() {
        topology "$(count_to 1)" "component: postgres, properties: { url: '$url?sslmode=require', password: 'file:$dir/password', table: rows }"
        connects_not 'does not support SSL' && ! run && grep -q 'does not support SSL' "$dir/err"
}
check "TLS: a server without it ends a topology that asks for it" insecure

killed() {
        local runner i
        ask 'create table killed (n bigint primary key)'
        topology "$(count_to 5000 n:\ seq ", rate: 1500")" "$(sink "killed, key: n")"
        run &
        runner=$!
        until_true grows killed 100 || return
        for i in 1 2 3 4 5; do
                down QUIT
                up || return
                until_true grows killed $((i * 400)) || return
        done
        wait $runner && [ "$(ask "select count(*), sum(n) from killed")" = "5000|12497500" ] && grep -q 'is back after' "$dir/err"
}
check "five crashes of the server lose nothing, and leave no row twice" killed

has_rows() { grows exact "$1"; }
exact() {
        ask 'create table exact (n bigint)'
        exactly "$(sink "exact, batch: 40")" has_rows && [ "$(ask "select count(*), count(distinct n), sum(n) from exact")" = "6000|6000|17997000" ] &&
                [ "$(ask "select count(*) from squall_marks where task like 'out/0/%' and mark like '% exactly'")" = 1 ]
}
check "exactly once each tuple is one row, without a key, whoever is killed" exact
crashed() {
        local i
        ask 'create table crashed (n bigint check (n <> 150))'
        topology "$(count_to 5000 n:\ seq ", rate: 1500")" "$(sink "crashed, batch: 40, timeout: 0.3")" crashed "topology.delivery: exactly-once, topology.checkpoint.interval.ms: 50"
        behind
        until_true grows crashed 100 || return
        for i in 1 2 3; do
                down QUIT
                [ $i = 3 ] || kill_worker "$([ $i = 1 ] || echo out/0)"
                up && until_true grows crashed $((i * 600)) || return
        done
        wait $runner && [ "$(ask "select count(*), count(distinct n), sum(n) from crashed")" = "4999|4999|12497350" ]
}
check "so it is when the server crashes, and while it is away the workers" crashed

source() { echo "component: postgres, properties: { $at, query: 'select * from feed where id > \$1 order by id', cursor: id, fields: { id: int, name: str?, ok: bool }, ${2:-every: 0.05} $1 }"; }
feed() {
        ask "create table feed (id bigint primary key, name text, ok boolean);
             insert into feed select i, case when i % 2 = 0 then 'n' || i end, i % 3 = 0 from generate_series(1, 5000) i"
        topology "$(source "" "follow: false")" "component: write, properties: { path: $dir/out, format: jsonl }" && run &&
                [ "$(wc -l <"$dir/out")" = 5000 ] && head -n 3 "$dir/out" | diff - <(printf '%s\n' '{"id":1,"name":null,"ok":false}' \
                '{"id":2,"name":"n2","ok":false}' '{"id":3,"name":null,"ok":true}')
}
check "spout: each row of the query is a tuple, converted to declared types" feed
written() { [ "$(sort -u "$dir/out" | wc -l)" -ge "$1" ]; }
fed_on() {
        local i
        rm -f "$dir/out"
        topology "$(source ", start: 5000")" "component: write, properties: { path: $dir/out, format: jsonl }"
        behind
        for i in 1 2 3 4 5; do
                ask "insert into feed select i, 'x', true from generate_series($i * 5000 + 1, $i * 5000 + 5000) i"
                until_true written $((i * 5000 - 4000)) || return
                if [ $i = 3 ]; then kill_worker in/0; else down QUIT && up || return; fi
        done
        until_true written 25000
        local status=$?
        stop
        [ $status = 0 ] && ! grep -q 'WARNING:' "$dir/err" # what libpq would print
}
check "spout: it goes on with new rows, through crashes of the server and of itself" fed_on
# What a bolt that stands still has not processed dies with it and with the spout; the rows are there still.
together() {
        local n
        n=$(ask 'select max(id) from feed')
        rm -f "$dir/out"
        topology "$(source ", start: $n, rate: 1000")" "component: write, properties: { path: $dir/out, format: jsonl }" && behind
        ask "insert into feed select i, 'x', true from generate_series($n + 1, $n + 500) i"
        until_true written 20 && kill_worker out/0 STOP && nap 0.3
        kill_worker in/0
        kill_worker out/0
        until_true written 500
        local status=$?
        stop
        return $status
}
check "spout: what was read and not processed comes again when a spout and a bolt die at once" together
# Without it nothing would be asked for an hour. Nobody hears what is notified while the connection is away, so the query is asked when it is back.
told() {
        local n i
        n=$(ask 'select max(id) from feed')
        rm -f "$dir/out"
        topology "$(source ", start: $n, listen: New Orders" "every: 3600")" "component: write, properties: { path: $dir/out, format: jsonl }" && behind
        until_true eval '[ "$(ask "select count(*) from pg_stat_activity where application_name = '"'squall'"' and state = '"'idle'"'")" = 1 ]'
        for i in 1 2 3; do
                ask "insert into feed values ($n + $i, 'x', true); notify \"New Orders\""
                until_true written $i || return
        done
        down QUIT && up && ask "insert into feed values ($n + 4, 'x', true); notify \"New Orders\"" && until_true written 4
        local status=$?
        stop
        return $status
}
check "spout: a notification has the query asked at once" told
lag() {
        spout() { source ", start: -1$1" | sed "s/ feed / behind /"; }
        send() { ask "insert into behind select (select count(*) from behind) + i, 'x', true from generate_series(1, $1) i"; }
        ask 'create table behind (id bigint primary key, name text, ok boolean)' && follows_lag spout send
}
check "spout: status shows how many rows are behind the cursor" lag
asks() { echo "component: postgres, properties: { ${at/me@/${3:-me}@}, query: '$1', cursor: $2 }"; }
unasked() {
        topology "$(asks 'select id from nowhere where id > $1' id)" "$out" && connects_not 'relation "nowhere" does not exist' &&
                topology "$(asks 'select id from feed where id > $1 order by id' number)" "$out" && connects_not 'the query has no column `number`' &&
                topology "$(asks 'select id from feed where id > $1 order by id' id other)" "$out" && connects_not 'permission denied for table feed' &&
                ! run && grep -q 'permission denied for table feed' "$dir/err" &&
                topology "$(asks 'select id from feed where id > $1 order by id' id)" "$out" && connects
}
check "spout: check --connect asks the server whether it takes the query; one that it does not ends the topology" unasked
falls() {
        topology "component: postgres, properties: { $at, query: 'select id from feed where id > \$1 order by id desc', cursor: id, follow: false }" \
                "component: 'null'" && ! run && grep -q 'does not rise' "$dir/err"
}
check "spout: a cursor that does not rise ends the topology" falls
down
# ---- A server that is none ---------------------------------------------------------------------------
# It lets in by what it says first, `ok` or a refusal as CODE:WORDS, and reads nothing more once it has asked for rows.
fake() { # FIRST
        cat >"$dir/fake.py" <<'P'
import signal, socket, struct, sys, threading
signal.signal(signal.SIGINT, signal.SIG_DFL) # which a shell has its background ignore
code, _, words = sys.argv[2].partition(':')
def message(kind, body): return kind + struct.pack('>I', len(body) + 4) + body
def read(peer, n):
    got = b''
    while len(got) < n:
        more = peer.recv(n - len(got))
        if not more: raise EOFError
        got += more
    return got
def serve(peer):
    try:
        while True: # what asks for TLS or GSS comes first
            size, kind = struct.unpack('>II', read(peer, 8))
            read(peer, size - 8)
            if kind == 196608: break
            peer.sendall(b'N')
        if code != 'ok':
            peer.sendall(message(b'E', f'SSCHWERWIEGEND\0VFATAL\0C{code}\0M{words}\0\0'.encode()))
            return
        ready = message(b'Z', b'I')
        peer.sendall(message(b'R', struct.pack('>I', 0)) + ready)
        while True:
            kind, size = struct.unpack('>cI', read(peer, 5))
            statement = read(peer, size - 4)
            if statement.startswith(b'COPY'):
                peer.sendall(message(b'G', b'\0\0\0'))
                print('asked for rows', flush=True)
                threading.Event().wait()
            peer.sendall(message(b'C', b'BEGIN\0') + ready)
    except (EOFError, ConnectionError): pass
    finally: peer.close()
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print('listens', flush=True)
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
P
        rm -f "$dir/.s.PGSQL.5432"
        python3 "$dir/fake.py" "$dir/.s.PGSQL.5432" "$1" >"$dir/fake.log" 2>&1 &
        server=$!
        until_true grep -q listens "$dir/fake.log"
}
beside="url: 'postgres://me@/postgres?host=$dir&port=5432'"
wide="component: generate, properties: { count: 2000, fields: { n: seq, t: 'const $(printf 'x%.0s' {1..1000})' } }"
silent() {
        fake ok && topology "$wide" "component: postgres, properties: { $beside, table: t }" && behind || return
        until_true grep -q 'no answer in time: what is to go there waits' "$dir/err"
        local status=$?
        end_runner
        down
        return $status
}
other_words() {
        fake '28P01:Passwort-Authentifizierung für Benutzer »me« fehlgeschlagen' || return
        topology "$wide" "component: postgres, properties: { $beside, table: t }"
        ! run && grep -q 'out/0: .*28P01: Passwort-Auth' "$dir/err"
        local status=$?
        topology "component: postgres, properties: { $beside, query: 'select id from t where id > \$1 order by id', cursor: id }" "$out"
        ! run && grep -q 'in/0: .*28P01: Passwort-Auth' "$dir/err" && [ $status = 0 ]
        status=$?
        down
        [ $status = 0 ] && fake '57P03:das Datenbanksystem startet' && topology "$wide" "component: postgres, properties: { $beside, table: t }" && behind || return
        until_true grep -q 'startet: what is to go there waits' "$dir/err"
        status=$?
        end_runner
        down
        return $status
}
if command -v python3 >/dev/null; then
        check "a server that reads no more is given up, over a Unix socket too" silent
        check "a refusal ends the topology, and a server that starts does not, in whatever words" other_words
fi
# ---- TLS ---------------------------------------------------------------------------------------------
secured() {
        local owner
        owner=$(stat -c %U "$dir/pg/data") && install -m 644 "$dir/$1.pem" "$dir/pg/server.pem" && install -o "$owner" -m 600 "$dir/$1.key" "$dir/pg/server.key" &&
                up -c ssl=on -c ssl_cert_file="$dir/pg/server.pem" -c ssl_key_file="$dir/pg/server.key"
}
check "postgres has a table" eval "up && ask 'create table secure (n bigint)' && down"
checks_tls postgres "$url?sslmode=verify-full&sslrootcert=$dir/%CA%" "password: 'file:$dir/password', table: secure"
exit $failures
