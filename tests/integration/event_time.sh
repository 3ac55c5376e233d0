#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Event time through real processes: a bolt with a timer for each tuple, which rings when the watermark has come to the tuple's time.
source "$(dirname "$0")/supervised"
mkdir -m 700 "$dir/state"

words() { awk -v n="$1" -v to="$2" 'BEGIN { for (i = 1; i <= to; i++) print n (i % 7) "," i }'; } # NAME TO
spout() { # ID MORE...
        local id=$1
        shift
        echo "  - { id: $id, component: file, properties: { path: $dir/$id.csv, format: csv, fields: { word: str, at: int }, follow: ${follow:-false} }, event-time: { field: at, format: s$* } }"
}
alarm="component: $build/tests/components/event_alarm.so, properties: { seconds: 0 }"
rings() { grep -v '^finish' "$dir/rings" 2>/dev/null | cut -f 1,3 | sort; } # word, time
finishes() { grep '^finish' "$dir/rings" | cut -f 3 | sort -u; }
have_rung() { [ "$(rings | wc -l)" -ge "$1" ]; }
rest() { # PARALLELISM GROUPING SPOUT...
        local tasks=$1 grouping=$2 id
        shift 2
        echo "bolts:"
        echo "  - { id: alarm, $alarm, parallelism: $tasks }"
        echo "  - { id: write, component: write, properties: { path: $dir/rings, mode: append, visible: ${visible:-written} } }"
        echo "  - { id: late, component: write, properties: { path: $dir/late, mode: append } }"
        echo "streams:"
        for id; do echo "  - { from: $id, to: alarm, grouping: $grouping }"; done
        echo "  - { from: alarm, to: write, grouping: { type: global } }"
        echo "  - { from: alarm, to: late, grouping: { type: global }, streamId: late }"
}
by_word='{ type: fields, args: [word] }'

# ---- To the natural end ---------------------------------------------------------------------------------
for id in a b; do { echo word,at; words $id 2000; } >"$dir/$id.csv"; done
tail -qn +2 "$dir/a.csv" "$dir/b.csv" | tr , '\t' | sort >"$dir/all"
{ echo "name: ends"; echo "spouts:"; spout a; spout b; rest 2 "$by_word" a b; } >"$dir/ends.yaml"
ends() { rm -f "$dir/rings" "$dir/late"; timeout 60 "$squall" run "$@"; }
ends_well() { diff <(rings) "$dir/all" | head && [ "$(finishes)" = -1 ] && [ ! -s "$dir/late" ]; }
for how in "" --inline; do
        ends $how "$dir/ends.yaml" >"$dir/said" 2>&1
        check "each timer runs once by the natural end, and nothing is late${how:+ (inline)}" ends_well
done
{ echo "name: ends"; echo "spouts:"; spout a; spout b; rest 2 '{ type: all }' a b; } >"$dir/all.yaml"
ends "$dir/all.yaml" >"$dir/said" 2>&1
check "watermarks come with broadcasts" eval 'diff <(rings | uniq -c | sed "s/^ *2 //") "$dir/all" | head && [ "$(finishes)" = -1 ]'
cat >"$dir/parsed.yaml" <<YAML
name: parsed
spouts: [ { id: lines, component: file, properties: { path: $dir/lines } } ]
bolts:
  - { id: parse, component: json, properties: { fields: { word: str, at: int } }, event-time: { field: at, format: s } }
  - { id: alarm, $alarm }
  - { id: write, component: write, properties: { path: $dir/rings, mode: append } }
streams:
  - { from: lines, to: parse, grouping: shuffle }
  - { from: parse, to: alarm, grouping: { type: global } }
  - { from: alarm, to: write, grouping: { type: global } }
YAML
awk -F , 'NR > 1 { print "{\"word\":\"" $1 "\",\"at\":" $2 "}" }' "$dir/a.csv" >"$dir/lines"
ends "$dir/parsed.yaml" >"$dir/said" 2>&1
check "a bolt that parses begins event time" eval 'diff <(rings) <(grep ^a "$dir/all") | head && [ "$(finishes)" = -1 ]'

