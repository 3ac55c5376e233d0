#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The spout `http` against curl, and the bolt `http` against a server of a few lines.
# modes: release asan
source "$(dirname "$0")/lib"
needs curl python3
needs_component spouts http
needs_component bolts http

port=$(free_port) server=
end_server() { [ -z "$server" ] || end $server KILL; }
on_exit end_server
begin() { # SPOUT-PROPERTIES [BOLT]
        topology "component: http, properties: { listen: '127.0.0.1:$port', $1 }" \
                "${2:-component: write, properties: { path: $dir/out, format: jsonl \}}" http "topology.dead.letter.path: $dir/letters${3:-}"
        rm -f "$dir/out"
        behind
        until_true listens "$port"
}
# post EXPECTED-STATUS BODY [CURL-OPTION...]
post() {
        local want=$1 body=$2 got
        shift 2
        got=$(curl -s -m 20 -o "$dir/answer" -w '%{http_code}' --data-binary "$body" "$@" "http://127.0.0.1:$port/")
        [ "$got" = "$want" ] || { echo "status $got instead of $want"; cat "$dir/answer"; return 1; }
}
lines() { [ "$(wc -l <"$dir/out")" -ge "$1" ]; }

posted() {
        begin "fields: { id: int, name: { path: user.name, type: str? } }" || return
        post 202 '{"id":"7","user":{"name":"A"}}' && post 400 'no json' && grep -q 'message 1' "$dir/answer" && post 400 '{"id":"x"}' && post 400 '' &&
                post 415 '{"id":"7"}' -H 'Content-Encoding: gzip' && grep -q 'without Content-Encoding' "$dir/answer" &&
                until_true lines 1 && stop && diff "$dir/out" <(echo '{"id":7,"name":"A"}')
}
check "spout: a posted value is a tuple, and what cannot be read is answered with 400 and the cause" posted
limits() {
        begin "format: text, limit: 100, token: 'file:$dir/token'" || return
        post 401 hello && post 401 hello -H 'Authorization: Bearer wrong' && post 202 hello -H 'Authorization: Bearer se cret' &&
                post 413 "$(printf '%0200d' 1)" -H 'Authorization: Bearer se cret' && grep -q limit "$dir/answer" && post 413 "$(printf '%0200d' 1)" -H 'Authorization: Bearer se cret' -H 'Transfer-Encoding: chunked' &&
                [ "$(curl -s -o "$dir/answer" -w '%{http_code}' "http://127.0.0.1:$port/")" = 405 ] && [ "$(curl -s -o "$dir/answer" -w '%{http_code}' "http://127.0.0.1:$port/x")" = 404 ] &&
                until_true lines 1 && stop && diff "$dir/out" <(echo '{"line":"hello"}')
}
echo 'se cret' >"$dir/token"
check "spout: token, path, method and size are looked at" limits
many() {
        begin "format: jsonl, fields: [n]" || return
        seq 1 5000 | sed 's/.*/{"n":&}/' >"$dir/many"
        post 202 @"$dir/many" && until_true lines 5000 && stop && cmp <(sort "$dir/out") <(sort "$dir/many")
}
check "spout: a body of JSON Lines is a tuple a line" many
arrays() {
        begin "fields: { id: int, text: str }" || return
        post 202 ' [ {"id":1,"text":"a, ]\n[ {\" \\"},
                {"id":2, "text":"x", "more":[1,{"y":[]}]}, {"id":3,"text":""} ] ' && post 400 '[{"id":4,"text":"y"},{"id":"z","text":"y"}]' && grep -q 'message 2: the field `id`' "$dir/answer" &&
                post 400 '[{"id":5,"text":"y"},]' && post 202 '[6,"places"]' && until_true lines 4 && stop &&
                diff "$dir/out" <(printf '%s\n' '{"id":1,"text":"a, ]\n[ {\" \\"}' '{"id":2,"text":"x"}' '{"id":3,"text":""}' '{"id":6,"text":"places"}')
}
check "spout: an array of objects is as many messages, one of anything else is a message" arrays
# What the bolt posts the spout takes, as both are without a word.
there() {
        begin "fields: { n: int }" "$out" || return
        write_all "$(count_to 2500 "n: seq")" "component: http, properties: { url: 'http://127.0.0.1:$port/' }" && until_true distinct 2500 && stop && numbers 2500
}
check "what the bolt posts to the spout is there, once" there
rows() {
        begin "format: csv, separator: semicolon, fields: { id: int, text: str }" || return
        post 202 $'7;A\r\n\n8;"B\nC;D"\n' && post 400 '9;"never closed' && grep -q 'never closed' "$dir/answer" && until_true lines 2 && stop &&
                diff "$dir/out" <(printf '%s\n' '{"id":7,"text":"A"}' '{"id":8,"text":"B\nC;D"}') || return
        begin "format: logfmt, fields: { id: int, text: str }" && post 202 $'id=1 text="a b"\nid=2 text=c\n' && until_true lines 2 && stop &&
                diff "$dir/out" <(printf '%s\n' '{"id":1,"text":"a b"}' '{"id":2,"text":"c"}')
}
check "spout: bodies of CSV and logfmt are a tuple a record" rows
waits() {
        begin "format: jsonl, wait: true, fields: [n]" || return
        for i in 1 2 3; do post 200 "{\"n\":$i}" && lines $i || return; done
        # while the bolt is dead nobody is told that it is done
        seq 100 1999 | sed 's/.*/{"n":&}/' | curl -s -m 60 -o "$dir/answer" -w '%{http_code}' --data-binary @- "http://127.0.0.1:$port/" >"$dir/status" &
        local client=$!
        kill_worker out/0
        wait $client
        [ "$(cat "$dir/status")" = 200 ] && [ "$(sort -u "$dir/out" | wc -l)" = 1903 ] && stop
}
check "spout: with wait a 200 says that all was processed, whatever was killed" waits
full() {
        begin "queue: 2" "component: sleep, properties: { ms: 300000 }" ", topology.max.spout.pending: 1" || return
        local i got=
        for i in $(seq 12); do curl -s -m 20 -o /dev/null -w '%{http_code}\n' --data "$i" "http://127.0.0.1:$port/" >"$dir/code.$i" & done
        wait $(jobs -p | grep -vx "$runner")
        got=$(cat "$dir"/code.* | sort | uniq -c | tr -s ' \n' ' ')
        end $runner KILL
        runner=
        echo "$got"
        [[ $got == *" 202 "*" 429 "* ]]
}
check "spout: a topology that is full answers 429" full

