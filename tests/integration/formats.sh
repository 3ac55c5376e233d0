#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A supervisor goes on with the state directory that another version has left: tests/fixtures has one of each, made by tests/fixtures/make.
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
exit $failures
