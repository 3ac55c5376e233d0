#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What newcomers do wrong is caught, with a message that says what to do; and the interface is what it promises to be.
# modes: release
source "$(dirname "$0")/lib"

build() { ${CC:-cc} -g -Wall -Wno-unused-parameter -shared -fPIC -Iruntime "${@:2}" -o "$dir/$1.so" tests/mistakes/mistaken.c; }
# spoken STATUS TEXT... -- COMMAND...: the command ends so and says all of it.
spoken() {
        local status=0 wanted=$1 texts=() text
        shift
        while [ "$1" != -- ]; do texts+=("$1"); shift; done
        shift
        timeout 60 "$@" >"$dir/said" 2>&1 || status=$?
        cat "$dir/said"
        [ $status = "$wanted" ] || { echo "exit status $status"; return 1; }
        for text in "${texts[@]}"; do grep -qF -- "$text" "$dir/said" || { echo "nothing says: $text"; return 1; }; done
}
# run_until TEXT: the topology, until it has said this.
run_until() {
        local run
        "$squall" run -c topology.message.timeout.secs=1 "$dir/t.yaml" >"$dir/said" 2>&1 &
        run=$!
        until_true grep -q "$1" "$dir/said"
        kill -INT $run
        wait $run
}
# A test of the bolt built with -DMISTAKE fails and says so.
tested() {
        local mistake=$1 steps=$2
        shift 2
        build mistaken -D"$mistake" || return
        printf 'component: ./mistaken.so\nproperties: { limit: 1 }\ntests: [{ name: t, steps: [%s] }]\n' "$steps" >"$dir/t.yaml"
        spoken 1 "$@" -- "$squall" test "$dir/t.yaml"
}
# topology SPOUT'S FIELD, BOLT'S PROPERTIES, CONFIG
topology() {
        cat >"$dir/t.yaml" <<Y
name: mistakes
config: { topology.dead.letter.path: $dir/dead${3:+, $3} }
spouts: [{ id: words, component: generate, properties: { count: 3, fields: { $1 } } }]
bolts: [{ id: mistaken, component: ./${4:-mistaken}.so, properties: { $2 } }]
streams: [{ from: words, to: mistaken, grouping: { type: shuffle } }]
Y
}

