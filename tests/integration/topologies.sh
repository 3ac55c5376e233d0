#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each topology of topologies/ against the same calculation by coreutils and awk: any parallelism, any packing into workers, any grouping.
source "$(dirname "$0")/lib"
export SQUALL_BUILD=$build

run() { timeout 120 "$squall" run "$@" 2>"$dir/stderr" || { echo "exit status $?"; cat "$dir/stderr"; return 1; }; }
words() { tr -s ' \t\n\v\f\r' '\n' <"$1" | grep .; }
same() { cmp <(sort "$1") "$2"; }

kjv=topologies/wordcount/kjv.txt
words $kjv | sort | uniq -c | awk '{ print $2 "\t" $1 }' | sort >"$dir/expected"
sort -t$'\t' -k2,2nr -k1,1 "$dir/expected" | head -n 20 >"$dir/top"

check "the book has 31,102 lines, 820,736 words, 59,958 different ones" \
        [ "$(wc -l <$kjv) $(words $kjv | wc -l) $(wc -l <"$dir/expected")" = "31102 820736 59958" ]

# ---- what check says of them ----

warned() { "$squall" check "$@" 2>&1 >/dev/null | grep -c warning; }
unwarned() { for file in topologies/*/*.yaml; do case $file in *.test.yaml) ;; *) [ "$(warned "$file")" = 0 ] || { echo "$file"; return 1; } ;; esac; done; }
check "check finds nothing to say of any of them" unwarned
lossy() { grep -v '^config:\|topology.delivery' topologies/wordcount/demo.yaml >"$dir/lossy.yaml"; sed -i "s|kjv.txt|$PWD/$kjv|" "$dir/lossy.yaml"; }
lossy
check "keyed state that dies with its worker is told of, once" test "$(warned "$dir/lossy.yaml")" = 1
check "with the mend" says "the keyed state of 'count' and 1 more bolt is lost with a worker that dies ('topology.delivery: exactly-once' keeps it;" "$squall" check "$dir/lossy.yaml"
check "which is no error" exits_with 0 "$squall" check "$dir/lossy.yaml"
check "and not to who has chosen" test "$(warned "$dir/lossy.yaml" -c topology.delivery=at-most-once)" = 0
cat >"$dir/timed.yaml" <<YAML
name: timed
spouts: [{ id: clock, component: timer }]
bolts: [{ id: count, component: count, properties: { by: n } }, { id: sink, component: "null" }]
streams:
  - { from: clock, to: count, grouping: { type: fields, args: [n] } }
  - { from: count, to: sink, grouping: { type: shuffle } }
YAML
check "where a spout keeps exactly-once out, it is named" says "which the spout 'clock' cannot do" "$squall" check "$dir/timed.yaml"

# ---- wordcount ----

wordcount() { OUT=$dir/counts run topologies/wordcount/wordcount.yaml "$@" && same "$dir/counts" "$dir/expected"; }
check "wordcount counts as sort and uniq do" wordcount
for workers in 1 2 3 4; do
        check "wordcount counts the same in $workers workers" wordcount -c topology.workers=$workers
done
check "wordcount counts the same without acks" wordcount -c topology.delivery=at-most-once
check "wordcount counts the same in batches of 1 KiB" wordcount -c topology.batch.bytes=1024
check "wordcount counts the same with 100 lines in flight" wordcount -c topology.max.spout.pending=100

# splits LANGUAGE PROGRAM
splits() {
        if command -v "$2" >/dev/null; then
                head -n 4000 $kjv >"$dir/text" && words "$dir/text" | sort | uniq -c | awk '{ print $2 "\t" $1 }' | sort >"$dir/few"
                check "the words that a program in $1 splits are counted" \
                        eval "TEXT=$dir/text OUT=$dir/split run topologies/multilang/wordcount-$1.yaml && same $dir/split $dir/few"
        else
                echo "ok - the words that a program in $1 splits are counted # skip: no $2"
        fi
}
splits python python3
splits node node

# wordcount with SPOUTS, SPLITS, COUNTS, WRITES tasks; GROUPING feeds split.
scaled() {
        cat >"$dir/scaled.yaml" <<YAML
name: scaled
spouts: [{ id: lines, component: file, parallelism: $1, properties: { path: $PWD/$kjv } }]
bolts:
  - { id: split, component: split, parallelism: $2 }
  - { id: count, component: count, parallelism: $3, properties: { by: word, emit: end } }
  - { id: write, component: write, parallelism: $4, properties: { path: $dir/counts } }
streams:
  - { from: lines, to: split, grouping: { type: $5$6 } }
  - { from: split, to: count, grouping: { type: fields, args: [word] } }
  - { from: count, to: write, grouping: { type: ${7:-shuffle} } }
YAML
        run "$dir/scaled.yaml" && same "$dir/counts" "$dir/expected"
}
for n in 1 2 3 4 5 6 7 8; do
        check "wordcount counts the same with $n tasks a component" scaled $n $n $n $n shuffle ""
done
for grouping in shuffle local-or-shuffle none global; do
        check "wordcount counts the same when split is fed by $grouping" scaled 2 3 2 1 $grouping "" global
done
for grouping in fields partial-key; do
        check "wordcount counts the same when split is fed by $grouping" scaled 2 3 2 2 $grouping ", args: [line]"
done

all() {
        sed 's/^  - { from: split.*/  - { from: split, to: count, grouping: { type: all } }/' "$dir/scaled.yaml" >"$dir/all.yaml"
        run "$dir/all.yaml" && same "$dir/counts" <(sed 'p;p' "$dir/expected")
}
scaled 1 2 3 1 shuffle "" >/dev/null
check "with the all grouping each of three count tasks counts every word" all