cat >"$dir/server.py" <<'P'
import http.server, json, ssl, sys, threading, time
kept, lock = {}, threading.Lock()
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = []
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Authorization") != "Bearer se cret":
            return self.say(401)
        if self.path == "/moved":
            return self.say(301, b"", Location="https://elsewhere.example/hook")
        if self.path == "/busy":
            H.asked.append(time.monotonic())
            if len(H.asked) == 1:
                return self.say(429, b"a rest of 3 seconds, please", **{"Retry-After": "3"})
            if len(H.asked) == 2 and H.asked[1] - H.asked[0] < 2.9:
                return self.say(422, b"too early")
        if self.path in ("/array", "/busy"):
            items = json.loads(body)
        elif self.path == "/record":
            with lock, open(sys.argv[2], "ab") as out:
                out.write(self.headers["Content-Type"].encode() + b"|" + body)
            return self.say(200)
        elif self.path == "/lines":
            items = [json.loads(l) for l in body.splitlines()]
        else:
            items = [json.loads(body)]
            if self.headers.get("Idempotency-Key") != "n-%d" % items[0]["n"]:
                return self.say(422, b"no key")
        if any(i["n"] % 100 == 50 for i in items) and self.path != "/single":
            return self.say(422, b"fifty is refused")
        with lock, open(sys.argv[2], "a") as out:
            for i in items:
                out.write("%d\n" % i["n"])
        self.say(200)
    def say(self, status, text=b"", **headers):
        self.send_response(status)
        for name in headers:
            self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *a): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3] + ".pem", sys.argv[3] + ".key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