wrong_field() { build mistaken && topology "wrd: const boom" "limit: 1" && spoken 2 "t.yaml:5:19: error: 'mistaken' needs the field 'word', which 'words' does not emit (did you mean 'wrd'?)" -- "$squall" check "$dir/t.yaml"; }
check "1. a field that the source does not emit" wrong_field
wrong_key() {
        topology "word: const boom" "limit: 1" && sed -i 's/type: shuffle/type: fields, args: [wrod]/' "$dir/t.yaml"
        spoken 2 "has no field 'wrod' (did you mean 'word'?)" -- "$squall" check "$dir/t.yaml"
}
check "1. a grouping by a field that there is not" wrong_key
check "1. a field by a number that the component did not declare" tested NO_SUCH_FIELD '{ in: { word: a }, verdict: fail }' 'field 1 of a tuple from "in" that has 1'
check "2. a field read as another type" tested WRONG_TYPE '{ in: { word: a }, verdict: fail }' 'field "word" of a tuple from "in" is str, not int: "a"'
check "2. a field emitted as another type" tested EMITS_WRONG_TYPE '{ in: { word: a }, verdict: fail }' 'emit on stream "default": field "n" is declared int, not str'
missing_option() { topology "word: const boom" "" && spoken 2 "the setting 'limit' is missing: how many at most" -- "$squall" check "$dir/t.yaml"; }
check "3. a setting that is missing" missing_option
misspelt_option() { topology "word: const boom" "limit: 1, limt: 2" && spoken 2 "'limt'" "did you mean 'limit'?" -- "$squall" check "$dir/t.yaml"; }
check "3. a setting that is misspelt" misspelt_option
check "4. an emit on a stream that is not declared" tested UNDECLARED_STREAM '{ in: { word: a }, verdict: fail }' 'emit on stream 1, but the component declares 1'
check "4. an emit before the topology runs" tested EMITS_IN_PREPARE '{ in: { word: a } }' 'emit before the topology runs'
check "5. another number of values" tested WRONG_NUMBER '{ in: { word: a }, verdict: fail }' 'emit on stream "default": 1 values for 2 fields'
check "6. a view kept past execute" tested KEEPS_A_VIEW '{ in: { word: storm } }, { in: { word: rain }, verdict: fail }' 'value 0 is a view of field "word" of an earlier tuple from "in"' 'copy it, or keep the tuple with sq_keep()'
read_view() { tested "$1" "$2" "it reads $3" 'copy it, or keep the tuple with sq_keep()'; }
check "6. a view that is read past execute, in the next one" read_view READS_A_VIEW '{ in: { word: storm } }, { in: { word: rain }, verdict: fail }' 'field "word" of an earlier tuple from "in"'
check "6. a view that is read past execute, in finish" read_view READS_A_VIEW_LATER '{ in: { word: storm } }, finish' 'field "word" of an earlier tuple from "in"'
check "6. a tuple that is read past its execute" read_view READS_A_TUPLE '{ in: { word: storm } }, { in: { word: rain }, verdict: fail }' 'an earlier tuple from "in"'
inline_view() {
        build mistaken -DKEEPS_A_VIEW && topology "word: words 1" "limit: 1" "topology.spout.max.retries: 0"
        sed -i 's/count: 3/count: 3000/; s/^bolts: .*/bolts: [{ id: copy, component: identity }, { id: mistaken, component: .\/mistaken.so, properties: { limit: 1 } }]/
                s/^streams: .*/streams: [{ from: words, to: copy, grouping: { type: shuffle } }, { from: copy, to: mistaken, grouping: { type: shuffle } }]/' "$dir/t.yaml"
        spoken 0 'mistaken/0: warning' 'value 0 is a view of field "word" of an earlier tuple from "copy"' -- timeout -s KILL 30 "$squall" run --inline "$dir/t.yaml"
}
check "6. a view kept past execute, in a topology that runs --inline" inline_view
inline_read() {
        build mistaken -DREADS_A_VIEW
        spoken 0 'mistaken/0: warning' 'it reads field "word" of an earlier tuple from "copy"' -- timeout -s KILL 30 "$squall" run --inline "$dir/t.yaml"
}
check "6. a view that is read past execute, in a topology that runs --inline" inline_read
check "7. a kept tuple that nobody acks, in a test" tested FORGETS_TO_ACK '{ in: { word: a } }' 'verdict: keep, not ack'
forgotten() {
        build mistaken -DFORGETS_TO_ACK && topology "word: const boom" "limit: 1" "topology.message.timeout.secs: 0.5"
        spoken 1 'kept tuples are older than topology.message.timeout.secs' '"boom"' 'sq_ack_kept()' -- timeout -s KILL 30 "$squall" run --for 2s -c topology.spout.max.retries=0 "$dir/t.yaml"
}
check "7. a kept tuple that nobody acks, in a running topology" forgotten
check "7. SQ_KEEP without sq_keep()" tested KEEPS_NOTHING '{ in: { word: a }, verdict: fail }' 'SQ_KEEP without sq_keep()'
check "7. an execute that answers -1, as C functions do" tested ODD_VERDICT=-1 '{ in: { word: a }, verdict: fail }' 'execute answered -1, which is not a verdict'
check "7. an execute that answers 42" tested ODD_VERDICT=42 '{ in: { word: a }, verdict: fail }' 'execute answered 42, which is not a verdict'
odd_next() {
        printf '%s\n' '#include <squall.h>' 'static enum sq_next next(struct sq_task *task) { (void)task; return (enum sq_next)42; }' \
                'SQ_SPOUT(odd) = {.about = "Odd.", .next = next};' >"$dir/odd.c"
        ${CC:-cc} -Wall -shared -fPIC -Iruntime -o "$dir/odd.so" "$dir/odd.c" || return
        printf '%s\n' 'component: ./odd.so' 'kind: spout' 'tests: [{ name: t, steps: [{ next: 1 }] }]' >"$dir/t.yaml"
        spoken 1 'next answered 42 (answer SQ_MORE, SQ_IDLE or SQ_DONE)' -- "$squall" test "$dir/t.yaml"
}
check "7. a next that answers none of its three" odd_next
check "7. a direct emit where no reader is direct" tested EMITS_DIRECT '{ in: { word: a }, verdict: fail }' 'no reader has the grouping "direct"'
plain_for_direct() { # whoami can do both, so it is found when it runs
        cat >"$dir/d.yaml" <<Y
name: direct
config: { topology.spout.max.retries: 0, topology.dead.letter.path: $dir/dead }
spouts: [{ id: n, component: generate, properties: { count: 3, fields: { n: seq } } }]
bolts: [{ id: who, component: $build/tests/components/whoami.so }, { id: out, component: "null" }]
streams: [{ from: n, to: who, grouping: { type: shuffle } }, { from: who, to: out, grouping: { type: direct } }]
Y
        timeout 60 "$squall" run --json "$dir/d.yaml" >"$dir/said" 2>&1
        cat "$dir/said"
        grep -qF 'all its readers have the grouping "direct"' "$dir/said" && grep -q '"id":"n".*"acked":0,"failed":3' "$dir/said"
}
check "7. a plain emit where every reader is direct fails its tuple" plain_for_direct
blocking() {
        build mistaken -DBLOCKS && topology "word: const boom" "limit: 1" "supervisor.worker.timeout.secs: 2, topology.message.timeout.secs: 1"
        timeout -s KILL 60 "$squall" run --for 2s "$dir/t.yaml" >"$dir/said" 2>&1
        cat "$dir/said"
        grep -qF 'mistaken/0 has not come back from a callback for 1 s (it blocks, or waits for a server that does not answer' "$dir/said"
}
check "8. an execute that blocks" blocking

