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
# Names of things in squall.h, in what its macros make, of C itself, and of what stands beside it in its topology
called() {
        local name kind=$1
        shift
        for name in "$@"; do
                cd "$dir" && rm -rf place && mkdir place && cd place && "$squall" new $kind $name ${window:-} && cd $name && make -s CFLAGS="-O0 -Werror" test || return
        done
}
check "a new bolt may have a name that is something else in C" called bolt default sq_tuple words show
check "so may one of windows" eval 'window=--window called bolt value windowed int readings'
check "and a spout and a grouping" eval 'called spout squares show && called grouping hashed linux'
# All of them, in what becomes of a name: SQ_BOLT(name) is the only place in C where it stands.
stands_once() {
        cd "$dir" && rm -rf place && mkdir place && cd place || return
        "$squall" new bolt unheard && "$squall" new bolt unheard2 --window && "$squall" new spout unheard3 && "$squall" new grouping unheard4 || return
        grep -n unheard unheard*/*.c | grep -vE '`unheard|unheard[2-4]?\.yaml|SQ_(BOLT|WINDOW|SPOUT|GROUPING)\(unheard[2-4]?[),]'
        [ $? = 1 ]
}
check "in C the name of a new component stands in its registration alone" stands_once
words_of_headers() { sed 's|//.*||' "$tree"/runtime/squall*.h | grep -oE '[A-Za-z_][A-Za-z0-9_]*'; }
words_of_c() {
        echo "auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return short
                signed sizeof static struct switch typedef union unsigned void volatile while asm typeof _Bool _Atomic _Generic _Noreturn _Static_assert
                _Thread_local _Alignas _Alignof _Complex main" | tr -s ' \n' '\n\n'
}
words_of_macros() { printf '#include <squall-window.h>\n' | cc -std=gnu11 -I"$tree/runtime" -E -dM - | sed 's/^#define \([A-Za-z0-9_]*\).*/\1/'; }
# registered MACRO KIND: each word as the name of one, in one file, which prints the names that have come of it.
registered() {
        {
                printf '%s\n' '#include <squall-window.h>' '#include <stdio.h>' '#undef SQI_MANIFEST' \
                        '#define SQI_MANIFEST static const struct sq_manifest SQI_PASTE(manifest_, __LINE__) __attribute__((used, section("named")))'
                sed "s/.*/$1(&) = {0};/" "$dir/names"
                printf '%s\n' '#undef main' 'extern const struct sq_manifest __start_named[], __stop_named[];' \
                        'int main(void) { for (const struct sq_manifest *m = __start_named; m < __stop_named; m++) puts(m->name); }'
        } >"$dir/named.c"
        cc -std=gnu11 -Werror -Wno-missing-field-initializers -O0 -I"$tree/runtime" -o "$dir/named" "$dir/named.c" && "$dir/named" | sort >"$dir/found" && cmp "$dir/found" "$dir/names"
}
{ words_of_headers; words_of_c; words_of_macros; } | LC_ALL=C sort -u | grep -vE "^(__VA_|_Pragma)" >"$dir/names"
check "there are names to look at: those of the headers, of the words of C, and of all macros that they know" eval \
        'for name in sq_emit sq_tuple SQ_ABI sq_window windowed while bool NULL linux; do grep -qx $name "$dir/names" || { echo $name; exit 1; }; done'
for macro in SQ_BOLT SQ_SPOUT SQ_GROUPING; do
        check "$macro() takes each of them as the name that it is" eval "LC_ALL=C registered $macro"
done
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
refused() {
        cd "$dir" && mkdir -p taken || return
        ! "$tree/build/squall" new bolt taken 2>said && grep -q 'File exists' said && ! "$tree/build/squall" new bolt ../x 2>said && grep -q 'no name' said &&
                ! "$tree/build/squall" new bolt null 2>said && grep -q 'another name' said && [ ! -e null ] &&
                ! "$tree/build/squall" new blot x 2>said && grep -q 'bolt' said &&
                ! "$tree/build/squall" new spout y --window 2>said && grep -q 'makes a bolt' said && [ ! -e y ]
}
check "a folder that exists, a name that is none and an unknown kind are refused" refused
exit $failures