P
there=$(free_port)
up() { python3 "$dir/server.py" "$there" "$dir/got" "$@" 2>>"$dir/server.log" & server=$!; until_true listens "$there"; }
sink() { echo "component: http, properties: { url: 'http://127.0.0.1:$there/$1', token: 'file:$dir/token' $2 }"; }
got() { sort -nu "$dir/got" | wc -l; }
check "the server starts" up
bodies() {
        rm -f "$dir/got" "$dir/letters"
        topology "$(count_to 1000)" "$(sink "$1" ", body: $1")" hook "topology.dead.letter.path: $dir/letters"
        run && [ "$(got)" = 990 ] && [ "$(wc -l <"$dir/got")" = 990 ] && [ "$(grep -c 'status 422: fifty is refused' "$dir/letters")" = 10 ]
}
for body in array lines; do check "bolt: batches as $body; what is refused goes to the dead letters, and all else is there" bodies "$body"; done
single() { rm -f "$dir/got"; topology "$(count_to 100)" "$(sink single ", body: single, key: 'n-{n}'")" && run && [ "$(got)" = 100 ]; }
check "bolt: a request for each tuple, with its key" single
records() { # FORMAT BODY WHAT-IS-SENT
        : >"$dir/got"
        topology "$(count_to 2 "n: seq, c: const x")" "$(sink record ", format: $1, body: $2")" && run && cmp "$dir/got" <(printf "$3")
}
check "bolt: a batch of CSV is a tuple a line" records csv lines 'text/csv; charset=utf-8|0,x\n1,x\n'
check "bolt: a batch of logfmt is a tuple a line" records logfmt lines 'text/plain; charset=utf-8|n=0 c=x\nn=1 c=x\n'
check "bolt: a batch of msgpack is a map behind the other" records msgpack lines 'application/vnd.msgpack|\202\241n\000\241c\241x\202\241n\001\241c\241x'
check "bolt: a request for each tuple, as text" records text single 'text/plain; charset=utf-8|0\txtext/plain; charset=utf-8|1\tx'
no_array() { topology "$(count_to 2)" "$(sink record ", format: csv")" && ! "$squall" check "$dir/t.yaml" >"$dir/err" 2>&1 && grep -q 'body: lines' "$dir/err"; }
check "bolt: an array of CSV is refused" no_array
placed() {
        rm -f "$dir/got"
        topology "$(count_to 50)" "$(sink '{lower("SIN")}{if n >= 0 then "gle" else ""}' ", body: single, key: 'n-{n + 0}'")" && run && [ "$(got)" = 50 ] && [ "$(wc -l <"$dir/got")" = 50 ]
}
check "bolt: the address of a request has expressions over its tuple" placed
placeless() {
        rm -f "$dir/got" "$dir/letters"
        topology "$(count_to 20)" "$(sink '{if n % 10 == 3 then "no where" else "single"}' ", body: single, key: 'n-{n}'")" hook "topology.dead.letter.path: $dir/letters"
        run && [ "$(got)" = 18 ] && [ "$(grep -ci 'url' "$dir/letters")" = 2 ]
}
check "bolt: a tuple that makes no address goes to the dead letters, and those behind it are there" placeless
wrong() {
        topology "$(count_to 3)" "component: http, properties: { url: 'http://127.0.0.1:$there/array' }" && ! run && grep -q 'status 401' "$dir/err"
}
check "bolt: a server that asks for another token ends the topology" wrong
moved() { topology "$(count_to 3)" "$(sink moved "")" && ! run && grep -q 'out/0: .*/moved: status 301: it has moved to https://elsewhere.example/hook (set `url`)' "$dir/err"; }
check "bolt: an address that has moved ends the topology, and says where it is" moved
busy() {
        rm -f "$dir/got" "$dir/letters"
        topology "$(count_to 20)" "$(sink busy "")" hook "topology.dead.letter.path: $dir/letters"
        run && [ "$(got)" = 20 ] && [ ! -s "$dir/letters" ] && grep -q 'status 429: a rest' "$dir/err"
}
check "bolt: a server that asks for a rest has it (Retry-After)" busy
grows() { [ "$(got)" -ge "$1" ]; }
killed() {
        local i
        : >"$dir/got"
        topology "$(count_to 4000 "n: seq" ", rate: 1000")" "$(sink single ", body: single, key: 'n-{n}'")"
        run &
        runner=$!
        for i in 1 2 3 4 5; do
                until_true grows $((i * 300)) || return
                end $server KILL
                up || return
        done
        wait $runner
        local status=$?
        runner=
        [ $status = 0 ] && [ "$(got)" = 4000 ]
}
check "bolt: five kills of the server lose nothing" killed

# ---- TLS ---------------------------------------------------------------------------------------------
down() { end $server KILL; }
down
there=$(free_port)
secured() { up "$dir/$1"; }
checks_tls http "https://127.0.0.1:$there/array" "token: 'file:$dir/token', batch: 20, ca: %CA%"
exit $failures
