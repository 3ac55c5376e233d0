#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an operator sees of a topology at a glance: what limits it, and why.
# modes: release asan
source "$(dirname "$0")/supervised"

# topology NAME RATE MS: five bolts one after the other, the middle one takes MS a tuple.
topology() {
        cat >"$dir/$1.yaml" <<YAML
name: $1
spouts: [{ id: gen, component: generate, properties: { rate: $2, fields: { n: seq } } }]
bolts:
  - { id: one, component: filter, properties: { where: 'true' } }
  - { id: two, component: filter, properties: { where: 'true' } }
  - { id: three, component: sleep, properties: { ms: $3 } }
  - { id: four, component: filter, properties: { where: 'true' } }
  - { id: five, component: 'null' }
streams:
  - { from: gen, to: one, grouping: { type: shuffle } }
  - { from: one, to: two, grouping: { type: shuffle } }
  - { from: two, to: three, grouping: { type: shuffle } }
  - { from: three, to: four, grouping: { type: shuffle } }
  - { from: four, to: five, grouping: { type: shuffle } }
YAML
}

start
topology slow 0 2
topology easy 100 0
"$squall" submit --wait "$dir/slow.yaml" >>"$dir/err" 2>&1
"$squall" submit --wait "$dir/easy.yaml" >>"$dir/err" 2>&1

# limit NAME: the line of `status`
limit() { "$squall" status "$1" | grep '^bottleneck:'; }
check "one slow bolt among five is named, with the reason" until_true eval '
        limit slow | grep -q "^bottleneck: three: busy [0-9]* % of the time; [a-z]* waits"'
check "and what to try" says "squall rebalance slow --component three=2" "$squall" status slow
check "so it is for programs" eval '"$squall" status slow --json | grep -q "\"bottleneck\":{\"component\":\"three\",.*\"keeps_up\":false"'
check "what keeps up is said to" until_true eval 'limit easy | grep -q "^bottleneck: none: it keeps up"'
check "a rate is that of its spout" until_true eval '
        "$squall" status easy --json | grep -oE "\"emitted\":\{\"s1\":[0-9.]*,\"s10\":(9[0-9]|10[0-9])[.]" | grep -q .'
check "nothing of it is wider than a terminal" eval '! "$squall" status slow | grep -E "^.{81}"'
exit $failures
