#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The page that the supervisor serves, in headless Chromium: what it shows is what there is, it changes what it is told to, and asks nobody else.
# `make test-page` runs it; PICTURES=DIR keeps what was seen.
# modes: release
source "$(dirname "$0")/../integration/supervised"
command -v chromium >/dev/null || { echo "ok - the page # skip no chromium (make test-page installs it)"; exit 0; }

cat >"$dir/shop.yaml" <<'YAML'
name: shop
spouts: [{ id: orders, component: generate, properties: { fields: { user: zipf 1000 1.2, n: seq } }, event-time: { field: n, format: s } }]
bolts:
  - { id: parse, component: filter, properties: { where: 'true' } }
  - { id: price, component: sleep, parallelism: 3, properties: { ms: 2 } }
  - { id: audit, component: filter, properties: { where: 'true' } }
  - { id: store, component: 'null' }
streams:
  - { from: orders, to: parse, grouping: { type: shuffle } }
  - { from: parse, to: price, grouping: { type: fields, args: [user] } }
  - { from: parse, to: audit, grouping: { type: shuffle } }
  - { from: price, to: store, grouping: { type: shuffle } }
  - { from: audit, to: store, grouping: { type: shuffle } }
  - { from: orders, to: store, grouping: { type: shuffle } }
YAML
sed 's/^name: shop/name: <b>calm/; s/<b>//; s/fields: { user/rate: 200, fields: { user/; s/ms: 2/ms: 0/' "$dir/shop.yaml" >"$dir/calm.yaml"
start --http 127.0.0.1:0
port=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\)$|\1|p' "$dir/err")
"$squall" submit --wait "$dir/shop.yaml" >>"$dir/err" 2>&1
"$squall" submit --wait "$dir/calm.yaml" >>"$dir/err" 2>&1
kill -KILL "$(pid shop audit/0)"
mkdir -p "${PICTURES:=$dir/pictures}"
PYTHONDONTWRITEBYTECODE=1 python3 tests/page/look.py "http://127.0.0.1:$port/" "$dir/profile" "$PICTURES" "$(cat "$dir/state/http.token")" || failures=1
rebalances() { pgrep -P "$supervisor" -f 'squall rebalance' >/dev/null; }
until_true eval '! rebalances' # the tasks are there before the supervisor has said so
exit $failures
