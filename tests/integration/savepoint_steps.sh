#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The supervisor is killed by kill -9 at each step of a savepoint (files and folders that it makes, writes, syncs, links, renames and removes), of one that
# leaves its topology and of one that ends it, on the file system of the state and on another one: the savepoint is there whole or not at all, and where
# it is not, the next attempt in the same place makes it.
# For its settings see `stepped`.
# alone
# modes: release
source "$(dirname "$0")/stepped"

cat >"$dir/counts.yaml" <<YAML
name: counts
spouts: [{ id: gen, component: generate, properties: { rate: 2000, fields: { k: uniform 1 500 } } }]
bolts: [{ id: count, component: count, properties: { by: [k], emit: end } }, { id: sink, component: write, properties: { path: $dir/got } }]
streams: [{ from: gen, to: count, grouping: { type: fields, args: [k] } }, { from: count, to: sink, grouping: { type: global } }]
YAML
other=$(mktemp -d -p /dev/shm 2>/dev/null) || other=$dir/other
on_exit remove_other
remove_other() { rm -rf "$other"; }
mkdir "$dir/same"

keeps_keys() { "$squall" status counts --json | grep -q '"keys":[1-9]'; }
is_running() { [ "$(state)" = running ]; }
is_gone() { [ -z "$(state)" ]; }
go() { # what is there goes on, or begins
        lives || { wait $supervisor; start; } 2>/dev/null
        is_gone && "$squall" submit "$dir/counts.yaml" --wait >/dev/null
        until_true is_running && until_true keeps_keys
}
save() { # VERB PLACE
        case $1 in
                leave) "$squall" savepoint counts "$2" ;;
                end) "$squall" kill counts --savepoint --to "$2" ;;
        esac >"$dir/said" 2>&1
}
is_made() { save "$@" || ! grep -q 'is under way' "$dir/said"; } # what the one before was part of is settled first
is_whole() { "$squall" savepoint show "$1" >"$dir/shown" 2>&1; }
# Of a process of ours.
has_ended() { ! grep -qs '^State:.[^XZ]' "/proc/$1/status"; }
# killed_at VERB PLACE STEP...
killed_at() {
        local verb=$1 place=$2 saving said
        rm -rf "$place" "$place.new" "$dir/steps/struck"
        go || { echo "it does not begin: $("$squall" list)"; return 1; }
        arm supervisor kill 1 "${@:3}"
        save "$verb" "$place" &
        saving=$!
        until has_ended $saving || is_dead; do nap 0.01; done
        lives || { wait $supervisor; start; } 2>/dev/null
        wait $saving
        said=$?
        disarm
        [ $said != 0 ] || [ -e "$place" ] || { echo "it is said to be there, and is not"; return 1; }
        [ -e "$dir/steps/struck" ] || { : $((unreached++)); echo "it was not come to: $(cat "$dir/said")"; return 1; }
        lives || { wait $supervisor; start; } 2>/dev/null
        if [ -e "$place" ]; then
                is_whole "$place" || { cat "$dir/shown"; return 1; }
                rm -rf "$place"
        fi
        go && until_true is_made "$verb" "$place" && is_whole "$place" && [ ! -e "$place.new" ] || { echo "the next one: $(cat "$dir/said")"; return 1; }
}

start
for verb in leave end; do
        for place in "$dir/same/saved" "$other/saved"; do
                rm -rf "$place" "$place.new"
                go
                : >"$dir/steps/trace"
                arm
                until_true is_made $verb "$place"
                disarm
                awk '$1 == "supervisor" && $2 != "send" && !n[$2 " " $3]++ { print $2, $3 }' "$dir/steps/trace" |
                        grep -v '^spawn' >"$dir/all"
                echo "# of a savepoint that is to $verb its topology there are $(wc -l <"$dir/all") kinds of steps"
                case $steps in
                        all) cp "$dir/all" "$dir/drawn" ;;
                        *) grep -e topology.yaml -e manifest -e plan -e saved "$dir/all" | shuf -n $((3 * steps)) --random-source=<(yes $seed) >"$dir/drawn" ;;
                esac
                mapfile -t drawn < <(grep -e "${only:-.}" "$([ -n "$only" ] && echo "$dir/all" || echo "$dir/drawn")")
                for step in "${drawn[@]}"; do
                        check "killed at $step, it is there or not, and the next one is ($verb, ${place%/*})" killed_at $verb "$place" $step
                done
        done
done
check "each step was come to" [ $unreached = 0 ]
"$squall" kill counts --wait 0 >/dev/null 2>&1
kill -TERM $supervisor
check "in the end no process is left" until_true no_worker
exit $failures
