#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Exactly-once with a bolt of a millisecond a tuple in one of two paths that are joined: epochs do not wait for what is queued before it, nor does what they
# record of that grow. Counted in epochs and bytes: for 2,000 tuples the bolt takes two seconds at least, in which an epoch may take four intervals and more.
# alone
# modes: release
source "$(dirname "$0")/lib"

# slow_path ONE PROPERTIES TWO PROPERTIES: two bolts one after the other in one path; the other path has none.
slow_path() {
        cat <<YAML
name: joined
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 50, topology.checkpoint.recorded.bytes: 65536 }
spouts: [{ id: gen, component: generate, properties: { count: 2000, fields: { n: seq } } }]
bolts:
  - { id: one, component: $1, properties: { $2 } }
  - { id: two, component: $3, properties: { $4 } }
  - { id: both, component: count, properties: { by: n, emit: end } }
  - { id: out, component: write, properties: { path: $dir/out } }
streams:
  - { from: gen, to: one, grouping: { type: shuffle } }
  - { from: one, to: two, grouping: { type: shuffle } }
  - { from: two, to: both, grouping: { type: fields, args: [n] } }
  - { from: gen, to: both, grouping: { type: fields, args: [n] } }
  - { from: both, to: out, grouping: { type: shuffle } }
YAML
}
figure() { grep -o "\"$1\":[0-9]*" "$dir/json" | head -n 1 | cut -d: -f2; }
makes_epochs() {
        rm -f "$dir/out"
        slow_path "$@" >"$dir/joined.yaml"
        "$squall" run --json "$dir/joined.yaml" 2>>"$dir/err" | tail -n 1 >"$dir/json"
        [ "$(figure newest)" -ge 8 ] && [ "$(figure given_up)" -eq 0 ] &&
                [ "$(grep -c "$(printf '\t')2$" "$dir/out")" -eq 2000 ]
}

check "epochs are made before a slow bolt, and small" makes_epochs sleep 'us: 1000' filter "where: 'true'"
check "and before one that waits for it" makes_epochs filter "where: 'true'" sleep 'us: 1000'

# A bolt that is slower still looks for marks between two tuples only, and the socket holds less than is on its way: an epoch waits for one tuple all the
# same, and not for one after each time that the socket was read empty. Counted in tuples: how many there were in five epochs.
cat >"$dir/slower.yaml" <<YAML
name: slower
config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 20, topology.channel.batches: 1, topology.checkpoint.dir: $dir/epochs }
spouts: [{ id: gen, component: generate, properties: { rate: 1000, fields: { n: seq } } }]
bolts:
  - { id: slow, component: sleep, properties: { ms: 200 } }
  - { id: out, component: write, properties: { path: $dir/slower.out } }
streams:
  - { from: gen, to: slow, grouping: { type: shuffle } }
  - { from: slow, to: out, grouping: { type: shuffle } }
YAML
newest() { ls "$dir/epochs" 2>/dev/null | sort -n | tail -n 1; }
reaches() { [ "$(newest)" -ge "$1" ]; }
come_out() { cat "$dir/slower.out" 2>/dev/null | wc -l; }
has_come_out() { [ "$(come_out)" -ge "$1" ]; }
all_have_gone() { ! kill -0 "${workers[@]}" 2>/dev/null; }
waits_for_one_tuple() {
        local run before n
        "$squall" run "$dir/slower.yaml" >"$dir/said" 2>&1 &
        run=$!
        until_true has_come_out 3
        before=$(come_out)
        until_true reaches $(($(newest) + 5))
        n=$(($(come_out) - before))
        mapfile -t workers < <(pgrep -P $run)
        kill -KILL $run
        wait $run
        until_true all_have_gone # the slow one comes back from its callback first
        echo "$n tuples"
        [ "$n" -gt 0 ] && [ "$n" -le 20 ]
}
check "and an epoch waits for one tuple of a slower one" waits_for_one_tuple
exit $failures
