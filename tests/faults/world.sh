# SPDX-License-Identifier: Apache-2.0
# The world around it: clients, disks, files, clocks, and more to do than can be done. Scenarios of tests/faults/run, which sources this.

# Under a daemon, and with a broadcast: every kind of socket there is.
scenario_hostile() {
        local kind untouched='' top
        PASSES=1 GROUPING="{ type: all }" topology
        host
        submit
        top=$(echo "$XDG_RUNTIME_DIR"/squall/top-*)
        check "a hostile client has its say" timeout 60 "$build/tests/faults/hostile" "$seed" "${HOSTILE_ROUNDS:-300}" "$top" "$XDG_RUNTIME_DIR/squall"
        for kind in t a b control report commands; do
                grep -Eq "^$kind[0-9]* [1-9]" "$dir/check" || untouched+="$kind "
        done
        check "and finds task and ack inboxes, a broadcast, control, reports and commands" test -z "$untouched"
        pause 1
        check "the daemon answers as before" answers
        check "and no worker was replaced" eval '! "$squall" logs faults supervisor | grep -q "killed\|exited"'
        dismiss
        verdict "corrupt, truncated, oversized and nested messages on every socket change nothing and kill nobody" "duplicates == 0"
}

scenario_full() {
        [ "$(id -u)" = 0 ] && mkdir -p "$dir/small" && mount -t tmpfs -o size=2m tmpfs "$dir/small" 2>/dev/null || { ok "a disk that fills # skip: needs root"; return; }
        RATE=20000 CONFIG="topology.spout.retry.delay.ms: 20" JOURNAL=$dir/small topology
        begin
        until_true 20 full_up || true
        pause 1
        mount -o remount,size=200m "$dir/small"
        pause 2
        drain
        cp "$dir"/small/got.* "$dir/j"
        umount "$dir/small"
        verdict "nothing is lost when the disk is full for a while" "restarts == 0"
        check "and the cause is told" grep -q "No space left on device" "$dir/err"
}
full_up() { grep -q "No space left on device" "$dir/err"; }

# What a bolt makes durable in `.flush` stands before its acks, also while its output is blocked.
scenario_flush() {
        cat >"$dir/t.yaml" <<YAML
name: faults
config: { topology.delivery: at-least-once }
spouts: [{ id: n, component: generate, properties: { count: 10000, fields: { n: seq } } }]
bolts:
  - { id: through, component: $build/tests/components/through.so, properties: { path: $dir/durable } }
  - { id: slow, component: sleep, properties: { us: 200 } }
streams:
  - { from: n, to: through, grouping: { type: shuffle } }
  - { from: through, to: slow, grouping: { type: shuffle } }
YAML
        begin
        until_true 20 test -s "$dir/durable"
        for _ in 1 2 3 4; do
                pause_between 100 500
                kill -KILL "$(worker through/0)" 2>/dev/null
        done
        check "a topology whose bolt is killed while its output is blocked gets done" ended 60
        check "and each number that was acked is durable" test "$(sort -nu "$dir/durable" | wc -l)" = 10000
}

# What a bolt emits in `finish` has no spout to replay it: its sink tries it again.
scenario_finish() {
        [ "$(id -u)" = 0 ] && mkdir -p "$dir/small" && mount -t tmpfs -o size=64k tmpfs "$dir/small" 2>/dev/null || { ok "results for a disk that is full # skip: needs root"; return; }
        cat >"$dir/t.yaml" <<YAML
name: faults
config: { topology.delivery: at-least-once }
spouts: [{ id: n, component: generate, properties: { count: 5000, fields: { n: seq } } }]
bolts:
  - { id: count, component: count, parallelism: 2, properties: { by: [n], emit: end } }
  - { id: out, component: write, properties: { path: $dir/small/out } }
streams:
  - { from: n, to: count, grouping: { type: fields, args: [n] } }
  - { from: count, to: out, grouping: { type: global } }
YAML
        head -c 200k /dev/zero >"$dir/small/filler" 2>/dev/null
        begin
        until_true 20 full_up || true
        pause 2
        mount -o remount,size=20m "$dir/small"
        check "a topology whose results find the disk full for a while gets done" ended 60
        cp "$dir/small/out" "$dir/results"
        umount "$dir/small"
        check "and the cause is told" full_up
        check "and no result is missing" test "$(cut -f 1 "$dir/results" | sort -nu | wc -l)" = 5000
}

scenario_files() {
        topology
        PREFIX="prlimit --nofile=64:64"
        start
        PREFIX=
        strike pass/0 9
        pause 2
        drain
        verdict "64 open files are enough, a restart included" "restarts == 1" "fds <= 64"
}

scenario_clock() {
        topology
        export SQUALL_CLOCK=$dir/clock
        echo 0 >"$SQUALL_CLOCK"
        PREFIX="env LD_PRELOAD=$build/tests/components/clock.so"
        start -c topology.message.timeout.secs=2 -c supervisor.worker.timeout.secs=2
        PREFIX=
        pause 1
        for jump in 3600 -3600 86400 0; do
                echo "$jump" >"$SQUALL_CLOCK"
                pause 1
        done
        drain
        unset SQUALL_CLOCK
        verdict "a clock that jumps an hour or a day is not noticed" "duplicates == 0" "restarts == 0"
}

# ---- overload ----

rss_of_minute() { awk -v from="$1" -v to="$2" 'NR == 1 { t = $1 } $1 - t >= from && $1 - t < to { s += $2; n++ } END { print n ? int(s / n) : 0 }' "$dir/samples"; }

scenario_overload() {
        local half=${1:-60} first second
        RATE=0 PASSES=1 PASS=$(faulty "slow_us: 1000") topology
        begin -c topology.message.timeout.secs=10
        pause $((2 * half))
        first=$(rss_of_minute $((half / 2)) "$half") second=$(rss_of_minute $((half + half / 2)) $((2 * half)))
        drain 60
        verdict "a consumer far too slow leads to no time-out and no replay" "duplicates == 0" "restarts == 0"
        check "and memory stays as it was: $first KiB, later $second KiB" test $((second * 20)) -le $((first * 21))
}

scenario_slow_one() {
        RATE=0 COUNT=100000 PASSES=8 GROUPING="{ type: shuffle }" PASS=$(faulty "slow_task: 3, slow_us: 2000") topology
        begin
        check "with one of eight tasks slow under shuffle all gets done" goes_on
        verdict "the other seven take the load, and nothing times out" "duplicates == 0" "seconds <= 20"
}

scenario_cycle() {
        local delivery
        for delivery in at-most-once at-least-once; do
                RATE=0 COUNT=200000 PASSES=2 PASS=$(faulty "turns: 3") DELIVERY=$delivery topology
                sed -i 's/^streams:/&\n  - { from: pass, to: pass, grouping: { type: fields, args: [key], streamId: again } }/' "$dir/t.yaml"
                begin
                check "a cycle under full load ends by itself ($delivery)" goes_on
                verdict "and loses nothing ($delivery)" "duplicates == 0" "sent == 200000"
        done
}