if echo 'int main() {}' | ${CXX:-c++} -x c++ -o "$dir/probe" - 2>/dev/null; then
        throwing() {
                ${CXX:-c++} -std=c++17 -Wall -Wextra -Werror -g -shared -fPIC -Iruntime -o "$dir/throws.so" tests/mistakes/throws.cc || return
                printf 'component: ./throws.so\ntests: [{ name: t, steps: [{ in: { word: storm } }] }]\n' >"$dir/t.yaml"
                spoken 134 'thrown by throws.cc' 'crash: throws/0 of test: SIGABRT' 'tuple from "in", stream "default": {"word":"storm"}' \
                        'an exception of C++ that leaves a callback ends like this: catch it there' -- "$squall" test "$dir/t.yaml"
        }
        check "9. an exception of C++ that leaves execute" throwing
        for header in squall.h squall-{test,kit,formats,expr,files,connect,sketch,window}.h; do
                check "$header compiles alone as C++17" eval "echo '#include <$header>' | ${CXX:-c++} -std=c++17 -Wall -Wextra -Wpedantic -Werror -Iruntime -x c++ -fsyntax-only -"
        done
else
        echo "ok - a bolt in C++ # skip no C++ compiler"
fi
for header in squall.h squall-{test,kit,formats,expr,files,connect,sketch,window}.h; do
        check "$header compiles alone as C11" eval "echo '#include <$header>' | ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Werror -Iruntime -x c -fsyntax-only -"
done

