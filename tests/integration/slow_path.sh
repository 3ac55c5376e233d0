#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Exactly-once with a bolt of a millisecond a tuple in one of two paths that are joined: epochs do not wait for what is queued before it, nor does what they
# record of that grow. Counted in epochs and bytes: for 2,000 tuples the bolt takes two seconds at least, in which an epoch may take four intervals and more.
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
exit $failures
