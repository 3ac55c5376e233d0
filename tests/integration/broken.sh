#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every file of tests/broken is refused as the .expected file beside it says: all its errors, warnings and notes, and exit status 2.
# `tests/integration/broken.sh --write` writes those files anew from what the command says: read the difference.
source "$(dirname "$0")/lib"
export C=$build/tests/components

say() { # SENTENCE, after a command
        if [ $? = 0 ]; then echo "ok - $1"; else echo "not ok - $1"; failures=1; fi
}

# What check says of a file, with this machine's paths taken out, and its exit status.
refusal() {
        (cd tests/broken && "$squall" check "$1" 2>&1; echo "exit status $?") | sed "s|$C|\$C|g; s|$PWD|.|g; s/has [0-9]* bytes, of which this Squall knows [0-9]*/has N bytes, of which this Squall knows N/"
}

for file in tests/broken/*.yaml; do
        name=$(basename "$file" .yaml)
        refusal "$name.yaml" >"$dir/output"
        [ "${1:-}" = --write ] && cp "$dir/output" "tests/broken/$name.expected"
        diff -u "tests/broken/$name.expected" "$dir/output" && tail -n 1 "$dir/output" | grep -qx 'exit status 2'
        say "refuses ${name//_/ } and says why"
done

# check SENTENCE PATTERN FILE: refused with one error, which matches, and with little text.
refuses() {
        local output status
        output=$("$squall" check "$3" 2>&1)
        status=$?
        [ $status = 2 ] && grep -qE "$2" <<<"$output" && [ "$(grep -vc '^ *[0-9]* | ' <<<"$output")" = 1 ] && [ ${#output} -lt 500 ]
        say "$1"
}
truncate -s 100M "$dir/sparse.yaml"
yes 'a: b' | head -c 100M >"$dir/huge.yaml"
mkfifo "$dir/fifo.yaml"
head -c 100000 /dev/zero | tr '\0' '[' >"$dir/deep.yaml"
refuses "refuses a missing file" "can't read the file: No such file" "$dir/missing.yaml"
refuses "refuses a folder" "can't read the file: Is a directory" "$dir"
refuses "refuses an unreadable name" "can't read the file" "$dir/missing.yaml/x"
refuses "refuses 100 MB of text" "too large" "$dir/huge.yaml"
refuses "refuses 100 MB of nothing" "too large" "$dir/sparse.yaml"
refuses "does not wait for a fifo" "is empty" "$dir/fifo.yaml"
# The shell's <(...): who writes into it may be slow.
mkfifo "$dir/slow.yaml"
exec {slow}<>"$dir/slow.yaml"
"$squall" check "$dir/slow.yaml" >"$dir/said" 2>&1 {slow}>&- &
is_reading_or_gone() { [ ! -e /proc/$! ] || ls -l /proc/$!/fd | grep -q "slow.yaml"; }
until_true is_reading_or_gone
cat topologies/trending/trending.yaml >&$slow
exec {slow}>&-
wait $! && grep -q "3 components" "$dir/said"
say "waits for what somebody is about to write into a pipe"
refuses "refuses 100,000 open brackets" "nested too deeply" "$dir/deep.yaml"

# A component that is cut short anywhere is refused, and never kills the command.
cp "$C/sink.so" "$dir/cut.so"
printf 'name: t\nspouts:\n  - { id: a, component: %s }\n' "$dir/cut.so" >"$dir/cut.yaml"
crashes=0
size=$(stat -c %s "$dir/cut.so")
for part in 0 1 63 64 200 $((size / 8)) $((size / 4)) $((size / 3)) $((size / 2)); do
        head -c "$part" "$C/sink.so" >"$dir/cut.so"
        "$squall" check "$dir/cut.yaml" >/dev/null 2>&1
        [ $? = 2 ] || crashes=$((crashes + 1))
done
[ $crashes = 0 ]
say "refuses a component that is cut short"
exit $failures
