#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A supervisor goes on with the state directory that another version has left, and a run with its epochs: tests/fixtures has one of each, made by
# tests/fixtures/make and make-run.
# modes: release
source "$(dirname "$0")/supervised"

# lay_components TOPOLOGY: ours, where its plan has the copies of those that it was submitted with
lay_components() {
        local copy
        mkdir -p "$1/components"
        cp "$build/libsquall-kit.so" "$1"
        for copy in $(grep -aoE '/components/[0-9]+-[a-z]+\.so' "$1/plan"); do
                cp "$(ls "$build"/{spouts,bolts}/"${copy##*-}" 2>/dev/null)" "$1$copy"
        done
}
sum() { awk '{ n += $2 } END { print n }' "$1"; }
gaps() { sort -nu "$1" | awk '$1 != NR - 1 { print "missing: " NR - 1; exit 1 } END { if (NR != '"$2"') { print NR " lines"; exit 1 } }'; }

for fixture in tests/fixtures/state-*; do
        version=${fixture##*-}
        rm -rf "$dir/state" "$dir"/{words,idle,done,gone}
        cp -r "$fixture" "$dir/state"
        chmod -R go-rwx "$dir/state"
        for topology in "$dir"/state/topologies/*; do lay_components "$topology"; done
        cp "$dir/state/idle.lines" "$dir/idle"
        cd "$dir" && start --state-dir /proc/self/cwd/state
        check "$version: a topology goes on where it was, with the keys that it had" until_true is_in_state words finished
        check "$version: and has counted every tuple once" [ "$(sum words)" = 6000 ]
        check "$version: one whose spouts are off keeps them off" eval '[ "$(state idle)" = inactive ] && cmp "$dir/state/idle.lines" idle'
        check "$version: until they are on" eval '"$squall" activate idle && until_true is_in_state idle finished'
        check "$version: and goes on where it was" gaps idle 2000
        check "$version: one that was finished is not run again" eval '[ "$(state done)" = finished ] && [ ! -e done ]'
        check "$version: of one that was killed there is the log" says "every tuple is processed" "$squall" logs gone
        stop
        wait $supervisor
        cd "$OLDPWD" || exit
done
# What was answered is not written over: whoever asks again would have it done twice.
printf 9 | dd of="$dir/state/requests" bs=1 seek=6 conv=notrunc 2>/dev/null
refuses_later_answers() { ! "$squall" supervisor --state-dir "$dir/state" >"$dir/said" 2>&1 && grep -q 'state/requests: a later version of Squall wrote it' "$dir/said"; }
check "a state directory whose answers a later version wrote is refused" refuses_later_answers

# Each number that a key reaches, once; its windows of 20 that begin every 10; the three that were reached last.
whole() {
        sort -k1,1n -k2,2n "$1/counts.tsv" | awk '{ if ($1 != key) { key = $1; n = 0 } if ($2 != ++n) { print "key " key ": " $2 " and not " n; exit 1 } } END { if (NR != 8000) { print NR " lines"; exit 1 } }' &&
                diff <(cut -f 1,2 "$1/windows.tsv" | sort) <(cut -f 1 "$1/counts.tsv" | sort | uniq -c | awk '{
                        for (at = 10; at <= $1; at += 10) print $2 "\t" (at > 10 ? 20 : 10)
                        if ($1 % 10) print $2 "\t" ($1 > 10 ? 10 : 0) + $1 % 10 }' | sort) &&
                diff "$1/ranks.tsv" <(cut -f 1 "$1/counts.tsv" | sort | uniq -c | sort -k1,1nr -k2,2 | head -n 3 | awk '{ print NR "\t" $2 "\t" $1 }')
}
for fixture in tests/fixtures/run-*; do
        version=${fixture##*-}
        cp -r "$fixture" "$dir/run-$version"
        chmod -R go-rwx "$dir/run-$version"
        cd "$dir/run-$version" || exit
        check "run $version: another run goes on from the epochs of one that was killed" "$squall" run topology.yaml --from epochs
        check "run $version: with its keys, windows, batches on their way and what was not published yet" whole .
        cd "$OLDPWD" || exit
done
exit $failures
