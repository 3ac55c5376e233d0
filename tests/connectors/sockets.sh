#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The spouts `tcp`, `udp`, `unix`, `exec` and `timer`.
# modes: release asan
source "$(dirname "$0")/lib"
needs nc python3

port=$(free_port)
out=(component: write, properties: "{ path: $dir/out }")
# begin SPOUT [BOLT]: runs it in the background.
begin() {
        topology "$1" "${2:-${out[*]}}" sockets "topology.dead.letter.path: $dir/letters"
        rm -f "$dir/out" "$dir/letters"
        behind
}
lines() { [ "$(wc -l <"$dir/out")" -ge "$1" ]; }

tcp() {
        begin "component: tcp, properties: { listen: '127.0.0.1:$port' }"
        until_true listens "$port" || return
        { seq 1 20000; printf 'last without end'; } >/dev/tcp/127.0.0.1/"$port"
        seq 20001 30000 >/dev/tcp/127.0.0.1/"$port"
        until_true lines 30001 && stop && cmp <(sort "$dir/out") <({ seq 1 30000; echo "last without end"; } | sort)
}
check "tcp: each line of each connection is a tuple, the last one without a line end too" tcp
sleeps() { # PID: not once of twenty looks does it run
        for _ in {1..20}; do [[ $(<"/proc/$1/stat") =~ \)\ S ]] || return; done
}
crowd() {
        begin "component: tcp, properties: { listen: '127.0.0.1:$port' }" && until_true listens "$port" || return
        local worker=$(pgrep -P $runner -f 'sockets in/0')
        prlimit --pid "$worker" --nofile=64:64
        coproc PEERS { exec python3 -c '
import socket, sys
peers = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(150)]
for n, peer in enumerate(peers): peer.sendall(b"%d\n" % (n + 1))
sys.stdin.readline()' "$port"; }
        until_true grep -q 'Too many open files at .* connections: others wait until one ends' "$dir/err" && until_true lines 10 && until_true sleeps "$worker" && ! lines 100
        local status=$?
        echo >&"${PEERS[1]}"
        until_true lines 150 || status=1
        stop
        [ $status = 0 ] && [ "$(grep -c 'Too many' "$dir/err")" = 1 ]
}
check "tcp: without a descriptor for another connection it waits until one ends, and does not spin" crowd
killed() {
        local worker
        begin "component: tcp, properties: { listen: '127.0.0.1:$port' }"
        until_true listens "$port" || return
        seq 1 200000 >/dev/tcp/127.0.0.1/"$port" &
        local sender=$!
        for _ in 1 2 3; do
                until_true lines 1
                worker=$(pgrep -P $runner -f 'sockets out/0')
                kill -KILL $worker
        done
        wait $sender
        until_true lines 200000
        until_true all_there 200000 && stop
}
all_there() { [ "$(sort -u "$dir/out" | wc -l)" = "$1" ]; }
check "tcp: a bolt that is killed costs no line" killed
framed() {
        begin "component: tcp, properties: { listen: '127.0.0.1:$port', framing: $1, limit: 20 }"
        until_true listens "$port" || return
        printf "$2" >/dev/tcp/127.0.0.1/"$port"
        until_true lines "$3" && stop && diff "$dir/out" <(printf "$4")
}
check "tcp: messages behind their length" framed length '\0\0\0\3a\nb\0\0\0\0\0\0\0\2cd' 3 'a\\nb\n\ncd\n'
check "tcp: syslog by length and by line" framed syslog '5 <1>ab<2>line\n4 <3>c' 3 '<1>ab\n<2>line\n<3>c\n'
long() {
        framed lines 'short\nlonger than the limit of twenty bytes\nnext\n' 2 'short\nnext\n' && grep -q 'longer than `limit`' "$dir/letters"
}
check "tcp: a line beyond the limit goes to the dead letters, and the next one is read" long
declared() {
        begin "component: tcp, properties: { listen: '127.0.0.1:$port', format: json, fields: { id: int, name: { path: user.name, type: str } } }" \
                "component: write, properties: { path: $dir/out, format: jsonl }"
        until_true listens "$port" || return
        printf '\n{"id":"7","user":{"name":"A"}}\n\r\nnot json\n  \n{"id":8,"user":{"name":"B"}}\n' >/dev/tcp/127.0.0.1/"$port"
        until_true lines 2 && stop && diff "$dir/out" <(printf '{"id":7,"name":"A"}\n{"id":8,"name":"B"}\n') && [ "$(wc -l <"$dir/letters")" = 1 ]
}
check "tcp: JSON lines are converted to declared types, and what cannot be read goes to the dead letters" declared
cells() {
        begin "component: tcp, properties: { listen: '127.0.0.1:$port', format: csv, separator: pipe, strict: true, fields: { id: int, name: str } }" \
                "component: write, properties: { path: $dir/out, format: jsonl }"
        until_true listens "$port" || return
        printf '7|A\n8|B|more\n9|"never closed\n10|"C|D"\n' >/dev/tcp/127.0.0.1/"$port"
        until_true lines 2 && stop && diff "$dir/out" <(printf '{"id":7,"name":"A"}\n{"id":10,"name":"C|D"}\n') && [ "$(wc -l <"$dir/letters")" = 2 ] &&
                grep -q 'a row of 3 cells' "$dir/letters" && grep -q 'never closed' "$dir/letters"
}
check "tcp: lines of CSV by a separator, and strictly, are rows; others go to the dead letters" cells
full() {
        begin "component: tcp, properties: { listen: '127.0.0.1:$port', memory: 1 }" "component: sleep, properties: { ms: 400 }"
        until_true listens "$port" || return
        python3 - "$port" <<'P'
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.settimeout(2)
line, sent = b"x" * 9999 + b"\n", 0
try:
    while sent < 64 << 20:
        sent += s.send(line)
except socket.timeout:
    sys.exit(0)
sys.exit("took all of it")
P
        local status=$?
        kill -KILL $runner
        wait $runner
        runner=
        return $status
}
check "tcp: a slow topology makes its senders wait, in bounded memory" full

