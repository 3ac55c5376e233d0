#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The house is as docs/architecture.md says: arrows point down, no two files need each other, a noun of the documents is a
# file, functions are short.
source "$(dirname "$0")/lib"
cd "$(dirname "$0")/../.."

check "every arrow between folders points one way" tests/layers

# Who needs whom, by the symbols of the objects: "A B" for each pair of units.
needs() {
        local object unit
        for object in "$build"/runtime/*/*.o "$build"/cli/*.o; do
                unit=${object#"$build"/}
                [ -e "${unit%.o}.c" ] || continue # of a file that was there once
                nm -g "$object" 2>/dev/null | awk -v unit="${unit%.o}" '
                        $(NF - 1) == "U" { print "U", unit, $NF }
                        $(NF - 1) ~ /^[TDBRVWC]$/ { print "D", unit, $NF }'
        done | awk '
                $1 == "D" { from[$3] = $2 }
                $1 == "U" { who[++n] = $2; what[n] = $3 }
                END { for (i = 1; i <= n; i++) if (what[i] in from && from[what[i]] != who[i]) print who[i], from[what[i]] }' | sort -u
}
no_circle() {
        needs >"$dir/needs"
        [ "$(wc -l <"$dir/needs")" -gt 100 ] || { echo "no objects in $build"; return 1; }
        ! tsort "$dir/needs" 2>&1 >/dev/null | sed 's/^tsort: //' | grep .
}
check "no two files need each other" no_circle

drawn() { docs/architecture-svg | cmp - docs/architecture.svg; }
check "the picture of the architecture is that of the sources (docs/architecture-svg >docs/architecture.svg)" drawn

# Each noun of the guide and its fellows, and the file that is called so.
nouns() {
        local noun file bad=0
        while read -r noun file; do
                grep -qiw "$noun" docs/guide.md docs/guarantees.md docs/commands.md docs/wire.md || { echo "no document speaks of a $noun"; bad=1; }
                [ -e "runtime/$file" ] || { echo "a $noun has no file of its name: runtime/$file"; bad=1; }
        done <<'NOUNS'
batch           tuple/batch.h
channel         channel/outlet.h
client          command/client.h
command         command/command.h
component       component/component.c
config          plan/config.h
cycle           lifecycle/cycle.h
supervisor      supervisor/supervisor.h
daemon          daemon/daemon.h
grouping        task/grouping.h
keyed           state/keyed.h
ledger          ledger/ledger.h
lifecycle       lifecycle/lifecycle.h
message         control/message.h
metrics         control/metrics.h
plan            plan/plan.h
settings        component/settings.h
spout           task/spout.c
bolt            task/bolt.c
task            task/task.h
topology        topology/topology.h
worker          worker/worker.h
NOUNS
        return $bad
}
check "a noun of the documents is a file of that name" nouns

shopt -s nullglob # a component is a file, or a folder: perhaps none is one
lengths() {
        awk 'FNR == 1 { at = 0 } /^\{/ { at = FNR } /^\}/ { if (at && FNR - at - 1 > 62) { print FILENAME ":" at ": a function of " FNR - at - 1 " lines"; bad = 1 } at = 0 }
             END { exit bad }' runtime/*/*.c cli/*.c clients/*.c {spouts,bolts}/{,*/}*.c groupings/*.c topologies/*/*.c
}
check "no function is longer than 62 lines" lengths

# But for texts, which are not broken, so that they are found, and for the table of the bytes of msgpack.
wide() {
        ! find runtime cli clients spouts bolts groupings topologies tests -name '*.[ch]' ! -path runtime/tuple/unpack.c -print0 |
                LC_ALL=C.UTF-8 xargs -0 awk 'length > 120 && !/"/ { print FILENAME ":" FNR ": " length " columns" }' | grep .
}
check "no line is wider than 120 columns" wide

