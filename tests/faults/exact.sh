# SPDX-License-Identifier: Apache-2.0
# Exactly once: every result of the built-ins that keep state, byte for byte what awk comes to. Scenarios of tests/faults/run, which sources this.

# Epochs are short, so that many are under way when something dies. Of LINES lines at RATE a second: each number that a word reaches; the twenty most frequent; windows of 20 words that begin every 10; windows of time.
exact_topology() {
        local interval
        draw_of interval 15 30 60
        mkdir -p "$dir/j"
        awk -v lines="${LINES:-6000}" 'BEGIN { srand(7); for (i = 0; i < lines; i++) { s = ""; for (w = 0; w < 8; w++) s = s (w ? " " : "") "w" int(300 * rand() * rand()); print s } }' >"$dir/lines"
        tr ' ' '\n' <"$dir/lines" | awk '{ print $1 "\t" ++n[$1] }' | sort >"$dir/want.counts"
        tr ' ' '\n' <"$dir/lines" | sort | uniq -c | awk '{ print $2 "\t" $1 }' >"$dir/want.totals"
        sort -t$'\t' -k2,2nr -k1,1 "$dir/want.totals" | head -n 20 | awk '{ print NR "\t" $0 }' >"$dir/want.top"
        awk '{ for (at = 10; at <= $2; at += 10) print $1 "\t" (at > 10 ? 20 : 10); if ($2 % 10) print $1 "\t" ($2 > 10 ? 10 : 0) + $2 % 10 }' "$dir/want.totals" | sort >"$dir/want.slides"
        cat >"$dir/t.yaml" <<YAML
name: faults
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: $interval }
spouts: [ { id: in, component: file, properties: { path: $dir/lines, rate: ${RATE:-3000}, follow: ${FOLLOW:-false} } } ]
bolts:
  - { id: words, component: split, parallelism: 2 }
  - { id: count, component: count, parallelism: 2 }
  - { id: top, component: top, properties: { n: 20, rank: true } }
  - { id: slide, component: window, parallelism: 2, properties: { size: 20 tuples, slide: 10 tuples, by: [word], compute: { n: count } } }
  - { id: timed, component: window, properties: { size: 100ms, by: [word], compute: { n: count } } }
  - { id: counts, component: write, properties: { path: $dir/got.counts } }
  - { id: ranks, component: write, properties: { path: $dir/got.top } }
  - { id: slides, component: write, properties: { path: $dir/got.slides, visible: commit } }
  - { id: times, component: write, properties: { path: $dir/got.times } }
streams:
  - { from: in, to: words, grouping: { type: shuffle } }
  - { from: words, to: count, grouping: { type: fields, args: [word] } }
  - { from: words, to: slide, grouping: { type: fields, args: [word] } }
  - { from: words, to: timed, grouping: { type: global } }
  - { from: count, to: top, grouping: { type: global } }
  - { from: count, to: counts, grouping: { type: global } }
  - { from: top, to: ranks, grouping: { type: global } }
  - { from: slide, to: slides, grouping: { type: global } }
  - { from: timed, to: times, grouping: { type: global } }
YAML
}
is_exact() {
        sort "$dir/got.counts" | cmp - "$dir/want.counts" && cmp "$dir/got.top" "$dir/want.top" && sort "$dir/got.slides" | cmp - "$dir/want.slides" &&
                awk -F '\t' '{ n[$1] += $4 } END { for (w in n) print w "\t" n[w] }' "$dir/got.times" | sort | cmp - "$dir/want.totals"
}
has_epoch() { [ -n "$(find "$1" -maxdepth 1 -name '[0-9]*' 2>/dev/null)" ]; }
hit() { kill -KILL "$@" 2>/dev/null || true; }
hit_one() {
        local all one
        all=($(workers))
        [ ${#all[@]} = 0 ] || { draw_of one "${all[@]}"; hit "$one"; }
}
# One, all at once, one and then another while all begin anew.
any_deaths() {
        local how
        draw how 0 2
        case $how in
                0) hit_one ;;
                1) hit $(workers) ;;
                2) hit_one; pause_between 0 120; hit_one ;;
        esac
}

# dies_and_ends TIMES: runs $dir/t.yaml, while workers die, or the supervisor does, and the next one goes on from its epochs.
dies_and_ends() {
        local over=
        begin -c "topology.checkpoint.dir=$dir/epochs"
        for _ in $(seq "$1"); do
                until_true 20 has_epoch "$dir/epochs"
                pause_between 0 700
                is_gone && break
                if one_in 3; then
                        { kill -KILL $supervisor && ended 20; } 2>/dev/null
                        has_epoch "$dir/epochs" || { over=1 status=0; break; } # it had come to its end, and needs them no more
                        begin -c "topology.checkpoint.dir=$dir/epochs" --from "$dir/epochs"
                else
                        any_deaths
                fi
        done
        check "exactly once, a run ends by itself, with 0, whoever was killed" eval '{ [ $over ] || ended 90; } && [ $status = 0 ]'
}
scenario_exact() {
        exact_topology
        dies_and_ends "${1:-6}"
        check "and counts, ranks and windows are, byte for byte, what they would have been" is_exact
        check "and nothing is left" nothing_is_left
}
scenario_quick_exact() { scenario_exact 4; }

