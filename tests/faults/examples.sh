# SPDX-License-Identifier: Apache-2.0
# Exactly once: what topologies/ have that goes by event time comes to the same rows, whoever dies and whatever is done to it. Scenarios of tests/faults/run, which sources this.

# example NAME: $dir/t.yaml, slow enough that it can be hit (more so with `slower`), and $dir/want, which it comes to when nothing happens.
example() {
        local file=topologies/$1/$1.yaml interval
        draw_of interval 15 30 60
        export OUT=$dir/got COUNT='' RATE=''
        scaled=()
        case $1 in
                trending) COUNT=7200 RATE=2500 ;;
                sessions) scaled=(sessions) RATE=120 ;;
                iot-spikes) scaled=(in-order averages) COUNT=20000 RATE=8000 ;;
                fraud) scaled=(with-logins) RATE=150 ;;
                ad-analytics) scaled=(counts) COUNT=60000 RATE=25000 ;;
                sliding-tuple-ts) file=topologies/sliding-window/$1.yaml COUNT=6000 RATE=2500 ;;
        esac
        RATE=$((RATE / ${slower:-1}))
        rm -rf "$dir/epochs" "$dir/got" "$dir/want" "$dir/saved"
        cp "${file%/*}"/*.csv "$dir" 2>/dev/null
        {
                printf '%s\n' "name: faults" "config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: $interval }"
                sed "/^name:/d; /^config:/d; /^  topology.delivery:/d; s/format: csv,/format: csv, rate: $RATE,/" "$file"
        } >"$dir/t.yaml"
        OUT=$dir/want RATE=0 timeout 60 "$squall" run <(sed "s/rate: $RATE,//; s|path: \([a-z]*\.csv\)|path: $dir/\1|; s|:-\([a-z]*\.csv\)|:-$dir/\1|" "$dir/t.yaml") >"$dir/out" 2>"$dir/err" && [ -s "$dir/want" ]
}
is_as_without() { diff <(sort "$dir/got") <(sort "$dir/want") | head -n 10 | { ! grep .; }; }
each_example() { # COMMAND...: with the name of each
        local name
        for name in trending sessions iot-spikes fraud ad-analytics sliding-tuple-ts; do
                check "$name comes to its end when nobody dies" example $name
                "$@"
                check "and $name comes to the same rows when they do" is_as_without
                check "and nothing is left" nothing_is_left
        done
}
scenario_exact_examples() { each_example dies_and_ends "${1:-3}"; }

has_got() { [ "$(cat "$dir/got" 2>/dev/null | wc -l)" -gt "$1" ]; }
# Other numbers of tasks in the file that is gone on with.
rescale() { local n; draw n 1 3; sed -i "s/parallelism: [0-9]/parallelism: $n/" "$dir/t.yaml"; }
is_moved() {
        local move rows
        host
        told submit "$dir/t.yaml" --wait
        rows=$(wc -l <"$dir/want")
        for move in $(printf '%s\n' savepoint rebalance update stop kill_host from | shuf --random-source=<(yes "$seed$name") | head -n 2); do
                until_true 20 has_got $((rows / 8))
                [ $move != rebalance ] || [ ${#scaled[@]} -gt 0 ] || move=update
                rescale
                ! is_finished || break
                check "$move is done to it" move_on $move
                pause_between 0 100
                any_deaths
        done
        check "it comes to its end" until_true 60 is_finished
        told kill faults --wait 0
        told supervisor --stop
        ended 20
        rm -rf "$dir/state"
}
scenario_moved_examples() { slower=3 each_example is_moved; }
