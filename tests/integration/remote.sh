#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may command a supervisor, and what a submission may name: CURVE on TCP, peer credentials on ipc, names and paths.
# modes: release asan
source "$(dirname "$0")/supervised"
supervise=("$squall" supervisor --state-dir "$dir/state")

cat >"$dir/life.yaml" <<'YAML'
name: life
spouts:
  - { id: gen, component: generate, properties: { rate: 100, fields: { n: seq } } }
bolts:
  - { id: sink, component: 'null' }
streams:
  - { from: gen, to: sink, grouping: { type: shuffle } }
YAML

# ---- certificates ----

mkdir "$dir/clients"
check "a certificate is two files, of which the secret one is ours alone" eval '"$squall" cert "$dir/server" && [ "$(stat -c %a "$dir/server" "$dir/server_secret")" = "644
600" ]'
check "none is written over another" exits_with 2 "$squall" cert "$dir/server"
check "the public one does not tell the secret key" eval '! grep -q secret-key "$dir/server" && grep -q secret-key "$dir/server_secret"'
"$squall" cert "$dir/clients/me" >/dev/null
"$squall" cert "$dir/stranger" >/dev/null
port=$(free_port) tcp=
listen() {
        tcp=tcp://127.0.0.1:$port
        "${supervise[@]}" --listen $tcp --cert "$dir/server" --clients "$dir/clients" >>"$dir/err" 2>&1 &
        supervisor=$!
        until_true answers
}
check "a socket on TCP is refused without certificates" says "--listen wants --cert FILE and --clients DIR" "${supervise[@]}" --listen tcp://127.0.0.1:$port
check "and with half of them" exits_with 2 "$squall" supervisor --state-dir "$dir/state" --listen tcp://127.0.0.1:$port --cert "$dir/server"
check "and with a folder that is not there" says "$dir/nobody: No such file" "${supervise[@]}" --listen tcp://127.0.0.1:$port --cert "$dir/server" --clients "$dir/nobody"
chmod 644 "$dir/server_secret"
check "and with a secret key that others can read" says "can be read by others" "${supervise[@]}" --listen tcp://127.0.0.1:$port --cert "$dir/server" --clients "$dir/clients"
chmod 600 "$dir/server_secret"
echo nonsense >"$dir/nonsense" && install -m 600 "$dir/nonsense" "$dir/nonsense_secret"
check "and with a certificate that is none" says "is no CURVE certificate" "${supervise[@]}" --listen tcp://127.0.0.1:$port --cert "$dir/nonsense" --clients "$dir/clients"
check "a supervisor cannot be on TCP alone" exits_with 2 "$squall" supervisor --state-dir "$dir/state" --socket tcp://127.0.0.1:$port
check "with certificates it listens" listen
me=(--socket $tcp --cert "$dir/clients/me" --server-cert "$dir/server")
check "whose certificate it has may ask" [ "$("$squall" list --json "${me[@]}")" = "[]" ]
check "the secret file may be named too" [ "$("$squall" list --json --socket $tcp --cert "$dir/clients/me_secret" --server-cert "$dir/server")" = "[]" ]
check "the environment may name all of it" [ "$(SQUALL_SOCKET=$tcp SQUALL_CERT=$dir/clients/me SQUALL_SERVER_CERT=$dir/server "$squall" list --json)" = "[]" ]
check "without a certificate nobody asks" exits_with 2 "$squall" list --socket $tcp
check "a stranger is refused, and told so" says "refuses our certificate" "$squall" list --socket $tcp --cert "$dir/stranger" --server-cert "$dir/server"
check "with status 3" exits_with 3 "$squall" list --socket $tcp --cert "$dir/stranger" --server-cert "$dir/server"
check "one who takes another for the supervisor is refused, with status 3" exits_with 3 "$squall" list --socket $tcp --cert "$dir/clients/me" --server-cert "$dir/stranger"
check "where nobody listens nobody answers" exits_with 3 "$squall" list --socket tcp://127.0.0.1:1 --cert "$dir/clients/me" --server-cert "$dir/server"
check "an address that is none is bad usage" exits_with 2 "$squall" list --socket tcp://nonsense --cert "$dir/clients/me" --server-cert "$dir/server"
check "a topology is submitted over TCP" [ "$("$squall" submit "$dir/life.yaml" --wait "${me[@]}")" = life ]
check "its status comes over TCP" says '"task":"gen/0"' "$squall" status life --json "${me[@]}"
check "its log does not, and that is said" says "on the supervisor's own machine" "$squall" logs life "${me[@]}"
check "a wrong name gets the nearest one over TCP too" says "did you mean 'life'" "$squall" status lif "${me[@]}"
cp "$dir/stranger" "$dir/clients/stranger"
check "whose certificate is put into the folder is let in at once" exits_with 0 "$squall" list --socket $tcp --cert "$dir/stranger" --server-cert "$dir/server"
cp "$dir/stranger" "$dir/clients/stranger-too"
check "a certificate that is there under two names does no harm" exits_with 0 "$squall" list --socket $tcp --cert "$dir/stranger" --server-cert "$dir/server"
rm "$dir/clients/stranger" "$dir/clients/stranger-too"
check "and whose is taken away no longer" exits_with 3 "$squall" list --socket $tcp --cert "$dir/stranger" --server-cert "$dir/server"
plain() { exec 5<>/dev/tcp/127.0.0.1/$port && printf '\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >&5 && ! timeout 10 grep -aq READY <&5; exec 5>&-; }
check "one who speaks without encryption gets no word" plain
check "and the supervisor is as it was" answers
check "a topology is killed over TCP" [ "$("$squall" kill life "${me[@]}")" = life ]

# ---- the same machine ----

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
        as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
        check "another user does not get into the folder of the socket" exits_with 3 "${as_nobody[@]}" "$squall" list
        chmod 755 "$dir" "$dir/run" "$dir/run/squall" && chmod 666 "$dir/run/squall/commands"
        check "and where he does, his connection is closed by his credentials" exits_with 3 "${as_nobody[@]}" "$squall" list
        chmod 700 "$dir" "$dir/run" "$dir/run/squall"
fi

# ---- names and paths ----

outside() { ls -A "$dir" "$dir/state" | grep -v 'check.said\|^err$'; }
before=$(outside)
for name in .. ../../up /absolute a/b '' . .new-x "$(head -c 100000 /dev/zero | tr '\0' x)" $'a\nb' 'a b' -x; do
        check "'$(printf %.20q "$name")' is no name for a topology" exits_with 2 "$squall" submit "$dir/life.yaml" --name="$name"
done
for name in ../life life/../life /etc "$(head -c 100000 /dev/zero | tr '\0' x)"; do
        check "'$(printf %.20q "$name")' is no name of one" exits_with 2 "$squall" status "$name"
done
check "nothing was written outside of the state directory" [ "$(outside)" = "$before" ]
ln -s life.yaml "$dir/link.yaml"
cp "$build/bolts/null.so" "$dir/real.so" && ln -s real.so "$dir/link.so"
sed "s/'null'/.\/link.so/; s/name: life/name: linked/" "$dir/life.yaml" >"$dir/linked.yaml"
check "a file that is a link is submitted as what it leads to" [ "$("$squall" submit "$dir/link.yaml" --name link)" = link ]
check "a component that is a link is copied as what it leads to" eval '"$squall" submit "$dir/linked.yaml" --wait && [ -z "$(find "$dir/state" -type l)" ]'
check "all of it ends" eval '"$squall" supervisor --stop "${me[@]}" && wait $supervisor'
exit $failures