has_rows() { [ "$(cat "$dir/got.counts" 2>/dev/null | wc -l)" -gt "$1" ]; }
told() { "$squall" "$@" >>"$dir/out" 2>>"$dir/err"; }
is_finished() { "$squall" list --json | grep -q '"state":"finished"'; }
# What is done to it while it runs, and then somebody dies. `scaled`: the bolts that may have other numbers of tasks.
scaled=(count slide)
move_on() {
        local folder bolt n counts=()
        case $1 in
                savepoint) told savepoint faults ;;
                rebalance)
                        for bolt in "${scaled[@]}"; do
                                draw n 1 3
                                counts+=(-p "$bolt=$n")
                        done
                        told rebalance faults "${counts[@]}"
                        ;;
                update) told update faults "$dir/t.yaml" ;;
                stop) told supervisor --stop && ended 30 && host ;;
                kill_host) kill_host; host ;;
                from)
                        folder=$dir/saved
                        told kill faults --savepoint --to "$folder" && told submit "$dir/t.yaml" --from "$folder" --wait
                        ;;
        esac
}
scenario_exact_moves() {
        local move at=0 moves=(savepoint rebalance update stop kill_host from)
        LINES=$((8000 + ${1:-6} * 4000)) exact_topology
        host
        told submit "$dir/t.yaml" --wait
        for move in $(printf '%s\n' "${moves[@]}" | shuf --random-source=<(yes "$seed") | head -n "${1:-6}"); do
                at=$((at + 3000))
                until_true 20 has_rows $at
                ! has_rows $(($(wc -l <"$dir/lines") * 8 - 30000)) || break # the machine is slow, and the file comes to its end
                check "exactly once, $move is done to a topology that runs" move_on "$move"
                pause_between 0 300
                any_deaths
        done
        check "it comes to its end" until_true 60 is_finished
        check "and counts, ranks and windows are, byte for byte, what they would have been without" is_exact
        told kill faults --wait 0
        told supervisor --stop
        ended 20
        check "and nothing is left" nothing_is_left
}
scenario_quick_moves() { scenario_exact_moves 3; }

# The disk of the epochs fills, and cannot be written, and their folder is removed: who has died goes back to the last one that was made. What
# comes in is appended bit by bit, so that there is always something to go on with.
scenario_exact_disk() {
        [ "$(id -u)" = 0 ] && mkdir -p "$dir/small" && mount -t tmpfs -o size=8m tmpfs "$dir/small" 2>/dev/null || { ok "the disk of epochs fills # skip: needs root"; return; }
        fed=0
        LINES=4000 FOLLOW=true exact_topology
        mv "$dir/lines" "$dir/all"
        : >"$dir/lines"
        begin -c "topology.checkpoint.dir=$dir/small/epochs"
        goes_on_with 500 "a topology goes on"
        head -c 20m /dev/zero >"$dir/small/filler" 2>/dev/null
        check "with their disk full no epoch is made, and that is said" until_true 20 grep -q "No space left on device" "$dir/err"
        goes_on_with 500 "the topology goes on"
        hit_one
        goes_on_with 500 "also when somebody dies"
        rm "$dir/small/filler"
        newer_epoch
        hit_one # the files of epochs stay open, so it is busy but for the moment of a restart
        until_true 20 mount -o remount,ro "$dir/small"
        check "nor is one when it cannot be written" until_true 20 grep -q "Read-only file system" "$dir/err"
        hit_one
        goes_on_with 500 "the topology goes on, also when somebody dies then"
        mount -o remount,rw "$dir/small"
        newer_epoch
        check "nor when their folder is gone, and something else in its place" eval 'until_true 20 displaced && until_true 20 grep -q "Not a directory" "$dir/err"'
        goes_on_with 500 "the topology goes on"
        rm "$dir/small/epochs"
        newer_epoch # the folder is made again
        hit_one
        goes_on_with 1500 "and when somebody dies after that"
        drain
        check "exactly once, it drains" test "$status" = 130
        check "and counts, ranks and windows are, byte for byte, what they would have been" is_exact
        umount "$dir/small"
}
displaced() { rm -rf "$dir/small/epochs" && : >"$dir/small/epochs"; }
newest_epoch() { find "$dir/small/epochs" -maxdepth 1 -name '[0-9]*' -printf '%f\n' 2>/dev/null | sort -n | tail -n 1; }
is_newer() { [ "$(newest_epoch)" -gt "${1:-0}" ]; }
newer_epoch() { check "there are epochs again" until_true 20 is_newer "$(newest_epoch)"; }
goes_on_with() { # LINES SENTENCE
        head -n $((fed + $1)) "$dir/all" | tail -n "$1" >>"$dir/lines"
        fed=$((fed + $1))
        check "$2" until_true 20 has_rows $((fed * 8 - 1))
}