unix() {
        begin "component: unix, properties: { listen: $dir/socket }"
        until_true test -S "$dir/socket" || return
        seq 1 1000 | nc -NU "$dir/socket"
        until_true lines 1000 && stop && cmp "$dir/out" <(seq 1 1000) && [ ! -e "$dir/socket" ]
}
check "unix: lines come over a socket in the file system, which goes with it" unix
in_the_way() {
        echo precious >"$dir/file"
        topology "component: unix, properties: { listen: $dir/file }" "${out[*]}"
        connects_not 'no socket' && ! run && grep -q "$dir/file: there is a file, and no socket" "$dir/err" && [ "$(cat "$dir/file")" = precious ]
}
check "unix: a file that stands there is no socket of one that was killed, and stays" in_the_way
no_program() {
        topology "component: exec, properties: { command: ' ' }" "${out[*]}"
        ! "$squall" check "$dir/t.yaml" >"$dir/said" 2>&1 && grep -q 'command: names no program' "$dir/said"
}
check "exec: a command that is none is refused" no_program
datagrams() {
        begin "component: udp, properties: { listen: '127.0.0.1:$port', framing: lines }"
        until_true bound "$port" || return
        for i in 1 2 3; do printf 'a%d\nb%d\n' $i $i >/dev/udp/127.0.0.1/"$port"; done
        until_true lines 6 && stop && diff "$dir/out" <(printf 'a1\nb1\na2\nb2\na3\nb3\n')
}
bound() { grep -qi ":$(printf '%04X' "$1") " /proc/net/udp; }
check "udp: each line of a datagram is a tuple" datagrams

ran() { topology "$1" "${out[*]}" && rm -f "$dir/out" && run; }
command() { ran "component: exec, properties: { command: 'seq 1 5000; printf end' }" && cmp "$dir/out" <(seq 1 5000; echo end); }
check "exec: each line that a command writes is a tuple" command
fails() { ! ran "component: exec, properties: { command: 'echo one; exit 3' }" && grep -q 'ended with status 3' "$dir/err"; }
check "exec: a command that fails ends the topology, and says so" fails
again() {
        begin "component: exec, properties: { command: 'echo one; exit 3', restart: failed, every: 0.05 }"
        until_true lines 3 && stop
}
check "exec: a command that fails is begun again where restart says so" again
gone() {
        begin "component: exec, properties: { command: 'echo one; exec sleep 4711.$$' }"
        until_true lines 1 && stop
        ! pgrep -fx "sleep 4711.$$"
}
check "exec: the command ends with the topology" gone
ticks() { ran "component: timer, properties: { interval: 0.05, count: 4 }" && [ "$(cut -f 1 "$dir/out" | tr '\n' ' ')" = "0 1 2 3 " ]; }
check "timer: a tuple every so often, and no more than count" ticks
exit $failures
