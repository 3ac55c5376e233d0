#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `squall new` makes builds without a warning, passes its own tests and runs, against this tree and against an installation.
# modes: release
source "$(dirname "$0")/lib"
tree=$PWD
unset MAKEFLAGS

# made SQUALL KIND LINES [OPTION]: the folder's topology writes so many lines to stdout.
made() {
        local squall=$1 kind=$2 lines=$3
        rm -rf "$dir/place" && mkdir "$dir/place" && cd "$dir/place" || return
        "$squall" new "$kind" my-"$kind" ${4:+"$4"} && cd my-"$kind" && make CFLAGS="-O2 -Werror" test && make -s run >"$dir/stdout" || return
        cat "$dir/stdout"
        [ "$(wc -l <"$dir/stdout")" = "$lines" ] && "$squall" graph my-"$kind".yaml && make -s clean
}
counts() {
        made "$1" topology 14 && diff <(awk -F '\t' '$2 > n[$1] { n[$1] = $2 } END { for (w in n) print w, n[w] }' "$dir/stdout" | sort) \
                <(tr ' ' '\n' <input.txt | sort | uniq -c | awk '{ print $2, $1 }' | sort)
}
editors() {
        made "$1" bolt 20 && make -s && python3 -c 'import json, sys; c = json.load(open("compile_commands.json")); sys.exit(c[0]["file"] != "my-bolt.c")'
}

for squall in "$tree/build/squall" "$dir/root/opt/squall/bin/squall"; do
        where="the source tree"
        if [ "$squall" != "$tree/build/squall" ]; then
                where="an installation"
                make -s -C "$tree" install DESTDIR="$dir/root" PREFIX=/opt/squall >/dev/null || failures=1
        fi
        check "a new bolt builds, passes its tests and runs with $where" made "$squall" bolt 20
        check "a new bolt of windows builds, passes its tests and runs with $where" made "$squall" bolt 6 --window
        check "a new spout builds, passes its tests and runs with $where" made "$squall" spout 10
        check "a new grouping builds and runs with $where" made "$squall" grouping 20
        check "a new topology builds, passes its tests and counts with $where" counts "$squall"
        command -v python3 >/dev/null && check "an editor can read compile_commands.json with $where" editors "$squall"
done
squall=$tree/build/squall
# Names of things in squall.h, in what its macros make, and of C itself
called() {
        local name
        for name in value windowed windowed_declare manifest int main merge; do
                cd "$dir" && rm -rf place && mkdir place && cd place && "$squall" new bolt $name --window && cd $name && make -s CFLAGS="-O0 -Werror" test || return
        done
}
check "a new bolt may have a name that is something else in C" called
# speaks LANGUAGE PROGRAM: a bolt and a spout in that language, with its library as it is written.
speaks() {
        local kind
        for kind in bolt spout; do
                cd "$dir" && rm -rf place && mkdir place && cd place && "$squall" new $kind my-$kind --language "$1" && cd my-$kind && make test &&
                        make -s run >"$dir/stdout" && [ "$(wc -l <"$dir/stdout")" = $([ $kind = bolt ] && echo 20 || echo 10) ] || { cat "$dir/stdout"; return 1; }
        done
}
for language in python:python3 javascript:node sh:sh; do
        if command -v "${language#*:}" >/dev/null; then
                check "a new bolt and a new spout in ${language%:*} pass their tests and run" speaks "${language%:*}"
        else
                echo "ok - a new bolt and a new spout in ${language%:*} pass their tests and run # skip: no ${language#*:}"
        fi
done
by_pkg_config() {
        cd "$dir" && rm -rf hello && "$tree/build/squall" new bolt hello && cd hello || return
        sed "s|^prefix=.*|prefix=$dir/root/opt/squall|" "$dir/root/opt/squall/lib/pkgconfig/squall.pc" >squall.pc
        PKG_CONFIG_PATH=$PWD make SQUALL= test
}
check "a new bolt finds an installation by pkg-config" by_pkg_config
words_of_c() {
        cd "$dir" && rm -rf default && "$tree/build/squall" new bolt default && cd default && make -s test
}
check "a name that is a word of C is no trouble" words_of_c
refused() {
        cd "$dir" && mkdir -p taken || return
        ! "$tree/build/squall" new bolt taken 2>said && grep -q 'File exists' said && ! "$tree/build/squall" new bolt ../x 2>said && grep -q 'no name' said &&
                ! "$tree/build/squall" new blot x 2>said && grep -q 'bolt' said &&
                ! "$tree/build/squall" new spout y --window 2>said && grep -q 'makes a bolt' said && [ ! -e y ]
}
check "a folder that exists, a name that is none and an unknown kind are refused" refused
exit $failures
