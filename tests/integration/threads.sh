#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The word count with its tasks in processes of their own, in two packed workers and in one: the runs that the thread sanitizer watches.
# modes: tsan
source "$(dirname "$0")/lib"
book=topologies/wordcount/kjv.txt

head -n 4000 "$book" >"$dir/text"
tr -s ' \t\r\n' '\n' <"$dir/text" | grep . | sort | uniq -c | awk '{ print $2 "\t" $1 }' | sort >"$dir/expected"
cat >"$dir/threads.yaml" <<YAML
name: threads
spouts: [{ id: lines, component: file, parallelism: 2, properties: { path: $dir/text } }]
bolts:
  - { id: split, component: split, parallelism: 2 }
  - { id: count, component: count, parallelism: 2, properties: { emit: end } }
  - { id: write, component: write, properties: { path: $dir/counts } }
streams:
  - { from: lines, to: split, grouping: { type: shuffle } }
  - { from: split, to: count, grouping: { type: fields, args: [word] } }
  - { from: count, to: write, grouping: { type: global } }
YAML

for workers in 0 2 1; do
        sentence="the count is right with topology.workers $workers"
        if timeout 120 "$squall" run "$dir/threads.yaml" -c topology.workers=$workers && sort "$dir/counts" | diff -q "$dir/expected" -; then
                echo "ok - $sentence"
        else
                echo "not ok - $sentence"
                failures=1
        fi
done
exit $failures
