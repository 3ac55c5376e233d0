#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The spout and the bolt `zmq` with CURVE; and with pyzmq, a foreign client, on the other side.
# modes: release asan
source "$(dirname "$0")/lib"
needs_component bolts zmq
needs_component spouts zmq

port=$(free_port)
at="endpoint: 'tcp://127.0.0.1:$port'"
certificates() {
        local name
        mkdir "$dir/clients" || return
        for name in server client stranger; do "$squall" cert "$dir/$name" || return; done
        cp "$dir/client" "$dir/clients/"
}
as_server="cert: $dir/server, clients: $dir/clients"
as_client() { echo "cert: $dir/${1:-client}, server-cert: $dir/${2:-server}"; }
# receive SETTINGS: a topology that writes what it receives, in the background.
receive() {
        rm -f "$dir/out"
        topology "component: zmq, properties: { $at, format: json, fields: { n: int }, $1 }" "$out" receiver
        behind
}
send() { # N SETTINGS
        topology "$(count_to "$1" "n: seq")" "component: zmq, properties: { $at, format: json, $2 }" sender
        (cd "$dir" && timeout 120 "$squall" run t.yaml >sender.out 2>sender.err </dev/null)
}

check "squall cert makes certificates" certificates
through() { # RECEIVER SENDER
        receive "$1" && send 3000 "$2" && until_true distinct 3000 && stop && numbers 3000
}
check "CURVE: a spout that binds is the server, a bolt its client" through "bind: true, $as_server" "$(as_client)"
check "CURVE: a bolt that binds is the server, a spout its client" through "$(as_client)" "bind: true, $as_server"
check "CURVE: who connects may be the server as well" through "bind: true, $(as_client)" "$as_server"
stranger() {
        receive "bind: true, $as_server" && until_true listens "$port" && ! send 10 "$(as_client stranger), timeout: 1" &&
                grep -q "refuses us: the certificate of the client is not in the server's folder" "$dir/sender.err" || { cat "$dir/sender.err"; return 1; }
        until_true grep -q "not in the server's folder" "$dir/err" && stop && [ ! -s "$dir/out" ]
}
check "CURVE: a bolt whose certificate the server lacks ends, and both sides say why" stranger
let_in_later() {
        receive "bind: true, $as_server" && until_true listens "$port" && cp "$dir/stranger" "$dir/clients/" && send 100 "$(as_client stranger)" &&
                until_true distinct 100 && stop && rm "$dir/clients/stranger"
}
check "CURVE: a certificate that is put into the folder counts from then on" let_in_later
strange_spout() {
        topology "$(count_to 10 "n: seq")" "component: zmq, properties: { $at, bind: true, $as_server, timeout: 20 }" sender
        behind
        until_true listens "$port" && topology "component: zmq, properties: { $at, format: json, $(as_client stranger) }" "$out" receiver
        (cd "$dir" && exits_with 1 timeout 60 "$squall" run t.yaml >receiver.err 2>&1 </dev/null)
        local status=$?
        end_runner
        [ $status = 0 ] && grep -q "refuses us" "$dir/receiver.err"
}
check "CURVE: a spout whose certificate the server lacks ends, and says why" strange_spout
wrong_key() { # SETTINGS
        receive "bind: true, $as_server" && until_true listens "$port"
        topology "$(count_to 10)" "component: zmq, properties: { $at, format: json, timeout: 0.5, $1 }" sender
        (cd "$dir" && exec "$squall" run t.yaml >sender.out 2>sender.err </dev/null) &
        local sender=$!
        until_true grep -q "nobody took the message in time: the handshake failed" "$dir/sender.err"
        local status=$?
        end $sender KILL
        cat "$dir/sender.err"
        stop && [ $status = 0 ] && until_true no_worker && [ ! -s "$dir/out" ]
}
check "CURVE: a client with another key for the server gets nothing through, and says why" wrong_key "$(as_client client stranger)"
check "CURVE: a client without CURVE gets nothing through, and says why" wrong_key "pattern: push"
refuses() { # TEXT SETTINGS
        topology "$(count_to 1)" "component: zmq, properties: { $at, $2 }"
        ! run && grep -F "$1" "$dir/err" && "$squall" check "$dir/t.yaml" && connects_not "$1"
}
check "CURVE: what is no certificate is refused" refuses "is not a CURVE certificate" "$(as_client client t.yaml)"
check "CURVE: a certificate without its secret is refused" refuses "nothing_secret: No such file" "$(as_client nothing)"
cp "$dir/client_secret" "$dir/open_secret" && chmod 644 "$dir/open_secret"
check "CURVE: a secret key that others can read is refused" refuses "can be read by others (chmod 600" "$(as_client open)"
one_sided() {
        topology "$(count_to 1)" "component: zmq, properties: { $at, $1 }"
        exits_with 2 "$squall" check "$dir/t.yaml" 2>&1 | tee "$dir/said" && grep -qF "$2" "$dir/said"
}
check "CURVE: a certificate alone is refused by check" one_sided "cert: $dir/client" "needs either \`server-cert\`"
check "CURVE: a server's certificate alone is refused by check" one_sided "server-cert: $dir/server" "needs \`cert\` too"