# What has no time can have none at another try: each bolt that needs one leaves it out at once, whichever component has the event time.
cat >"$dir/untimed" <<'LINES'
{"k":"a","at":1}
{"k":"b"}
{"k":"c","at":null}
{"k":"d","at":true}
{"k":"e","at":"noon"}
{"k":"f","at":[2]}
{"k":"g","at":3}
LINES
# untimed PLACE BOLT DELIVERY: event time begins at the spout, `in`, or the bolt that reads its lines, `read`
untimed() {
        local time=', event-time: { field: at, format: s }'
        cat >"$dir/untimed.yaml" <<YAML
name: untimed
config: { topology.delivery: $3, topology.dead.letter.path: $dir/letters, topology.spout.retry.delay.ms: 60000 }
spouts:
  - { id: in, component: file, properties: { path: $dir/untimed, $([ "$1" = in ] && echo "format: jsonl, fields: [k, at]") }$([ "$1" = in ] && echo "$time") }
bolts:
  - { id: read, component: $([ "$1" = in ] && echo "identity" || echo "json, properties: { fields: [k, at] }$time") }
  - { id: needs, component: $2 }
  - { id: out, component: write, properties: { path: $dir/timed } }
  - { id: all, component: write, properties: { path: $dir/seen } }
streams:
  - { from: in, to: read, grouping: shuffle }
  - { from: read, to: needs, grouping: { type: global } }
  - { from: read, to: all, grouping: { type: global } }
  - { from: needs, to: out, grouping: { type: global } }
YAML
        rm -f "$dir/letters"
        timeout 30 "$squall" run "$dir/untimed.yaml" --json >"$dir/said" 2>&1 || return
        diff <(sed -n 's/.*"task":"needs\/0".*holds no time: \(.*\)","tuples":\[{"record":{"k":"\(.\)".*/\2 \1/p' "$dir/letters" | sort) \
                <(printf '%s\n' 'b null' 'c null' 'd true' 'e \"noon\"' 'f [2]') &&
                [ "$(cut -c 1 "$dir/seen" | sort -u | tr -d '\n')" = abcdefg ] && [ "$(wc -l <"$dir/seen")" = 7 ]
}
for place in in read; do
        for delivery in at-least-once exactly-once; do
                check "what has no time is left out once, by its field and value ($delivery, event time of '$place')" \
                        eval "untimed $place 'window, properties: { size: 10s, compute: { n: count } }' $delivery && [ \"\$(cut -f 3 $dir/timed)\" = 2 ]"
        done
done
check "by reorder and dedupe, too" eval "untimed in reorder at-least-once && untimed read 'dedupe, properties: { by: k, within: 10s }' exactly-once"

# Text in the field is a time as `format` says it is written, there and for who reads it; what is not has none.
written() { # FORMAT WORD,TEXT...: 09:30 UTC of that day
        local format=$1
        shift
        printf '%s\n' word,at "$@" >"$dir/w.csv"
        cat >"$dir/written.yaml" <<YAML
name: written
spouts: [ { id: w, component: file, properties: { path: $dir/w.csv, format: csv }, event-time: { field: at, format: '$format' } } ]
bolts:
  - { id: window, component: window, properties: { size: 30m, compute: { words: count } } }
  - { id: write, component: write, properties: { path: $dir/windows } }
streams:
  - { from: w, to: window, grouping: shuffle }
  - { from: window, to: write, grouping: { type: global } }
YAML
        ends "$dir/written.yaml" >"$dir/said" 2>&1
        printf '2026-11-26T09:30:00Z\t2026-11-26T10:00:00Z\t%s\n' $# | diff "$dir/windows" - || { cat "$dir/said"; return 1; }
}
check "text is a time of ISO 8601, with a zone and without" written iso8601 a,2026-11-26T09:30:00Z b,2026-11-26T10:30:00.25+01:00 \
        "c,2026-11-26 09:59:59,999"
check "or of a pattern" written '%d/%b/%Y:%T %z' "a,26/Nov/2026:10:30:00 +0100" "b,26/Nov/2026:09:45:00 +0000"
check "or of seconds in text" written s a,1795685400 b,1795687199

