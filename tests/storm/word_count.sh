#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `squall submit --storm` on an Apache Storm of its own, of Maven's jars: what it counts there it counts here.
# modes: release
# alone
source "$(dirname "$0")/../integration/lib"
for tool in java mvn; do command -v $tool >/dev/null || { echo "ok - a topology runs on Apache Storm # skip: no $tool"; exit 0; }; done

# The jars stay in the build, all else goes with the test.
export STORM_TEST_DIR=$build/storm STORM_BASE_PORT=$(free_port) MAVEN_REPO=${MAVEN_REPO:-$HOME/.m2/repository}
cluster() { tests/storm/cluster "$@"; }
# Children end when their worker has: by their folder they are known.
gone() { ! readlink /proc/[0-9]*/cwd 2>/dev/null | grep -q "^$STORM_TEST_DIR/"; }
end_cluster() {
        cluster clean >/dev/null 2>&1
        until_true gone
}
on_exit end_cluster
storm=127.0.0.1:$((STORM_BASE_PORT + 1))
begin() { cluster clean; timeout 200 tests/storm/cluster start </dev/null; }
if ! begin >"$dir/err" 2>&1; then
        # without the jars there is nothing to test; with them it must come up
        grep -q 'Maven could not fetch' "$dir/err" && { echo "ok - a topology runs on Apache Storm # skip: Maven has no jars of it"; exit 0; }
        check "Storm comes up" false
        exit $failures
fi

# within SECONDS COMMAND...
within() {
        local deadline=$((SECONDS + $1))
        until "${@:2}"; do [ $SECONDS -lt $deadline ] || return 1; nap 0.5; done 2>/dev/null
}
check "an empty cluster has no topology" eval '[ "$("$squall" list --storm $storm --json)" = "[]" ]'
head -n 2000 topologies/wordcount/kjv.txt >"$dir/lines.txt"
cat >"$dir/count.yaml" <<YAML
name: count
spouts:
  - { id: lines, component: file, properties: { path: lines.txt } }
bolts:
  - { id: split, component: split, parallelism: 2 }
  - { id: count, component: count, parallelism: 2, properties: { by: word, emit: end } }
  - { id: write, component: write, properties: { path: $dir/counts.tsv } }
streams:
  - { from: lines, to: split, grouping: { type: shuffle } }
  - { from: split, to: count, grouping: { type: fields, args: [word] } }
  - { from: count, to: write, grouping: { type: shuffle } }
YAML
check "a topology is submitted" "$squall" submit "$dir/count.yaml" --storm $storm
check "and is in the list" within 30 eval '[ "$("$squall" list --storm $storm --names)" = count ]'
sed "s|$dir/counts.tsv|$dir/own.tsv|" "$dir/count.yaml" >"$dir/own.yaml"
"$squall" run "$dir/own.yaml" >>"$dir/err" 2>&1
same() { cmp -s <(sort "$dir/own.tsv") <(sort "$dir/counts.tsv"); }
check "it comes to its end there, with the counts that it has here" within 150 same
check "its status has what each component has done" says "split" "$squall" status count --storm $storm
check "deactivate is taken" "$squall" deactivate count --storm $storm
check "and shown" within 30 eval '"$squall" list --storm $storm | grep -q inactive'
check "kill returns when it is gone" eval '"$squall" kill count --wait 1 --storm $storm && [ "$("$squall" list --storm $storm --json)" = "[]" ]'
exit $failures