# ---- pyzmq -------------------------------------------------------------------------------------------
for python in python3 /usr/bin/python3 ""; do [ -z "$python" ] || ! "$python" -c 'import zmq' 2>/dev/null || break; done
[ -n "$python" ] || { echo "ok - zmq: pyzmq # skip: python3-zmq is not installed"; exit $failures; }
# python SCRIPT: with the port and the folder as its arguments, and what it needs imported.
prelude="import json, os, sys, zmq, zmq.auth
port, folder = sys.argv[1:]
at = 'tcp://127.0.0.1:' + port
c = zmq.Context()"
python() { timeout 120 "$python" -c "$prelude$1" "$port" "$dir"; }
pushes() {
        receive "bind: true" && until_true listens "$port" && python '
s = c.socket(zmq.PUSH)
s.connect(at)
for n in range(2000): s.send_json({"n": n})
c.destroy(30000)' && until_true distinct 2000 && stop && numbers 2000
}
check "pyzmq: what a PUSH sends is taken" pushes
publishes() {
        receive "pattern: sub, topic: news" && python '
s = c.socket(zmq.XPUB)
s.bind(at)
assert s.recv() == b"\x01news"
for n in range(500): s.send_multipart([b"news" if n % 2 else b"weather", json.dumps({"n": n}).encode()])
c.destroy(30000)' && until_true distinct 250 && stop && [ "$(wc -l <"$dir/out")" = 250 ]
}
check "pyzmq: a PUB is subscribed to by topic" publishes
taken() { # PATTERN CODE: the sender in the background, pyzmq in front
        topology "$(count_to 500 "n: seq")" "component: zmq, properties: { $at, format: msgpack, pattern: $1, timeout: 20 }" sender
        run &
        runner=$!
        python "$2"
        local status=$?
        wait $runner || status=1
        runner=
        return $status
}
check "pyzmq: a PULL gets what a bolt pushes" taken push '
s = c.socket(zmq.PULL)
s.bind(at)
assert all(s.recv() == b"\x81\xa1n" + (bytes([n]) if n < 128 else b"\xcc" + bytes([n]) if n < 256 else b"\xcd" + n.to_bytes(2, "big")) for n in range(500))'
# What libzmq does not connect to again by itself. other PATTERN: a socket of another pattern is there first.
other='
def other(pattern):
    s = c.socket(pattern)
    m = s.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    s.bind(at)
    m.recv_multipart()
    s.close(0)
def bound(pattern):
    s = c.socket(pattern)
    while True:
        try: s.bind(at)
        except zmq.ZMQError: continue
        return s
'
unsuited="the handshake failed: the patterns of the two sockets may not go together"
pulls_again() {
        receive "pattern: pull" && python "$other"'
other(zmq.PUB)
s = bound(zmq.PUSH)
s.send_json({"n": 0})
c.destroy(30000)' && until_true distinct 1 && stop && grep "$unsuited" "$dir/err"
}
check "pyzmq: a spout says that a peer has another pattern, and comes back when it has the right one" pulls_again
check "pyzmq: so does a bolt" taken push "$other"'
other(zmq.SUB)
s = bound(zmq.PULL)
assert len({s.recv() for n in range(500)}) == 500'
check "pyzmq: and says so" grep "$unsuited" "$dir/err"
answered() {
        "$python" -c "$prelude"'
s = c.socket(zmq.REP)
s.bind(at)
got = open(folder + "/got", "w")
while True:
    print(s.recv_json()["n"], file=got, flush=True)
    s.send(b"")' "$port" "$dir" &
        local peer=$!
        topology "$(count_to 500 "n: seq")" "component: zmq, properties: { $at, format: json, pattern: req, timeout: 20 }" sender
        run
        local status=$?
        end $peer
        [ $status = 0 ] && cmp <(sort -nu "$dir/got") <(seq 0 499)
}
check "pyzmq: a REP answers what a bolt asks, and only then is it acked" answered
foreign() {
        rm -rf "$dir/foreign" && mkdir "$dir/foreign" && python '
for name in ("us", "them"): zmq.auth.create_certificates(folder + "/foreign", name)' &&
                mv "$dir/foreign/us.key" "$dir/foreign/us" && mv "$dir/foreign/us.key_secret" "$dir/foreign/us_secret" &&
                cp "$dir/foreign/them.key" "$dir/clients/" && chmod 600 "$dir/foreign/us_secret"
}
check "pyzmq makes certificates" foreign
curve_client() {
        receive "bind: true, cert: $dir/foreign/us, clients: $dir/clients" && until_true listens "$port" && python '
s = c.socket(zmq.PUSH)
s.curve_publickey, s.curve_secretkey = zmq.auth.load_certificate(folder + "/foreign/them.key_secret")
s.curve_serverkey = zmq.auth.load_certificate(folder + "/foreign/us")[0]
s.connect(at)
for n in range(500): s.send_json({"n": n})
c.destroy(30000)' && until_true distinct 500 && stop && numbers 500
}
check "pyzmq: a client by its certificate is let in" curve_client
curve_server() {
        receive "cert: $dir/foreign/us, server-cert: $dir/foreign/them.key" && python '
from zmq.auth.thread import ThreadAuthenticator
os.rename(folder + "/foreign/us", folder + "/foreign/us.key")
auth = ThreadAuthenticator(c)
auth.start()
auth.configure_curve(domain="*", location=folder + "/foreign")
s = c.socket(zmq.PUSH)
s.curve_publickey, s.curve_secretkey = zmq.auth.load_certificate(folder + "/foreign/them.key_secret")
s.curve_server = True
s.bind(at)
for n in range(500): s.send_json({"n": n})
s.close(30000)
auth.stop()
c.term()' && until_true distinct 500 && stop && numbers 500
}
check "pyzmq: a server that asks for our certificate lets us in" curve_server
exit $failures