# Every compiler that is there, not only the one that Squall is built with.
strict=(-Wall -Wextra -Wpedantic -Wconversion -Wwrite-strings -Wcast-qual -Werror -Iruntime)
values() { # COMPILER STANDARD SOURCE VALUES: compiles without a warning, and what it emits arrives
        "$1" "-std=$2" "${strict[@]}" -shared -fPIC -o "$dir/emits.so" "tests/mistakes/$3" || return
        printf 'component: ./emits.so\ndirect: 1\nproperties: { max-age: 7 }\ntests: [{ name: t, steps: [{ in: { word: storm }, out: %s, streams: { many: any, length: { n: 5 } } }] }]\n' "$4" >"$dir/t.yaml"
        spoken 0 '1 passed' -- "$squall" test "$dir/t.yaml"
}
not_of_c() { # COMPILER STANDARD SOURCE: each is an error of the compiler, which warnings are not
        local mistake
        for mistake in EMITS_NULL EMITS_CHAR EMITS_POINTER EMITS_TOO_MANY; do
                grep -q "$mistake" "tests/mistakes/$3" || continue
                ! "$1" -std=$2 -w -D"$mistake" -fsyntax-only -Iruntime "tests/mistakes/$3" 2>"$dir/said" || { echo "$mistake compiles"; return 1; }
        done
        "$1" -std=$2 -w -fsyntax-only -Iruntime "tests/mistakes/$3"
}
# settings TYPE...: each macro of a setting, with its member of one of these types: wrong ones, or (as "own") the type that it stores.
settings() {
        local stored call name type n=0
        echo '#include <squall.h>'
        while IFS='|' read -r stored call; do
                for type in "$@"; do
                        [ "$type" != "$stored" ] || continue
                        for name in "${call%%(*}(" "${call%%(*}_AS(\"m-m\", "; do
                                n=$((n + 1))
                                [ "$type" != own ] || type=$stored
                                echo "struct s$n { int64_t a; $type m; }; struct sq_option o$n = ${name}struct s$n, m, ${call#*(};"
                        done
                done
        done <<'L'
int64_t|SQ_OPT_INT(1, "h")
int64_t|SQ_OPT_ENUM("a,b", "a", "h")
double|SQ_OPT_FLOAT(1.5, "h")
bool|SQ_OPT_BOOL(true, "h")
const char *|SQ_OPT_STR("d", "h")
const char *|SQ_OPT_PATH("d", "h")
struct sq_list|SQ_OPT_LIST("h")
struct sq_pairs|SQ_OPT_MAP("h")
int64_t|SQ_REQ_INT("h")
const char *|SQ_REQ_STR("h")
const char *|SQ_REQ_PATH("h")
struct sq_list|SQ_REQ_LIST("h")
struct sq_pairs|SQ_REQ_MAP("h")
L
}
# wrong_members COMPILER STANDARD LANGUAGE ERRORS: C reports each line; C++ each pair of types once.
wrong_members() {
        local limit=-fmax-errors=0 errors
        [[ $1 != clang* ]] || limit=-ferror-limit=0
        settings own >"$dir/own.$3" && "$1" -std=$2 "${strict[@]}" -fsyntax-only "$dir/own.$3" || return
        settings int64_t int32_t uint64_t char double float bool 'const char *' 'char *' 'struct sq_list' 'struct sq_pairs' >"$dir/wrong.$3"
        ! "$1" -std=$2 -w $limit -fsyntax-only -Iruntime "$dir/wrong.$3" 2>"$dir/said" || return
        errors=$(grep -c 'error:.*another type than its setting stores' "$dir/said")
        [ "$errors" = "$4" ] || { echo "$errors errors, not $4"; head -20 "$dir/said"; return 1; }
}
c_values='[storm, storm, text, fixed, fixed, array, array, null, true, 1, 1, -1, 2, -2, -128, 255, 7, 3, 4, 18446744073709551615, 3, 0.5, 1.5, "1970-01-01T00:00:01.000000005Z", 9, null, 7]'
cc_values='[storm, storm, text, array, array, null, owned, owned, true, true, 1, -1, -128, 255, 18446744073709551615, 3, 0.5, 1.5, "1970-01-01T00:00:01.000000005Z", 9, null, 7]'
for compiler in gcc clang; do
        command -v "$compiler" >/dev/null || { echo "ok - values from C # skip no $compiler"; continue; }
        for standard in c11 gnu17; do check "C values go straight into emits: $compiler -std=$standard" values "$compiler" $standard emits.c "$c_values"; done
        check "what is no value of C is an error of $compiler" not_of_c "$compiler" gnu11 emits.c
        check "a setting's member of another type is an error of $compiler" wrong_members "$compiler" gnu11 c 260
done
for compiler in g++ clang++; do
        command -v "$compiler" >/dev/null || { echo "ok - values from C++ # skip no $compiler"; continue; }
        for standard in c++17 c++20; do check "C++ values go straight into emits: $compiler -std=$standard" values "$compiler" $standard emits.cc "$cc_values"; done
        check "what is no value of C++ is an error of $compiler" not_of_c "$compiler" c++17 emits.cc
        check "a setting's member of another type is an error of $compiler in C++" wrong_members "$compiler" c++17 cc 60
done
# The machine code of an emit of explicit values is the same as that of an array handed over by hand.
free_of_charge() {
        local way
        for way in 'sq_emit(t, sq_str(w), sq_int(n))' 'sq_emit(t, w, n)' 'sq_emit_values(t, 0, 2, (const struct sq_value[]){sq_str(w), sq_int(n)})'; do
                printf '#include <squall.h>\nvoid f(struct sq_task *t, struct sq_str w, int64_t n);\nvoid f(struct sq_task *t, struct sq_str w, int64_t n) { %s; }\n' "$way" |
                        ${CC:-cc} -O2 -x c -S -Iruntime -o - - | md5sum
        done >"$dir/code"
        [ "$(sort -u "$dir/code" | wc -l)" = 1 ] || { cat "$dir/code"; return 1; }
}
check "an emit of C values costs no more than one of explicit ones" free_of_charge

