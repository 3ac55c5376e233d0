#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two programs: what squall-worker is linked to, and what is said when it is missing or another one.
. "$(dirname "${BASH_SOURCE[0]}")/lib"
unset SQUALL_LIBDIR
export SQUALL_BUILD=$build
export PATH=/usr/bin:/bin
topology=topologies/wordcount/demo.yaml
mkdir "$dir/bin" "$dir/state" && cp "$squall" "$dir/bin" && ln -s "$build/spouts" "$build/bolts" "$build/topologies" "$dir/bin"

linked_to() { objdump -p "$1" | awk '$1 == "NEEDED" { sub(/\.so.*/, "", $2); print $2 }'; }
alone() {
        local library
        for library in $(linked_to "$build/squall-worker"); do
                case $library in libzmq | libmsgpackc | libxxhash | libc | libm | libdl | libpthread | libgcc_s | ld-linux* | libasan | libubsan | libtsan) ;;
                *) echo "squall-worker is linked to $library" && return 1 ;; esac
        done
}
check "squall-worker is linked to libzmq, msgpack-c, xxhash and the C library alone" alone

# refuses SAID COMMAND...: it ends with 1 and says so.
refuses() {
        local said=$1 status=0
        shift
        timeout 60 "$@" >"$dir/said" 2>&1 || status=$?
        cat "$dir/said"
        [ $status = 1 ] && grep -q "$said" "$dir/said"
}
run_says() { refuses "$1" "$dir/bin/squall" run "$topology"; }
daemon_says() { refuses "$1" "$dir/bin/squall" supervisor --state-dir "$dir/state" --socket "$dir/state/commands"; }
chmod 700 "$dir/state"
check "without squall-worker run says where it looked" run_says "no squall-worker.*$dir/bin/squall-worker.*lib/squall/squall-worker"
check "and so does the daemon" daemon_says "no squall-worker.*$dir/bin/squall-worker"
sick() { ! "$dir/bin/squall" doctor >"$dir/said" && grep -q "^error *worker" "$dir/said"; }
check "and so does doctor" sick

version=$("$squall" --version | awk '{ print $2 }')
sed "s/$version/${version//?/9}/g" "$build/squall-worker" >"$dir/bin/squall-worker" && chmod +x "$dir/bin/squall-worker"
check "another version's is refused by name" run_says "$dir/bin/squall-worker is version ${version//?/9}.*squall is $version.*install both"
check "by the daemon too" daemon_says "$dir/bin/squall-worker is version"
echo 'exit 0' >"$dir/bin/squall-worker"
check "a file that is no squall-worker is refused" run_says "$dir/bin/squall-worker is not a squall-worker"

rm "$dir/bin/squall-worker" && mkdir -p "$dir/lib" && cp "$build/squall-worker" "$dir/lib"
elsewhere() { SQUALL_LIBDIR=$dir/lib "$dir/bin/squall" run "$topology" --for 1s >/dev/null; }
check "SQUALL_LIBDIR says where it is" elsewhere

title_of() { tr '\0' ' ' <"/proc/$1/cmdline"; }
goes_on() {
        local squall=$dir/bin/squall supervisor status=0
        cp "$build/squall-worker" "$dir/bin"
        "$squall" run - <<<'{name: on, spouts: [{id: s, component: generate, properties: {rate: 1}}]}' >"$dir/out" 2>"$dir/err" &
        supervisor=$!
        until_true eval "pgrep -P $supervisor -f '^squall: worker on s/0'" || return
        echo junk >"$dir/bin/new" && mv "$dir/bin/new" "$dir/bin/squall-worker"
        kill -KILL "$(pgrep -P "$supervisor")"
        until_true eval "pgrep -P $supervisor -f '^squall: worker on s/0' && grep -q restart '$dir/err'" || status=1
        kill -INT "$supervisor"
        wait "$supervisor"
        return $status
}
check "a supervisor restarts workers of the program it has started with when the file is replaced" goes_on

exit $failures