# A file is one noun. What is longer than 600 lines has its reason here, and is not to grow beyond what stands here.
long_files() {
        local file lines most bad=0
        while read -r lines file; do
                [ "$file" != total ] && [ "$lines" -gt 600 ] || continue
                most=$(awk -v file="$file" '$1 == file { print $2 }' <<<"$reasons")
                [ "$lines" -le "${most:-600}" ] || { echo "$file: $lines lines, and not ${most:-600} at most"; bad=1; }
        done < <(wc -l runtime/*.h runtime/*/*.[ch] cli/*.[ch] clients/*.[ch] {spouts,bolts}/{,*/}*.c groupings/*.c topologies/*/*.c tests/*/*.[ch])
        return $bad
}
reasons="
runtime/squall.h        1320  the one header that a component includes: a contract, most of it prose
tests/bench/floor.c     750   one program without a runtime, as somebody would write it, and compiled as a whole
"
check "no file is longer than 600 lines without a reason" long_files

# What a walk leads over, each file once. Before the house was laid out a tuple opened 16, a death 15, an update 28.
walks() {
        local walk most path files bad=0
        while IFS=: read -r walk most; do
                files=$(sed -n "/^## The walks/,\$p" docs/architecture.md | awk -v w="**$walk.**" 'index($0, w) == 1 { on = 1 } /^$/ { on = 0 } on' |
                        grep -oE '`[a-z]+/[a-z_]+\.[ch]`' | tr -d '`' | sort -u)
                [ -n "$files" ] || { echo "no walk is called: $walk"; bad=1; }
                for path in $files; do [ -e "$path" ] || [ -e "runtime/$path" ] || { echo "$walk: no $path"; bad=1; }; done
                [ "$(wc -w <<<"$files")" -le "$most" ] || { echo "$walk: $(wc -w <<<"$files") files, and not $most at most"; bad=1; }
        done <<'WALKS'
A tuple:10
An ack:8
A death:10
An update:20
A command:8
A topology file:10
WALKS
        return $bad
}
check "the walks of docs/architecture.md lead over files that are there, and not over many" walks

# What a comment or these documents call by its name, with the folder or without.
named() {
        find runtime cli clients spouts bolts groupings topologies tests -name '*.[ch]' >"$dir/files"
        {
                grep -rnoE --include='*.[ch]' '[( ]([a-z_]+/)*[a-z_]+\.[ch]([,;:.)]|$)' runtime cli clients spouts bolts groupings tests
                grep -noE '`([a-z_]+/)*[a-z_]+\.[ch]`' docs/architecture.md docs/CONTRIBUTING.md
        } | sed -E 's/^([^:]*:[0-9]+):[( `]/\1 /; s/[],;:.)`]*$//' | awk '
                NR == FNR { for (path = $1; path in there == 0; ) { there[path] = 1; if (!sub(/^[^\/]*\//, "", path)) break } next }
                !($2 in there) { print $1 ": no " $2; bad = 1 }
                END { exit bad }' "$dir/files" -
}
check "a file that a comment, the architecture or CONTRIBUTING names is there" named

# Ends before it builds or touches a log: this very run's are there.
named_in_vain() {
        local status=0
        tests/run debug -- unit/arena integration/threads no-such-suite >"$dir/said" || status=$?
        cat "$dir/said"
        [ $status = 2 ] && grep -q "named 'integration/threads' runs in debug" "$dir/said" && grep -q 'threads.sh runs in: tsan' "$dir/said" &&
                grep -q "named 'no-such-suite' runs in debug" "$dir/said"
}
check "tests/run refuses the name of a suite that would not run" named_in_vain

# `draw` of tests/faults/lib.sh, which refuses to in a subshell. There, and in a here-document, RANDOM is not what the seed says.
drawn_in_one_place() { ! grep -nE 'RANDOM|[$]\((draw|draw_of) ' tests/faults/*.sh tests/faults/run | grep -vE '^tests/faults/lib.sh:[0-9]+:(#|seed_with|        printf )|SRANDOM'; }
check "what chance decides in the fault suite comes from its seed" drawn_in_one_place
exit $failures
