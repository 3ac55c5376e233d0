#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The benchmark: that it runs, checks its results and reports in every format. What it measures is no matter of a test.
# modes: release
source "$(dirname "$0")/lib"

measures() {
        "$squall" bench --quick --rounds 1 --only words-floor --only words-once --only words-watched --only start-3 --json \
                --samples "$dir/samples" --html "$dir/report.html" --svg "$dir/report.svg" >"$dir/report.json"
}
check "measures the rows that are asked for" measures
json() {
        python3 - "$dir/report.json" <<'P'
import json, sys
report = json.load(open(sys.argv[1]))
assert [row["id"] for row in report["rows"]] == ["words-floor", "words-once", "words-watched", "start-3"], report["rows"]
assert all(row["min"] == row["median"] == row["max"] > 0 and row["runs"] == 1 for row in report["rows"])
assert report["machine"]["cores"] > 0 and report["machine"]["cpu"] and report["version"].startswith("squall")
ratio = report["ratios"][0]
assert ratio["id"] == "words-once/floor" and ratio["met"] == (ratio["median"] >= 0.5)
P
}
records() { "$squall" bench --quick --rounds 1 --only csv-in --only jsonl-filter-least --json | grep -q '"id":"jsonl-filter-least".*"id":"csv-in"'; }
check "measures records of formats, each of which arrives" records
limits() { "$squall" bench --quick --rounds 1 --only ads-plain --json | grep -qE '"limit":"[a-z, ]+ \([0-9.]+ of [0-9]+ in use\); of the tasks. time events [0-9]+ %, views '; }
check "says what the advertisements are limited by" limits
arrivals() {
        "$squall" bench --quick --rounds 1 --only tcp-floor --only tcp-nc --only tcp-once --only zmq-once --json >"$dir/arrivals" &&
                grep -q '"id":"tcp-floor".*"id":"tcp-once".*"id":"zmq-once"' "$dir/arrivals" &&
                { ! nc -h 2>&1 | grep -q OpenBSD || grep -q '"id":"tcp-nc"' "$dir/arrivals"; }
}
check "measures lines and messages of a client, each of which arrives" arrivals
command -v python3 >/dev/null && check "reports as JSON, with the ratio to the floor" json
is_xml() { ! command -v python3 >/dev/null || python3 -c 'import sys, xml.etree.ElementTree as x; x.parse(sys.argv[1])' "$1"; }
drawn() { is_xml "$dir/report.svg" && grep -q "<svg" "$dir/report.svg" && grep -q "<svg.*</svg>\|<table>" "$dir/report.html"; }
check "draws a chart" drawn
grows() {
        "$squall" bench --quick --rounds 1 --only start-3 --samples "$dir/samples" --json | grep -q '"id":"start-3".*"runs":2' &&
                [ "$(grep -c start-3 "$dir/samples")" = 2 ]
}
check "adds to the samples of an earlier run" grows
refuses() { "$squall" bench --only nothing 2>"$dir/errors"; [ $? = 2 ] && grep -q "no row or group is called nothing" "$dir/errors"; }
check "refuses a row that it does not know" refuses
# A book that lost a line is a benchmark with a wrong result.
cheats() {
        mkdir -p "$dir/bin/tests" "$dir/bin/spouts" && cp -r "$(dirname "$squall")/tests/bench" "$dir/bin/tests" &&
                cp "$squall" "$(dirname "$squall")"/{squall-worker,libsquall-kit.so} "$dir/bin" && cp -r "$(dirname "$squall")"/{spouts,bolts} "$dir/bin" &&
                sed -i 1000d "$dir/bin/tests/bench/kjv.txt" || return
        ! "$dir/bin/squall" bench --quick --rounds 1 --only words-once 2>"$dir/errors" && grep -q "words counted: [0-9]*, not" "$dir/errors"
}
check "ends when a result is wrong" cheats
missing() { rm "$dir/bin/tests/bench/run" && ! "$dir/bin/squall" bench 2>"$dir/errors" && grep -q "make install" "$dir/errors"; }
check "says what is missing" missing
exit $failures