shorter() { # the last callback of a bolt is unknown to a squall.h of before
        sed 's/^SQ_BOLT(mistaken)/extern const struct sq_bolt sqi_mistaken;\nSQI_MANIFEST = {SQ_ABI, SQ_KIND_BOLT, sizeof(struct sq_bolt) - sizeof(void (*)(void)), "mistaken", \&sqi_mistaken};\nconst struct sq_bolt sqi_mistaken/' \
                tests/mistakes/mistaken.c >"$dir/short.c"
        sed -i 's/^        .execute = execute,/&\n        .restored = (int (*)(struct sq_task *))8,/' "$dir/short.c"
        ${CC:-cc} -w -shared -fPIC -Iruntime -o "$dir/mistaken.so" "$dir/short.c" || return
        printf 'component: ./mistaken.so\nproperties: { limit: 1 }\ntests: [{ name: t, steps: [{ in: { word: a } }] }]\n' >"$dir/t.yaml"
        spoken 0 '1 passed' -- "$squall" test "$dir/t.yaml"
}
check "10. a component from before the last callback was added goes on working" shorter
old_abi() {
        sed 's/^SQ_BOLT(mistaken)/#undef SQ_ABI\n#define SQ_ABI 999u\n&/' tests/mistakes/mistaken.c >"$dir/old.c"
        ${CC:-cc} -shared -fPIC -Iruntime -o "$dir/mistaken.so" "$dir/old.c" && topology "word: const boom" "limit: 1" || return
        spoken 2 "built for version 999 of squall.h, and this Squall has version 2 (update Squall, or build the component again with this squall.h)" -- "$squall" check "$dir/t.yaml"
}
check "10. a component built for another interface" old_abi

crash() {
        build mistaken -DCRASHES && topology "word: const boom" "limit: 1"
        run_until 'restarting it'
        cat "$dir/said"
        grep -q 'crash: mistaken/0 of mistakes: SIGSEGV (Segmentation fault) at (nil)' "$dir/said" &&
                grep -qF 'crash: tuple from "words", stream "default": {"word":"boom"}' "$dir/said" &&
                grep -qE "crash: +0  mistaken.so  execute\+0x[0-9a-f]+  .*mistaken.c:$(grep -n 'word.len - 4) = 1' tests/mistakes/mistaken.c | cut -d : -f 1)\$" "$dir/said" &&
                grep -qE 'error: crash: +[0-9]+  squall-worker  [a-z_]+[+]0x[0-9a-f]+  [(]addr2line -e /' "$dir/said" && ! grep -qF '?' "$dir/said"
}
check "a crash names component, task and tuple, and where it was, at the level of an error" crash
overflow() { build mistaken -DOVERFLOWS -O0 && printf 'component: ./mistaken.so\nproperties: { limit: 1 }\ntests: [{ name: t, steps: [{ in: { word: a } }] }]\n' >"$dir/t.yaml"
        topology "word: const boom" "limit: 1"
        run_until 'restarting it'
        grep -q 'crash: mistaken/0 of mistakes: SIGSEGV' "$dir/said"; }
check "a stack overflow is told as well" overflow
check "a name for two kinds of metrics" tested METRIC_TWICE '{ in: { word: a }, verdict: fail }' 'the metric "n" is no gauge'

exported() {
        ! nm -D --defined-only "$squall" | awk '{ print $3 }' | grep -vE '^(.*@NCURSES.*|sq_.*|_.*|environ|data_start|main|stdout|stderr|stdin|program_invocation.*|accept4)(@.*)?$'
}
listed() { # everything that the headers declare is there, and nothing else
        diff <(nm -D --defined-only "$squall" | awk '{ print $3 }' | grep '^sq_' | sort) \
                <(cat runtime/squall.h runtime/squall-test.h | grep -oE '^SQ_EXPORT [^(]*\b(sq_[a-z_]+)\(' | grep -oE 'sq_[a-z_]+\($' | tr -d '(' | sort)
}
check "the command exports what the two headers declare, and nothing else" listed
check "no other symbol is exported" exported
exit $failures