# ---- One that ends, one that falls silent, one that goes on ---------------------------------------------
for id in a b c; do echo word,at >"$dir/$id.csv"; done
words a 100 >>"$dir/a.csv"
words b 50 >>"$dir/b.csv"
words c 80 >>"$dir/c.csv"
{
        echo "name: mixed"
        echo "config: { topology.delivery: at-least-once }"
        echo "spouts:"
        spout a
        follow=true spout b ", idle: 300ms"
        follow=true spout c
        rest 2 "$by_word" a b c
} >"$dir/mixed.yaml"
rm -f "$dir/rings" "$dir/late"
start
"$squall" submit "$dir/mixed.yaml" --wait >/dev/null
check "a source that has ended and one that is idle are not waited for" until_true have_rung 210
check "and what is beyond the one that goes on does not ring" eval '[ "$(rings | wc -l)" = 210 ] && rings | awk -F "\t" "\$2 > 80 { exit 1 }"'
check "status shows the watermark" until_true says "alarm: event time 1970-01-01T00:01:20Z, " "$squall" status mixed
check "and who is idle" says "; 1 of 1 tasks idle" "$squall" status mixed
check "and so does top, of each component" until_true eval '"$squall" top mixed --once | grep -Eq "^b .* [0-9]+ d [0-9]+ h +1$"'
check "and so does its JSON" says '"event_time":{"watermark":"1970-01-01T00:01:20Z","lag_s":' "$squall" status mixed --json
echo c,90 >>"$dir/c.csv"
check "it goes on" until_true have_rung 221
echo b,60 >>"$dir/b.csv"
check "what an idle source brings behind the watermark is late" until_true grep -q "b	60" "$dir/late"
check "and its timer runs at once" until_true have_rung 222

# Of the tasks of the alarm one dies, and begins with nothing: it is told again what it was told before.
kill -KILL "$(pid mixed alarm/0)" "$(pid mixed alarm/1)"
back() { [ "$(pid mixed alarm/0)" -gt 0 ] && [ "$(pid mixed alarm/1)" -gt 0 ] && is_in_state mixed running; } 2>/dev/null
until_true back
before=$(rings | wc -l)
echo d,95 >>"$dir/c.csv"
check "a task that was restarted knows the watermark again" until_true grep -q "^d	.*	95" "$dir/rings"
"$squall" rebalance mixed alarm=3 >/dev/null 2>>"$dir/err"
echo e,98 >>"$dir/c.csv"
check "so do the tasks after a rebalance" until_true grep -q "^e	.*	98" "$dir/rings"
check "which has let no timer run before its time" eval 'rings | awk -F "\t" "\$2 > 98 { exit 1 }"'
"$squall" kill mixed >/dev/null 2>>"$dir/err"
until_true no_worker
check "nor has the end" eval 'rings | awk -F "\t" "\$2 > 98 { exit 1 }" && [ "$(finishes)" = 98 ]'

# ---- Exactly-once ---------------------------------------------------------------------------------------
words x 6000 | sed 1iword,at >"$dir/x.csv"
words y 6000 | sed 1iword,at >"$dir/y.csv"
tail -qn +2 "$dir/x.csv" "$dir/y.csv" | tr , '\t' | sort >"$dir/all"
{
        echo "name: exact"
        echo "config: { topology.delivery: exactly-once, topology.checkpoint.interval.ms: 50 }"
        echo "spouts:"
        spout x ", out-of-orderness: 3s" | sed 's/follow: false/rate: 3000/'
        spout y ", out-of-orderness: 3s" | sed 's/follow: false/rate: 3000/'
        rest 2 "$by_word" x y
} >"$dir/exact.yaml"
all_ring_once() { diff <(rings) "$dir/all" | head && [ "$(finishes)" = -1 ] && [ ! -s "$dir/late" ]; }
is_over() { case $(state exact) in finished | failed) ;; *) false ;; esac; }
rm -f "$dir/late"
: >"$dir/rings"
"$squall" submit "$dir/exact.yaml" --wait >/dev/null
until_true have_rung 2000
"$squall" rebalance exact alarm=3 >/dev/null 2>>"$dir/err"
until_true is_over
check "after a rebalance under exactly-once each timer has run once" all_ring_once
stop
kill_supervisor

rm -f "$dir/late"
: >"$dir/rings"
"$squall" run "$dir/exact.yaml" >"$dir/said" 2>&1 &
run=$!
victim() { pgrep -P $run -f "squall: worker exact $1"; }
for task in alarm/0 x/0 alarm/1 y/0; do
        lines=$(wc -l <"$dir/rings")
        more() { [ "$(wc -l <"$dir/rings")" -gt $((lines + 200)) ] || ! kill -0 $run; }
        is_there() { victim $task >/dev/null || ! kill -0 $run; }
        until_true more
        until_true is_there
        kill -KILL $(victim $task) 2>/dev/null
done
wait $run
check "under exactly-once each timer runs once, whoever is killed" all_ring_once
check "and they were killed" says "restarts" cat "$dir/said"
exit $failures
