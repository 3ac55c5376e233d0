#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Storm's well-known examples, each against a calculation of its own by awk and coreutils, and their components' own tests.
source "$(dirname "$0")/lib"
export SQUALL_BUILD=$build

run() { timeout 120 "$squall" run "$@" 2>"$dir/stderr" || { echo "exit status $?"; cat "$dir/stderr"; return 1; }; }

for tests in topologies/*/*.test.yaml; do check "${tests#topologies/} passes" "$squall" test "$tests"; done

words() { tr -s ' \t\n\v\f\r' '\n' <topologies/wordcount/kjv.txt | grep .; }
words | sort | uniq -c | sort -k1,1nr -k2,2 | head -n 10 | awk '{ print NR "\t" $2 "\t" $1 }' >"$dir/top"

# No tick comes in an hour: the window is the whole book.
rolling() { OUT=$dir/out EVERY=3600 RATE=0 EMIT=end run topologies/rolling-top-words/rolling-top-words.yaml && diff "$dir/out" "$dir/top"; }
check "rolling-top-words finds the words of a window that holds the book" rolling
ticking() {
        OUT=$dir/out EVERY=0.2 RATE=20000 run topologies/rolling-top-words/rolling-top-words.yaml && [ "$(cut -f 1 "$dir/out" | sort -n | uniq | wc -l)" = 10 ] &&
                [ "$(head -n 10 "$dir/out" | cut -f 3)" = "$(head -n 10 "$dir/out" | cut -f 3 | sort -nr)" ]
}
check "rolling-top-words ranks ten words at every tick" ticking
skewed() { OUT=$dir/out run topologies/skewed-top-words/skewed-top-words.yaml && diff "$dir/out" "$dir/top"; }
check "skewed-top-words adds up what partial-key has dealt to two tasks" skewed

rows() { tail -n +2 "topologies/single-join/$1.csv" | sort -t, -k1,1; }
joined() {
        rm -f "$dir/unmatched"
        OUT=$dir/out UNMATCHED=$dir/unmatched TIMEOUT=1 run topologies/single-join/single-join.yaml || return
        diff <(sort "$dir/out") <(join -t, <(rows genders) <(rows ages) | tr , '\t' | sort) || return
        diff <(sort "$dir/unmatched") <({
                join -t, -v 1 <(rows genders) <(rows ages) | awk -F, '{ print $1 "\tgenders" }'
                join -t, -v 2 <(rows genders) <(rows ages) | awk -F, '{ print $1 "\tages" }'
        } | sort)
}
check "single-join joins as join does, and tells what has no other half" joined

log=topologies/log-analytics/access.log
analysed() {
        OUT=$dir run topologies/log-analytics/log-analytics.yaml || return
        diff <(cut -f 1 "$dir/malformed.tsv") <(grep '^malformed' $log) || return
        diff <(sort "$dir/statuses.tsv") <(grep -v '^malformed' $log | awk '{ n[$9]++ } END { for (s in n) print s "\t" n[s] }' | sort) || return
        diff <(cut -f 1,4 "$dir/slowest.tsv") <(grep -v '^malformed' $log | awk '{ sub(/\?.*/, "", $7); print $7 "\t" $11 + 0 }' | sort -t"$(printf '\t')" -k2,2gr | head -n 5) || return
        diff <(awk '{ print $1, $2, $5 + 0 }' "$dir/latencies.tsv" | sort) <(grep -v '^malformed' $log | awk '
                function tell(p) { print p, n[p], most[p] + 0; n[p] = most[p] = 0 }
                { sub(/\?.*/, "", $7); n[$7]++; if ($11 > most[$7]) most[$7] = $11 + 0; if (n[$7] == 100) tell($7) }
                END { for (p in n) if (n[p]) tell(p) }' | sort) || return
        diff <(sort "$dir/alerts.tsv") <(grep -v '^malformed' $log | awk '$9 >= 500 { sub(/\?.*/, "", $7); m = substr($4, 14, 5); if (++n[m, $7] == 5) print "2026-11-22T" m ":00Z\t" $7 "\t5" }' | sort)
}
check "log-analytics counts statuses, finds the slowest requests, windows of each path and the alerts as awk does" analysed
exit $failures
