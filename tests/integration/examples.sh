#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Storm's well-known examples, each against a calculation of its own by awk and coreutils, and their components' own tests.
source "$(dirname "$0")/lib"
export SQUALL_BUILD=$build

run() { timeout 120 "$squall" run "$@" 2>"$dir/stderr" || { echo "exit status $?"; cat "$dir/stderr"; return 1; }; }

for tests in topologies/*/*.test.yaml; do check "${tests#topologies/} passes" "$squall" test "$tests"; done

words() { tr -s ' \t\n\v\f\r' '\n' <topologies/wordcount/kjv.txt | grep .; }
words | sort | uniq -c | sort -k1,1nr -k2,2 | head -n 10 | awk '{ print NR "\t" $2 "\t" $1 }' >"$dir/top"

# No window ends in a thousand days: the last one is the whole book.
rolling() {
        OUT=$dir/out EVERY=1000d LENGTH=3000d RATE=0 run topologies/rolling-top-words/rolling-top-words.yaml && diff <(cut -f 2,3 "$dir/out") <(cut -f 2,3 "$dir/top")
}
check "rolling-top-words finds the words of a window that holds the book" rolling
sliding_on() {
        OUT=$dir/out EVERY=200ms LENGTH=600ms RATE=20000 run topologies/rolling-top-words/rolling-top-words.yaml || return
        awk -F '\t' '{ if ($1 != end) { if (end && n != 10) exit 1; end = $1; ends++; n = 0 } else if ($3 > last) exit 1; last = $3; n++ } END { exit ends < 3 }' "$dir/out"
}
check "rolling-top-words ranks ten words of each window" sliding_on
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

# ---- Windows by event time, of what `generate` makes and of files ----

# made COUNT FIELDS: what a spout `generate` of these fields makes, as a topology would get it
made() {
        printf '%s\n' "name: made" "config: { topology.delivery: at-most-once }" "spouts: [{ id: made, component: generate, properties: { count: $1, fields: { $2 } } }]" \
                "bolts: [{ id: out, component: write, properties: { path: $dir/made } }]" "streams: [{ from: made, to: out, grouping: { type: global } }]" >"$dir/made.yaml"
        rm -f "$dir/made" && run "$dir/made.yaml" >"$dir/said" && [ -s "$dir/made" ]
}
fields_of() { sed -n 's/.*fields: { \(.*\) }\( } *\)\{0,1\}\( #.*\)\{0,1\}$/\1/p' "topologies/$1.yaml" | head -n 1 | sed 's/ *}$//'; }
clock='function clock(s) { return sprintf("1970-01-01T%02d:%02d:%02dZ", s / 3600, s % 3600 / 60, s % 60) }'
ads() {
        made 45000 "$(fields_of ad-analytics/ad-analytics)" || return
        COUNT=45000 OUT=$dir/ads run topologies/ad-analytics/ad-analytics.yaml || return
        awk -F '\t' "$clock"' NR == FNR { split($0, row, ","); campaign[row[1]] = row[2]; next }
                $4 == 0 { n[campaign[$3] "\t" int($1 / 10000)]++ }
                END { for (k in n) { split(k, at, "\t"); print at[1] "\t" clock(at[2] * 10) "\t" clock(at[2] * 10 + 10) "\t" n[k] } }' \
                topologies/ad-analytics/campaigns.csv "$dir/made" | sort >"$dir/want"
        [ "$(wc -l <"$dir/want")" = 500 ] && sort "$dir/ads" | diff - "$dir/want"
}
check "ad-analytics counts the views of each campaign in each ten seconds" ads
trends() {
        made 7200 "$(fields_of trending/trending)" || return
        OUT=$dir/trends run topologies/trending/trending.yaml || return
        awk "$clock"' { page[$1] = $2 }
                END { for (end = 10; end < 7200 + 600; end += 10) {
                        split("", n); views = pages = 0
                        for (s = end - 600; s < end; s++) if (s in page) { views++; if (!n[page[s]]++) pages++ }
                        line = end "\t" views "\t" pages "\t"
                        for (k = 0; k < 10 && k < pages; k++) {
                                best = ""
                                for (p in n) if (best == "" || n[p] > n[best] || (n[p] == n[best] && p + 0 < best + 0)) best = p
                                line = line best ":" n[best] " "; delete n[best] }
                        print line } }' "$dir/made" >"$dir/want"
        sed 's/.*"end":"[0-9-]*T\(..\):\(..\):\(..\)Z","views":\([0-9]*\),"pages":\([0-9]*\),"best":\[\(.*\)\].*/\1 \2 \3 \4 \5 \6/; s/{"value":\([0-9]*\),"count":\([0-9]*\)},\{0,1\}/\1:\2,/g' "$dir/trends" |
                awk '{ gsub(",", " ", $6); print $1 * 3600 + $2 * 60 + $3 "\t" $4 "\t" $5 "\t" $6 }' | diff - "$dir/want" | head -n 5 | grep . && return 1
        [ "$(wc -l <"$dir/want")" = 779 ]
}
check "trending has the ten most frequent pages of each ten minutes" trends
visits() {
        OUT=$dir/visits run topologies/sessions/sessions.yaml || return
        sed 1d topologies/sessions/clicks.csv | sort -s -t , -k2,2 -k1,1 | awk -F , '
                function at(text) { return substr(text, 12, 2) * 3600 + substr(text, 15, 2) * 60 + substr(text, 18, 2) }
                function day(s) { return sprintf("2026-11-26T%02d:%02d:%02dZ", s / 3600, s % 3600 / 60, s % 60) }
                function out() { if (n) print user "\t" day(first) "\t" day(last + 1800) "\t" n "\t" entry "\t" page "\t" pages "\t" ms "\t" slowest }
                $2 != user || at($1) > last + 1800 { out(); user = $2; first = at($1); entry = $3; n = ms = pages = 0; most = -1; split("", seen) }
                { last = at($1); page = $3; n++; ms += $4; if (!seen[$3]++) pages++; if ($4 > most) { most = $4; slowest = $3 } }
                END { out() }' | sort >"$dir/want"
        [ "$(wc -l <"$dir/want")" = 75 ] && sort "$dir/visits" | diff - "$dir/want"
}
check "sessions are the clicks of a user that are no more than half an hour apart" visits
sliding() {
        made 1000 "$(fields_of sliding-window/sliding-window)" || return
        OUT=$dir/averages run topologies/sliding-window/sliding-window.yaml || return
        diff "$dir/averages" <(awk '{ v[NR] = $1 } NR % 10 == 0 { s = 0; for (i = NR - 29; i <= NR; i++) s += v[i]; t += s; if (++n == 3) { print t / n; t = n = 0 } }
                END { if (n) print t / n }' CONVFMT=%.17g OFMT=%.17g "$dir/made" | awk '{ printf "%s\n", ($1 == int($1)) ? $1 ".0" : $1 }') >"$dir/difference" ||
                awk '/^[<>]/ { v[substr($0, 1, 1), ++n[substr($0, 1, 1)]] = $2 } END { for (i = 1; i <= n["<"]; i++) if ((d = v["<", i] - v[">", i]) * d > 1e-12) exit 1; exit n["<"] != n[">"] }' "$dir/difference"
}
check "sliding-window has the averages of sums of the last thirty" sliding
stamped() {
        made 300 "$(fields_of sliding-window/sliding-tuple-ts)" || return
        OUT=$dir/sums run topologies/sliding-window/sliding-tuple-ts.yaml || return
        diff "$dir/sums" <(awk "$clock"' { for (s = $1 - $1 % 3; s > $1 - 5; s -= 3) sum[s] += $2 }
                END { for (s = -3; s < 300; s += 3) print (s < 0 ? "1969-12-31T23:59:57Z" : clock(s)) "\t" clock(s + 5) "\t" sum[s] }' "$dir/made")
}
check "sliding-tuple-ts has the sums of five seconds, every three" stamped
stateful() {
        made 1000 "$(fields_of stateful-windowing/stateful-windowing)" || return
        OUT=$dir/totals run topologies/stateful-windowing/stateful-windowing.yaml || return
        diff "$dir/totals" <(awk '{ v[NR] = $1 } NR % 3 == 0 || last { for (i = NR - 4; i <= NR; i++) s += v[i]; print s }
                END { for (i = 998; i <= 1000; i++) s += v[i]; print s }' "$dir/made")
}
check "stateful-windowing adds up the windows of five, at every third" stateful
spikes() {
        made 20000 "$(sed -n 's/ *fields: { \(.*\) }$/\1/p' topologies/iot-spikes/iot-spikes.yaml)" || return
        OUT=$dir/spikes run topologies/iot-spikes/iot-spikes.yaml || return
        awk '{ print $1 - $2 "\t" $3 "\t" 200 + $4 + ($5 == 0 ? 300 : 0) }' "$dir/made" | sort -s -k1,1n | awk '{
                k = ++n[$2]; v[$2, k] = $3; sum[$2] += $3 - v[$2, k - 10]
                if ($3 * (k < 10 ? k : 10) > 1.5 * sum[$2]) print $2 "\t" $1 "\t" $3 }' | sort >"$dir/want"
        [ "$(wc -l <"$dir/want")" -gt 100 ] && cut -f 1-3 "$dir/spikes" | sort | diff - "$dir/want"
}
check "iot-spikes finds the readings that are half above their moving average" spikes
join_example() {
        OUT=$dir/out run topologies/join-example/join-example.yaml || return
        sort "$dir/out" | diff - <(for i in 0 2 4 6 8; do printf '%d\tmale\t%d\n%d\tfemale\t%d\n' $i $((i + 20)) $((i + 1)) $((i + 21)); done)
}
check "join-example joins the ten ids" join_example
frauds() {
        OUT=$dir/alerts run topologies/fraud/fraud.yaml || return
        awk -F , 'function at(text) { return substr(text, 12, 2) * 3600 + substr(text, 15, 2) * 60 + substr(text, 18, 2) }
                FNR == 1 { file++; next }
                file == 1 { k = ++n[$2]; time[$2, k] = at($1); from[$2, k] = $3; next }
                {       any = 0
                        for (i = 1; i <= n[$3]; i++) {
                                before = at($1) - time[$3, i]
                                if (before < 0 || before > 600) continue
                                any = 1
                                if ($4 > 5000 && from[$3, i] != $5) print $2 "\t" $3 "\t" $4 "\tlogin from " from[$3, i] ", payment from " $5 }
                        if (!any) print $2 "\t" $3 "\t" $4 "\tno login" }' topologies/fraud/logins.csv topologies/fraud/payments.csv | sort >"$dir/want"
        [ "$(wc -l <"$dir/want")" = 124 ] && sort "$dir/alerts" | diff - "$dir/want"
}
check "fraud finds the payments without a login, and those from elsewhere" frauds
# ---- in-order ----

# in_order COUNT: eight sources, of each so many numbers, none of them out of order.
in_order() { diff <(sort "$dir/order") <(for source in 0 1 2 3 4 5 6 7; do printf '%d\t%d\t0\n' $source "$1"; done); }
ordered() { OUT=$dir/order run topologies/in-order/in-order.yaml && in_order 10000; }
check "in-order: the numbers of each task come in their order" ordered
ordered_through_deaths() {
        local run pids
        sed 's/parallelism: 8/&\n    properties: { count: 1000000 }/; t; b' topologies/in-order/in-order.yaml |
                awk '/properties: { count/ && seen++ { next } { print }' >"$dir/in-order.yaml"
        : >"$dir/order"
        OUT=$dir/order "$squall" run "$dir/in-order.yaml" -c topology.checkpoint.interval.ms=50 >"$dir/said" 2>&1 &
        run=$!
        both() { pids=($(pgrep -P $run -f 'squall: worker [^ ]* (check|source)/3')) && [ ${#pids[@]} = 2 ]; }
        until_true both
        kill -KILL "${pids[@]}"
        wait $run || { cat "$dir/said"; return 1; }
        in_order 1000000 && grep -q 'killed by signal 9' "$dir/said" || { cat "$dir/said"; return 1; }
}
check "in-order: also when tasks on both sides die: none is missing, none comes twice" ordered_through_deaths
exit $failures