# ---- demo ----

demo() {
        run topologies/wordcount/demo.yaml >"$dir/demo" || return 1
        diff <(grep -E '^ *[0-9]+ +[^ ]+ +[0-9]+$' "$dir/demo" | awk '{ print $2 "\t" $3 }') "$dir/top" &&
                grep -qx '820736 words, 59958 distinct' "$dir/demo"
}
check "the demo prints the 20 most frequent words in order, and the totals" demo

# ---- exclamation ----

exclamation() {
        COUNT=5000 OUT=$dir/marked run topologies/exclamation/exclamation.yaml || return 1
        [ "$(wc -l <"$dir/marked")" = 5000 ] && ! grep -vE '^[a-z]+!!!!!!$' "$dir/marked"
}
check "exclamation marks each of 5,000 words twice" exclamation

# The same words without the bolts, for the generator is a function of its seed.
words_alone() {
        cat >"$dir/words.yaml" <<YAML
name: words
spouts: [{ id: words, component: generate, properties: { count: 5000, fields: { word: words } } }]
bolts: [{ id: write, component: write, properties: { path: $dir/words } }]
streams: [{ from: words, to: write, grouping: { type: shuffle } }]
YAML
        run "$dir/words.yaml" && same "$dir/marked" <(sed 's/$/!!!!!!/' "$dir/words" | sort)
}
check "exclamation loses and invents no word" words_alone

# ---- top-words ----

top_words() {
        OUT=$dir/rolling EVERY=0.2 RATE=100000 run topologies/top-words/top-words.yaml || return 1
        diff <(tail -n 20 "$dir/rolling" | cut -f 2,3) "$dir/top" && [ $(($(wc -l <"$dir/rolling") % 20)) = 0 ]
}
check "top-words ends with the 20 most frequent words in order" top_words
rising() { awk -F'\t' '{ if ($1 != (NR - 1) % 20 + 1 || ($1 > 1 && $3 > last)) exit 1; last = $3 }' "$dir/rolling"; }
check "every table of top-words is ranked" rising

exit $failures
